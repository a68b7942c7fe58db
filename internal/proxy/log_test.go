package proxy

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// TestLogIntoAPipe: a pipe is a log when somebody reads it, and else an error
// that is not waited for.
func TestLogIntoAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := NewLog(&model.Log{Path: path, Sample: 1}, nil); err == nil || !strings.Contains(err.Error(), "nobody reads") {
		t.Fatalf("a pipe without a reader: %v, %v", l, err)
	}
	reader, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	l, err := NewLog(&model.Log{Path: path, Sample: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Write(0, &Record{HasRequest: true, Method: []byte("GET"), Path: []byte("/piped")})
	if line, err := bufio.NewReader(reader).ReadString('\n'); err != nil || !strings.Contains(line, "/piped") {
		t.Errorf("read %q, %v", line, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
