package control

import "time"

// Entry is one commit.
type Entry struct {
	ID         uint64    `json:"id"`
	Time       time.Time `json:"time"`
	Author     string    `json:"author"`
	Comment    string    `json:"comment"`
	Source     string    `json:"source"` // "file", "api" or "rollback"
	Changes    []Change  `json:"changes"`
	Generation uint64    `json:"generation"`
	State      string    `json:"state"` // "committed", "rolled_back" or "pending"
}

// historyLength bounds how many commits are remembered in memory.
const historyLength = 1000

// History returns the commits of this process, the newest first.
func (c *Controller) History() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Entry, 0, len(c.history))
	for i := len(c.history) - 1; i >= 0; i-- {
		list = append(list, c.history[i])
	}
	return list
}

func (c *Controller) remember(e Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.history) == historyLength {
		c.history = append(c.history[:0], c.history[1:]...)
	}
	c.history = append(c.history, e)
}
