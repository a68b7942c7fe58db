package main

import (
	"strings"
	"testing"
)

func TestReadsATrace(t *testing.T) {
	var out strings.Builder
	list, err := parse(strings.NewReader("a 10\nb 20\n\na 10\nc\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := report(&out, "title", list); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "4 requests of 3 objects, 31 bytes") {
		t.Errorf("printed %s", got)
	}
	if _, err := parse(strings.NewReader("a x\n")); err == nil {
		t.Error("a bad size is taken")
	}
}

// TestPoliciesKeepTheirBound plays a trace to each, with sizes.
func TestPoliciesKeepTheirBound(t *testing.T) {
	list := sizes(50_000)
	for _, p := range policies {
		if got := misses(p.make(20<<20, objects), list); got < 0.2 || got > 0.9 {
			t.Errorf("%s misses %.2f", p.name, got)
		}
	}
}

// TestS3WithstandsScans is why the store has the policy that it has.
func TestS3WithstandsScans(t *testing.T) {
	list := scan(300_000)
	if s3, lru := misses(newS3(2000, 2*objects), list), misses(newLRU(2000, 0), list); s3 > lru*0.95 {
		t.Errorf("S3-FIFO misses %.3f, LRU %.3f", s3, lru)
	}
}
