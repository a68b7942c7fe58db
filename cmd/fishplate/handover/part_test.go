//go:build unix

package handover

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/internal/records"
)

// list is a part of texts.
func list(kind string, version uint16, texts *[]string) Part {
	return Part{
		Kind: kind, Version: version, Longest: 1 << 20,
		Save: func(w *records.Writer) error {
			for _, s := range *texts {
				if err := w.Put([]byte(s)); err != nil {
					return err
				}
			}
			return nil
		},
		Load: func(r *records.Reader) error {
			var got []string
			for {
				b, err := r.Next()
				if errors.Is(err, io.EOF) {
					*texts = got
					return nil
				}
				if err != nil {
					return err
				}
				got = append(got, string(b))
			}
		},
	}
}

// TestPartsFailAlone: of several parts, those come whole that both sides
// understand, and the others say why not.
func TestPartsFailAlone(t *testing.T) {
	a, b := pair(t)
	long := strings.Repeat("x", 1<<20) // more than a pipe holds
	one, two, three, four := []string{"1", long, long}, []string{"2", long}, []string{"3", long}, []string{"4"}
	broken := list("broken", 1, &three)
	broken.Save = func(w *records.Writer) error {
		_ = w.Put([]byte(long))
		return errors.New("no more")
	}
	var mu sync.Mutex
	said := map[string]string{}
	note := func(side string) func(kind string, err error) {
		return func(kind string, err error) {
			mu.Lock()
			defer mu.Unlock()
			said[side+" "+kind] = err.Error()
		}
	}
	g, files, err := Give([]Part{list("one", 1, &one), list("two", 2, &two), broken, list("unknown", 1, &two), list("four", 1, &four)}, note("give"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Send("estate", g.Kinds(), files); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		f.Close()
	}
	deadline := time.Now().Add(time.Minute)
	g.Start(deadline)
	var kinds []string
	_, got, err := b.Receive(func(string) any { return &kinds })
	if err != nil {
		t.Fatal(err)
	}
	var gotOne, gotTwo, gotThree, gotFour []string
	Take([]Part{list("one", 1, &gotOne), list("two", 1, &gotTwo), list("broken", 1, &gotThree), list("four", 1, &gotFour)}, kinds, got, deadline, note("take"))
	g.Close()
	if len(gotOne) != 3 || gotOne[2] != long || gotTwo != nil || gotThree != nil || len(gotFour) != 1 {
		t.Error(len(gotOne), len(gotTwo), len(gotThree), len(gotFour))
	}
	for what, want := range map[string]string{"take two": "version 2, this binary reads 1", "take broken": "unexpected EOF", "give broken": "no more", "give two": "broken pipe", "give unknown": "broken pipe"} {
		if !strings.Contains(said[what], want) {
			t.Errorf("%s: %q, want %q", what, said[what], want)
		}
	}
	if len(said) != 5 {
		t.Error(said)
	}
}

// TestNobodyReads: who writes ends when it is told to.
func TestNobodyReads(t *testing.T) {
	text := []string{strings.Repeat("x", 1<<20)}
	var said error
	g, files, err := Give([]Part{list("one", 1, &text)}, func(_ string, err error) { said = err })
	if err != nil {
		t.Fatal(err)
	}
	g.Start(time.Now().Add(time.Minute))
	g.Close()
	if said == nil || errors.Is(said, os.ErrDeadlineExceeded) {
		t.Error(said)
	}
	for _, f := range files {
		f.Close()
	}
}
