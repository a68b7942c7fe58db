package bounds

import (
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
	mu    sync.Mutex
	books map[netip.Addr]*account
}

type account struct {
	left float64 // failures that it may still make
	at   time.Time
}

// May says whether a token of the address is looked at.
func (f *Failures) May(client netip.Addr, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.books[client]
	if b == nil && len(f.books) > MaxStrangers {
		b = f.books[netip.Addr{}]
	}
	if b == nil {
		return true
	}
	b.left = min(burst, b.left+now.Sub(b.at).Seconds()*rate)
	b.at = now
	if b.left >= burst {
		delete(f.books, client)
	}
	return b.left >= 1
}

// Failed counts a wrong token of the address.
func (f *Failures) Failed(client netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.books[client]
	if b == nil && len(f.books) >= MaxStrangers {
		client = netip.Addr{}
		b = f.books[client]
	}
	if b == nil {
		if f.books == nil {
			f.books = map[netip.Addr]*account{}
		}
		b = &account{left: burst, at: time.Now()}
		f.books[client] = b
	}
	b.left = max(0, b.left-1)
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
