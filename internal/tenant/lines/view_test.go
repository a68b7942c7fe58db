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
