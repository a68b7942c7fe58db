package tenant

import (
	"strings"
	"testing"
)

// TestPosixThreads runs threads of a C library, made by main and by on_recv.
func TestPosixThreads(t *testing.T) {
	tn := hosted(t, "threads.c")
	want := map[string]string{
		"X-Jobs": "820, all worked 1", "X-Timed": "1 1 1 1", "X-Once": "1 7 20", "X-Robust": "1 0", "X-Many": "45",
	}
	if lines := tn.Logs(); len(lines) == 0 || lines[len(lines)-1].Text != "X-Jobs: "+want["X-Jobs"]+"\nX-Timed: "+want["X-Timed"] {
		t.Fatalf("log %v", lines)
	}
	for range 3 {
		req := request("/")
		if _, f := recv(t, tn, req, ""); f != nil {
			t.Fatal(f)
		}
		for name, text := range want {
			if got := value(&req.Header, name); got != text {
				t.Errorf("%s is %q, want %q", name, got, text)
			}
		}
	}
	if _, f := recv(t, tn, request("/"), "deadlock"); f == nil || f.Cause != "guest-deadlock" || !strings.Contains(f.Error(), "all threads wait without a time-out") {
		t.Error(f)
	}
	if _, f := recv(t, tn, request("/"), "exit"); f != nil {
		t.Error(f)
	}
}

func TestAsync(t *testing.T) {
	tn := hosted(t, "async.cpp")
	const want = "319600 4 1 42"
	if lines := tn.Logs(); len(lines) == 0 || lines[len(lines)-1].Text != want {
		t.Fatalf("log %v", lines)
	}
	for range 3 {
		req := request("/")
		if _, f := recv(t, tn, req, ""); f != nil {
			t.Fatal(f)
		}
		if got := value(&req.Header, "X-Async"); got != want {
			t.Errorf("X-Async is %q", got)
		}
	}
}
