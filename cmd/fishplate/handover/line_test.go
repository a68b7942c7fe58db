//go:build unix

package handover

import (
	"errors"
	"io"
	"os"
	"testing"
)

func pair(t *testing.T) (a, b *Line) {
	t.Helper()
	a, f, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	if b, err = Open(f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestMessagesCarryFiles(t *testing.T) {
	a, b := pair(t)
	const n = 600 // more than the kernel takes at once
	var files []*os.File
	for range n {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	sent := make(chan error, 1)
	go func() {
		err := a.Send("first", map[string]string{"a": "b"}, files)
		if err == nil {
			err = a.Send("second", nil, nil)
		}
		sent <- err
	}()
	var body map[string]string
	kind, got, err := b.Receive(func(string) any { return &body })
	if err != nil || kind != "first" || body["a"] != "b" || len(got) != n {
		t.Fatal(kind, body, len(got), err)
	}
	for _, f := range got {
		if st, err := f.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
			t.Fatal(st, err)
		}
		f.Close()
	}
	if kind, got, err := b.Receive(func(string) any { return nil }); err != nil || kind != "second" || len(got) != 0 {
		t.Fatal(kind, got, err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	a.Close()
	if _, _, err := b.Receive(func(string) any { return nil }); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

func TestForeignTalk(t *testing.T) {
	a, b := pair(t)
	if _, err := a.c.Write([]byte("HTTP/1.1 200 OK\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Receive(func(string) any { return nil }); err == nil {
		t.Error("understood")
	}
}
