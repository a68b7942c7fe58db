package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// retryJournal is how long what is owed to the journal waits for its next turn.
const retryJournal = 2 * time.Second

// owe keeps in memory what has happened and cannot be written; it is tried again until
// it is on disk. A text that is nil stands for an entry that has one.
func (c *Controller) owe(e *Entry, head, text []byte, why error) {
	c.ledger.Later(e.ID, head, text)
	e.Owed = why.Error()
	c.o.Logger.Error("the history is not on disk yet: what a start would do is what the journal says without it", "id", e.ID, "state", e.State, "problem", why)
	c.payLater()
}

func (c *Controller) payLater() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed && !c.owing {
		c.owing = true
		time.AfterFunc(retryJournal, c.pay)
	}
}

// pay writes what is owed, or has it tried again.
func (c *Controller) pay() {
	c.mu.Lock()
	c.owing = false
	over := c.closed
	if !over {
		c.drains.Add(1) // Close waits for it
	}
	c.mu.Unlock()
	if over {
		return
	}
	defer c.drains.Done()
	if c.take(c.changes, "journal", ApplyOptions{Author: "journal"}) != nil {
		return
	}
	defer c.give()
	if err := c.settleDebts(); err != nil {
		c.payLater()
	}
}

// settleDebts writes what is owed. The caller has the turn.
func (c *Controller) settleDebts() error {
	if err := c.ledger.Settle(); err != nil {
		return fmt.Errorf("the history is not on disk yet: %w", err)
	}
	c.paid()
	return nil
}

// paid notes that nothing is owed any more.
func (c *Controller) paid() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.history {
		if c.history[i].Owed != "" {
			c.history[i].Owed = ""
			c.o.Logger.Info("the history is on disk", "id", c.history[i].ID)
		}
	}
}

// Owed returns the newest change that is not on disk yet, and why; 0 is none.
func (c *Controller) Owed() (id uint64, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range slices.Backward(c.history) {
		if e.Owed != "" {
			return e.ID, e.Owed
		}
	}
	return 0, ""
}

// headOf is what is written of an entry.
func headOf(e Entry) ([]byte, error) {
	e.Owed = ""
	return json.Marshal(e)
}
