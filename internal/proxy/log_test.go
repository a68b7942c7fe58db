package proxy

import (
	"io"
	"strings"
	"testing"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// TestLogIsWrittenForWhoAsks: a line that was encoded before somebody asks for
// the log is among those given, though the writer's time has not come; and a
// log that is closed keeps nobody waiting.
func TestLogIsWrittenForWhoAsks(t *testing.T) {
	l, err := NewLog(&model.Log{Path: "stderr", Sample: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.out = io.Discard
	for i := range 50 {
		l.Write(metrics.Shard(i), &Record{HasRequest: true, Method: []byte("GET"), Path: []byte("/" + strings.Repeat("x", i))})
		s := l.Subscribe(1)
		line := string(<-s.Lines())
		s.Close()
		if want := `"path":"/` + strings.Repeat("x", i) + `"`; !strings.Contains(line, want) {
			t.Fatalf("the line of request %d is not there yet: %s", i, line)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.settle()
}
