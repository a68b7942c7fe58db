package control

import (
	"context"
	"sort"

	"fishplate/internal/crash"
)

// drain lets go of the generation that t replaced, in the background. Its number
// need not be the one before: what was not confirmed has one too.
func (c *Controller) drain(t *Transaction, was uint64) {
	if len(t.drains) == 0 {
		return
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.waiting[was] = t.drains[0].what
	c.drains.Add(1)
	c.mu.Unlock()
	go func() {
		defer c.drains.Done()
		crash.At(crash.Drain)
		ctx := context.WithValue(c.life, inside{}, t)
		for _, d := range t.drains {
			c.mu.Lock()
			c.waiting[was] = d.what
			c.mu.Unlock()
			if err := d.run(ctx); err != nil {
				c.o.Logger.Warn("drain", "generation", was, "part", d.what, "error", err)
			}
		}
		c.mu.Lock()
		delete(c.waiting, was)
		c.mu.Unlock()
	}()
}

// Draining is a replaced generation that something still holds.
type Draining struct {
	Generation uint64 `json:"generation"`
	Part       string `json:"part"`
}

// Draining returns the generations that are not released yet, the oldest
// first.
func (c *Controller) Draining() []Draining {
	c.mu.Lock()
	list := make([]Draining, 0, len(c.waiting))
	for id, part := range c.waiting {
		list = append(list, Draining{id, part})
	}
	c.mu.Unlock()
	sort.Slice(list, func(i, j int) bool { return list[i].Generation < list[j].Generation })
	return list
}

// Close refuses further transactions, waits for the drains until ctx ends,
// tells those that are left to stop, and awaits them. What is owed to the journal
// gets its last try.
func (c *Controller) Close(ctx context.Context) {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.conclude(ctx)
	idle := make(chan struct{})
	go func() {
		c.drains.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	c.end()
	<-idle
	select {
	case c.turn <- struct{}{}:
		_ = c.settleDebts() // what stays owed is in the log
		<-c.turn
	default: // somebody still writes
	}
}

func (c *Controller) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}
