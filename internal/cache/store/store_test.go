package store

import "testing"

func TestRoundTrip(t *testing.T) {
	s, err := New(Options{Memory: 1 << 24})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := s.Partition("a")
	text := []byte("http://x/")
	k := KeyOf(p.ID(), text)
	o, err := s.Begin(p, k, &Meta{Status: 200, Total: 5}, &Parts{Key: text}, 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Append([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	o.Finish()
	o.Publish()
	o.Unpin()
	got := s.Lookup(p, k, text, nil)
	if got == nil || string(got.Segment(0)) != "hello" || got.Meta().Status != 200 {
		t.Fatalf("got %v", got)
	}
	got.Unpin()
}
