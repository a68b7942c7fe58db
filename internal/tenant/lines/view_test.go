package lines

import (
	"testing"

	"fishplate/internal/message"
)

// TestSetStatus keeps what frames an answer: behind a 101 the server's connection
// speaks another protocol, and would be taken for one to be used again.
func TestSetStatus(t *testing.T) {
	tests := []struct {
		frozen   Frozen
		from, to int
		want     bool
	}{
		{Nothing, 200, 404, true}, {Nothing, 200, 204, true}, {Nothing, 200, 199, false}, {Nothing, 200, 600, false},
		{BodyKept, 200, 404, true}, {BodyKept, 200, 204, false}, {BodyKept, 204, 304, true}, {BodyKept, 304, 200, false},
		{BodyKept, 101, 204, false}, {BodyKept, 101, 304, false}, {Nothing, 101, 200, false}, {BodyKept, 200, 101, false},
	}
	for _, tt := range tests {
		r := &message.Response{Status: tt.from}
		var w View
		w.AttachResponse(r)
		w.Freeze(tt.frozen)
		if got := w.SetStatus(tt.to); got != tt.want || (r.Status == tt.to) != (tt.want || tt.from == tt.to) {
			t.Errorf("from %d to %d: %v, now %d", tt.from, tt.to, got, r.Status)
		}
	}
}

// TestFieldsThatPose: a name that servers fold into a guarded one is guarded too,
// to be written; whoever wants may remove it.
func TestFieldsThatPose(t *testing.T) {
	for line, want := range map[string]bool{
		"Content-Length: 5": false, "Content_Length: 5": false, "content_LENGTH:5": false, "Transfer_Encoding: chunked": false, "X_Forwarded_For: 10.0.0.1": false,
		"X-Forwarded_For: 10.0.0.1": false, "X_Forwarded_Proto: https": false, "Keep_Alive: 5": false, "HTTP2_Settings: x": false, "Proxy_Connection: close": false,
		"Host: other": false, "X_Host: other": true, "Content_Type: a/b": true, "User_ID: 7": true, "_: 1": true, "____________________________________Host: x": true, "Content_Lengths: 5": true,
	} {
		if _, _, ok := splitField([]byte(line)); ok != want {
			t.Errorf("%s: %v", line, ok)
		}
	}
	r := &message.Request{}
	r.Add("X_Forwarded_For", "10.0.0.1")
	var w View
	w.AttachRequest(r, false)
	if w.Append([]byte("X_Forwarded_For: 10.0.0.2")) != Invalid {
		t.Error("appended")
	}
	if !w.Unset(FirstField) || r.Len() != 0 {
		t.Error("not removed")
	}
}
