package cache

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
)

// A Trial keeps what policies of a generation that is tried store apart from
// what others have: neither side answers with the other's objects. One at a time
// runs.
type Trial struct {
	c        *Caches
	mark     string // behind the keys of its objects, and their tag
	policies []*Policy
}

// trialKey begins the mark. No other line of a key's text begins so: values of
// requests have no line ends, and rules and slices other words.
const trialKey = "\ntrial:"

// trialOf returns the mark in a key's text, nil for none.
func trialOf(text []byte) []byte {
	at := bytes.LastIndex(text, []byte(trialKey))
	if at < 0 {
		return nil
	}
	return bytes.Clone(text[at:min(len(text), at+len(trialKey)+16)])
}

// Try begins a trial of policies that serve nobody yet.
func (c *Caches) Try(policies []*Policy) *Trial {
	t := &Trial{c: c, mark: fmt.Sprintf("%s%016x", trialKey, rand.Uint64()), policies: policies}
	for _, p := range policies {
		p.trial.Store(&t.mark)
	}
	c.trial.Store(&t.mark)
	return t
}

// Join lets the policies use what everybody has from now on: their generation
// serves all.
func (t *Trial) Join() {
	for _, p := range t.policies {
		p.trial.Store(nil)
	}
}

// Forget removes what the trial stored, when nobody looks for it any more.
func (t *Trial) Forget(ctx context.Context) error {
	t.c.trial.CompareAndSwap(&t.mark, nil)
	if len(t.policies) == 0 {
		return nil
	}
	_, err := t.c.Purge(ctx, Purge{Tags: []string{t.mark}})
	return err
}

// texts are the keys that a text stands for: its own, and that of a trial.
func (c *Caches) texts(text []byte) [][]byte {
	if mark := c.trial.Load(); mark != nil {
		return [][]byte{text, append(text[:len(text):len(text)], *mark...)}
	}
	return [][]byte{text}
}
