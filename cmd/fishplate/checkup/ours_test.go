package checkup

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/internal/admin"
)

// TestServedOverflow: the doctor is told what the process has found of full queues,
// while that stands.
func TestServedOverflow(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var check admin.CheckStatus
	granted, waiting, most, dropped := 16, 0, 17, int64(0)
	accept := &admin.AcceptStatus{Shards: 1, Granted: &granted, Queue: &waiting, Most: &most, Dropped: &dropped}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/status") {
			_ = json.NewEncoder(w).Encode(admin.Status{PID: 1, Listeners: []admin.ListenerStatus{{Name: "web", Accept: accept}}, Checks: []admin.CheckStatus{{ID: "cpu.steal", Status: "fail", Text: "other"}, check}})
			return
		}
		_, _ = io.WriteString(w, "listener \"web\" {\n  bind = [\"127.0.0.1:8080\"]\n}\nvhost \"any\" {\n  route \"all\" {\n    respond {\n      body = \"ok\"\n    }\n  }\n}\n")
	})}
	go func() { _ = server.Serve(l) }() // until it is closed
	t.Cleanup(func() { _ = server.Close() })
	for status, want := range map[string]string{"ok": "", "info": "", "warn": "it stood still", "fail": "it stood still"} {
		check = admin.CheckStatus{ID: "tcp.listen-overflow", Status: status, Text: "it stood still", Fix: []string{"look who stops it"}}
		o, err := served(t.Context(), admin.NewClient(socket))
		if err != nil {
			t.Fatal(err)
		}
		if q := o.Listeners[0].Queue; q == nil || q.Dropped != -1 {
			t.Errorf("a queue that was full is said to have dropped none: %+v", q)
		}
		if o.Running.Overflow != want || (want != "") != (len(o.Running.Mends) == 1) {
			t.Errorf("%s: %+v", status, o.Running)
		}
	}
	granted, dropped = 32, 9 // its backlog was shorter when it was full
	o, err := served(t.Context(), admin.NewClient(socket))
	if err != nil {
		t.Fatal(err)
	}
	if q := o.Listeners[0].Queue.Lost(100); q.Dropped != 9 {
		t.Errorf("what the process says that it dropped is not believed: %+v", q)
	}
}
