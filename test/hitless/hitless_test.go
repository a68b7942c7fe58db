package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fishplate/test/harness"
)

// TestMain is the process of an origin when it is started as one.
func TestMain(m *testing.M) {
	if addr := os.Getenv("HITLESS_ORIGIN"); addr != "" {
		fmt.Fprintln(os.Stderr, runOrigin(addr, os.Getenv("HITLESS_NAME")))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestHitless is the short form: nothing fails and nothing is cut but what a
// killed server had in its hands, and descriptors come back.
func TestHitless(t *testing.T) {
	binary, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	s := brief
	if testing.Short() {
		s.Time = 14 * time.Second // in half of it a download ends
	}
	r, err := try(fishplate(binary, filepath.Join(root, "sdk/examples/hello.elf")), s)
	if err != nil {
		t.Fatal(err)
	}
	for kind, c := range r.Load {
		if c.Failed > 0 || c.Closed > 0 {
			t.Errorf("%s: %d of %d failed, %d idle connections were closed: %v", kind, c.Failed, c.Done, c.Closed, c.Why)
		}
		if c.Done == 0 {
			t.Errorf("%s: nothing was done", kind)
		}
	}
	for _, w := range r.Wrong {
		t.Error(w)
	}
	for _, l := range r.leaks() {
		t.Errorf("leak: %s", l)
	}
	r.print()
}
