package control

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"fishplate/internal/model"
)

// Legacy is what a process that takes another one's place must know of its
// configuration: that which runs, not that of the files.
type Legacy struct {
	Path  string `json:"path"` // that Reload reads
	Entry Entry  `json:"entry"`
	Text  []byte `json:"text"`
	// Before is what runs again when nobody confirms that; nil: it is confirmed.
	Before *Legacy `json:"before,omitempty"`
}

// Hold keeps every change away until release is called: of this process, while
// another takes its place. When that succeeded no change is made here any more. Each
// step of that may take within, or a quarter of the time that is left to confirm a
// change: who confirms meanwhile has to wait, and is to be heard in time. A trial is
// not decided meanwhile, and no other process has its clients: there must be none.
func (c *Controller) Hold(ctx context.Context, author string, within time.Duration) (release func(succeeded bool), atMost time.Duration, err error) {
	if err := c.take(ctx, "upgrade", ApplyOptions{Author: author}); err != nil {
		return nil, 0, err
	}
	if err := c.mayHold(); err != nil {
		c.give()
		return nil, 0, err
	}
	if w := c.awaited(); w != nil && !w.barred.Load() {
		within = min(within, max(time.Until(w.deadline)/4, time.Millisecond).Round(time.Millisecond))
	}
	return func(succeeded bool) {
		if succeeded {
			c.halt(errSucceeded)
		}
		c.give()
	}, within, nil
}

func (c *Controller) mayHold() error {
	if w := c.trying(); w != nil {
		return undecided{Refusal([]Problem{w.waits()})}
	}
	return c.settleDebts() // the next process would not know them
}

// Legacy returns what a successor must know. The caller holds changes away.
func (c *Controller) Legacy() (l Legacy, err error) {
	l.Path = c.Path()
	l.Entry, _ = c.entry(c.Generation())
	if l.Text, err = c.ledger.Text(l.Entry.ID); err != nil {
		return l, fmt.Errorf("read change %d: %w", l.Entry.ID, err)
	}
	if w := c.awaited(); w != nil && w.text != nil {
		if e, ok := c.entry(w.before); ok {
			l.Before = &Legacy{Path: l.Path, Entry: e, Text: w.text}
		}
	}
	if c.o.Programs != nil && !c.o.Programs.Lasting() && c.o.Give != nil {
		bare := &state{config: c.Running()} // what is kept in memory goes with it
		given := map[string]*model.Given{}
		for _, t := range bare.config.Tenants {
			if t.Given != nil {
				given[t.Name] = nil
			}
		}
		c.bestow(bare, given)
		l.Text = bare.config.Flat
	}
	return l, nil
}

// Succeed is Start for a process that takes another one's place: what runs there
// runs here, under the same number, and a change that waits to be confirmed goes
// on waiting. Changes are kept away until release is called.
func (c *Controller) Succeed(ctx context.Context, l Legacy) (release func(), err error) {
	c.path.Store(&l.Path)
	ctx, end, err := c.begin(ctx, "upgrade", ApplyOptions{Author: "upgrade"})
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	p, next := c.parse(l.Entry.ID, l.Text, asIs)
	r := Result{Plan: p}
	if next != nil {
		next.id, next.read = l.Entry.ID, l.Entry.Files
		if dir := next.config.State.Dir; dir != "" {
			c.openLedger(filepath.Join(dir, "journal"))
		}
		c.knowPrograms()
		if err := c.know(l); err != nil {
			end()
			return nil, err
		}
		c.transact(ctx, &r, next, ApplyOptions{Author: "upgrade", again: l.Entry})
	}
	r.Seconds = time.Since(begin).Seconds()
	c.report(l.Path, &r)
	if err := r.Err(); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// know makes sure that the running entry can be found: without a state folder
// nothing of before is known.
func (c *Controller) know(l Legacy) error {
	if l.Before != nil {
		if err := c.know(*l.Before); err != nil {
			return err
		}
	}
	if _, ok := c.entry(l.Entry.ID); ok {
		return nil
	}
	head, err := json.Marshal(l.Entry)
	if err == nil {
		err = c.ledger.Put(l.Entry.ID, head, l.Text)
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history = append(c.history, l.Entry)
	return nil
}
