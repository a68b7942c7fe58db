package control

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"fishplate/internal/control/journal"
	"fishplate/internal/model"
)

// The states of an entry.
const (
	Committed  = "committed"
	Pending    = "pending" // until it is confirmed, or Deadline
	RolledBack = "rolled_back"
	Trying     = "canary" // it serves a share of the clients, until it is decided
)

// Entry is one commit.
type Entry struct {
	ID         uint64    `json:"id"`
	Time       time.Time `json:"time"`
	Author     string    `json:"author"`
	Comment    string    `json:"comment"`
	Source     string    `json:"source"` // "file", "api" or "rollback"
	Changes    []Change  `json:"changes"`
	More       int       `json:"more,omitempty"` // changes that are not listed, beyond the first 1,000
	Generation uint64    `json:"generation"`
	State      string    `json:"state"`
	// Parent is the entry that ran before; 0 is none.
	Parent uint64 `json:"parent,omitempty"`
	// Restored is the entry that a rollback made run again.
	Restored uint64 `json:"restored,omitempty"`
	// Deadline is when a pending entry is undone, and one that is tried is decided.
	Deadline *time.Time `json:"deadline,omitempty"`
	// Canary is how it was tried; nil: it was not.
	Canary *Trial `json:"canary,omitempty"`
	// Why says what undid the entry, where no trial's end and no rollback does.
	Why string `json:"why,omitempty"`
	// Unmet is what did not hold at once when it was committed, and is tried again.
	Unmet []Problem `json:"unmet,omitempty"`
	// Owed is why the journal, which does not keep this, does not say so yet; "": it does.
	Owed string `json:"owed,omitempty"`
	// Program is what came by the API; nil: the change is another.
	Program *ProgramNote `json:"program,omitempty"`
	// Gone are the programs by the API, by their SHA-256, that the entry before has
	// and this one has not.
	Gone []string `json:"gone,omitempty"`
	// Found are programs by the API that lay in the state folder, when the process
	// started that wrote this, and that its history did not name although an older one may.
	Found []string `json:"found,omitempty"`
	// Path and Files say what the configuration's file was, and what it held,
	// when this was committed or last read before.
	Path  string `json:"path,omitempty"`
	Files string `json:"files,omitempty"`
}

// listed bounds the changes that an entry names.
const listed = 1000

// historyLength bounds how many commits are remembered, and namedChanges how many
// changes they name together: of older ones the journal and their texts know.
const (
	historyLength = 1000
	namedChanges  = 5_000
)

// openLedger reads the history of the processes before, if there is a state
// folder.
func (c *Controller) openLedger(dir string) {
	j, problems, err := journal.Open(dir, historyLength)
	for _, b := range problems {
		c.o.Logger.Warn("journal", "problem", b)
	}
	if err != nil {
		c.o.Logger.Warn("journal: changes are forgotten when the process ends", "problem", err)
		c.gaps = unopened
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ledger = journal.Owe(j)
	if !j.Whole() {
		c.gaps = broken
	}
	for _, e := range j.Entries() {
		var h Entry
		if err := json.Unmarshal(e.Head, &h); err != nil || h.ID != e.ID {
			c.o.Logger.Warn("journal", "problem", "the head of an entry cannot be read", "id", e.ID)
			c.gaps = broken
			continue
		}
		c.history = append(c.history, h)
	}
	if len(c.history) == 0 {
		c.gaps = max(c.gaps, empty)
	}
	c.abridge()
}

// gaps say what the history of the processes before may lack.
type gaps int

const (
	none     gaps = iota
	empty         // it begins here: its folder may be another one than it was
	broken        // entries cannot be read
	unopened      // it is somewhere, and not known
)

func (g gaps) String() string {
	return [...]string{"it is whole", "the journal is empty", "entries of the journal cannot be read", "the journal cannot be opened"}[g]
}

// abridge lets go of the changes of old entries when there are too many of them. The
// caller holds the lock.
func (c *Controller) abridge() {
	for i, named := len(c.history)-1, 0; i >= 0; i-- {
		e := &c.history[i]
		if named += len(e.Changes); named > namedChanges && i < len(c.history)-1 {
			e.More, e.Changes = e.More+len(e.Changes), []Change{}
		}
	}
}

// History returns the commits that are remembered, the newest first.
func (c *Controller) History() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Clone(c.history)
	slices.Reverse(list)
	return list
}

// record keeps an entry, before it takes effect. What must take effect in any case is
// owed to a journal that cannot be written.
func (c *Controller) record(e Entry, cfg *model.Config, must bool) error {
	has := named(cfg)
	for hash := range c.named {
		if !has[hash] {
			e.Gone = append(e.Gone, hash)
		}
	}
	e.Found = c.found
	if c.foundNoted {
		e.Found = nil
	}
	head, err := headOf(e)
	if err != nil {
		return err
	}
	switch err = c.ledger.Put(e.ID, head, cfg.Flat); {
	case err == nil:
		c.paid()
	case must:
		c.owe(&e, head, cfg.Flat, err)
	default:
		return err
	}
	if c.named != nil {
		c.named = has
	}
	c.foundNoted = true
	c.mu.Lock()
	defer c.mu.Unlock()
	if over := len(c.history) + 1 - historyLength; over > 0 { // more than one after a predecessor's entry
		c.history = append(c.history[:0], c.history[over:]...)
	}
	c.history = append(c.history, e)
	c.abridge()
	return nil
}

// amend changes what is remembered of an entry. The caller has the turn.
func (c *Controller) amend(id uint64, change func(*Entry)) error { return c.mark(id, change, false) }

// mark amends an entry. What is so in any case is remembered, and owed to a journal
// that cannot be written; the error says why that cannot.
func (c *Controller) mark(id uint64, change func(*Entry), must bool) error {
	e, ok := c.entry(id)
	if !ok {
		return fmt.Errorf("change history: %w: %d", journal.ErrNone, id)
	}
	change(&e)
	head, err := headOf(e)
	if err != nil {
		return err
	}
	if err = c.ledger.Amend(id, head); err == nil {
		e.Owed = ""
		c.paid()
	} else if !must {
		return err
	} else {
		c.owe(&e, head, nil, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := slices.IndexFunc(c.history, func(e Entry) bool { return e.ID == id }); at >= 0 {
		c.history[at] = e
	}
	return err
}

// entry returns what is remembered of a commit.
func (c *Controller) entry(id uint64) (Entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.IndexFunc(c.history, func(e Entry) bool { return e.ID == id })
	if at < 0 {
		return Entry{}, false
	}
	return c.history[at], true
}

// last returns the newest entry; its ID is 0 when there is none.
func (c *Controller) last() (e Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.history); n > 0 {
		e = c.history[n-1]
	}
	return e
}

// kept returns the newest entry that was not undone; its ID is 0 when there is
// none.
func (c *Controller) kept() (e Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.history {
		if h.State != RolledBack && h.State != Trying {
			e = h
		}
	}
	return e
}

// ErrNone means that no such commit is remembered.
var ErrNone = journal.ErrNone

// filesOf is one figure for the contents of all files that were read.
func filesOf(cfg *model.Config) string {
	h := sha256.New()
	for _, s := range cfg.Sources {
		_, _ = fmt.Fprintf(h, "%s\x00%x\x00", s.Path, s.Hash) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
