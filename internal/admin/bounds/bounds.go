package bounds

import (
	"maps"
	"net/netip"
	"sync"
	"time"
)

// Bounds of wrong tokens.
const (
	burst        = 10   // of one address that are looked at at once
	rate         = 0.2  // of them a second, from then on
	MaxStrangers = 4096 // addresses that are told apart
)

// Failures bounds how often an address may be wrong. Those beyond MaxStrangers
// share one account, so that nobody gains by having many addresses.
type Failures struct {
	mu     sync.Mutex
	books  map[netip.Addr]*account
	others account // of all that books has no room for
}

type account struct {
	spent float64 // failures that time has not made good yet
	at    time.Time
}

// owes returns what is spent by now.
func (a *account) owes(now time.Time) float64 {
	a.spent = max(0, a.spent-now.Sub(a.at).Seconds()*rate)
	a.at = now
	return a.spent
}

// account returns that of an address, nil when it may have one and has none. The
// caller holds the lock.
func (f *Failures) account(client netip.Addr) *account {
	if b := f.books[client]; b != nil || len(f.books) < MaxStrangers {
		return b
	}
	return &f.others
}

// May says whether a token of the address is looked at.
func (f *Failures) May(client netip.Addr, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.account(client)
	return b == nil || b.owes(now) <= burst-1
}

// Failed counts a wrong token of the address.
func (f *Failures) Failed(client netip.Addr, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.account(client)
	if b == &f.others { // those that owe nothing any more make room
		maps.DeleteFunc(f.books, func(_ netip.Addr, b *account) bool { return b.owes(now) == 0 })
		b = f.account(client)
	}
	if b == nil {
		if f.books == nil {
			f.books = map[netip.Addr]*account{}
		}
		b = &account{}
		f.books[client] = b
	}
	b.spent = min(burst, b.owes(now)+1)
}

// InFlight counts calls under way by tenant.
type InFlight struct {
	mu sync.Mutex
	n  map[string]int
}

// Begin counts a call of that tenant, unless there are most of them.
func (c *InFlight) Begin(name string, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	if c.n[name] >= most {
		return false
	}
	c.n[name]++
	return true
}

// End takes back what Begin counted.
func (c *InFlight) End(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[name]--; c.n[name] == 0 {
		delete(c.n, name)
	}
}

// UnderWay returns how many calls of that tenant are counted.
func (c *InFlight) UnderWay(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}
