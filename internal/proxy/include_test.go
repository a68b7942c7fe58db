package proxy

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"fishplate/internal/cache"
	"fishplate/internal/message"
)

func okHead(f *fragment, status int) { f.head(&message.Response{Status: status}) }

// TestFragmentIsBounded shows that a fragment whose turn has not come holds its
// writer, and that reading lets it go on.
func TestFragmentIsBounded(t *testing.T) {
	f := newFragment()
	okHead(f, 200)
	body := bytes.Repeat([]byte("0123456789abcdef"), 5*fragmentMost/16)
	ended := make(chan error, 1)
	go func() {
		_, err := f.Write(body)
		f.end(err != nil)
		ended <- err
	}()
	var got []byte
	for {
		piece, err := f.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(piece) > 2*fragmentMost {
			t.Fatalf("%d bytes were held", len(piece))
		}
		got = append(got, piece...)
	}
	if err := <-ended; err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(body), err)
	}
}

func TestFragmentGivenUp(t *testing.T) {
	f := newFragment()
	okHead(f, 200)
	ended := make(chan error, 1)
	go func() {
		_, err := f.Write(make([]byte, 4*fragmentMost))
		ended <- err
	}()
	f.giveUp()
	if err := <-ended; !errors.Is(err, errUnwanted) {
		t.Fatal(err)
	}
}

func TestFragmentStatus(t *testing.T) {
	for status, want := range map[int]bool{200: true, 203: true, 204: true, 206: false, 301: false, 304: false, 404: false, 500: false} {
		f := newFragment()
		okHead(f, status)
		if _, err := f.Write([]byte("x")); (err == nil) != want || f.await() != want {
			t.Errorf("%d: %v", status, err)
		}
	}
	f := newFragment()
	f.end(true)
	if f.await() {
		t.Error("a fragment without a head is usable")
	}
	if _, err := f.next(); err == nil || err == io.EOF {
		t.Errorf("a broken fragment ends in %v", err)
	}
}

func TestAncestors(t *testing.T) {
	var none *ancestor
	if none.has("a", "/") {
		t.Error("nobody has an ancestor")
	}
	a := &ancestor{"a", "/x", &ancestor{"a", "/y", nil}}
	for target, want := range map[string]bool{"/x": true, "/y": true, "/z": false} {
		if a.has("a", target) != want || a.has("b", target) {
			t.Errorf("%s: %v", target, !want)
		}
	}
}

// TestTrial shows that an attempt is kept within its bound.
func TestTrial(t *testing.T) {
	tr := trial{at: cache.ESIAttempt}
	tr.keep(make([]byte, attemptMost))
	if tr.failed || tr.skips() {
		t.Fatal("an attempt of the largest size fails")
	}
	tr.keep([]byte("x"))
	if !tr.failed || !tr.skips() || len(tr.kept) != 0 {
		t.Fatalf("an attempt beyond the bound: %v, %d bytes", tr.failed, len(tr.kept))
	}
	tr.at = cache.ESIExcept
	if tr.skips() {
		t.Fatal("the except of a failed attempt is skipped")
	}
}

func TestPageReader(t *testing.T) {
	f := newFragment()
	okHead(f, 200)
	text := strings.Repeat("text ", 1000)
	io.WriteString(f, text)
	f.end(false)
	got, err := io.ReadAll(&pageReader{page: f})
	if err != nil || string(got) != text {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}
