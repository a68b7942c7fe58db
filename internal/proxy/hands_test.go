package proxy

import (
	"testing"
)

// A hand that has led a session leads the next one, and ends when it is released.
func TestHandsAreUsedAgain(t *testing.T) {
	h := newHands()
	served := make(chan int, 3)
	one := func(n int) func() { return func() { served <- n } }
	h.lead(one(1))
	<-served
	next := <-h.idle // it is free now
	h.idle <- next
	h.lead(one(2))
	if n := <-served; n != 2 {
		t.Fatalf("session %d was served", n)
	}
	if again := <-h.idle; again != next {
		t.Error("another goroutine led the second session")
	}
	h.idle <- next
	h.close()
	if len(h.idle) != 0 {
		t.Error("a goroutine is kept after close")
	}
	h.lead(one(3)) // a session that was accepted at the last moment is led, too
	<-served
}
