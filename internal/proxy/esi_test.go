package proxy

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"fishplate/internal/cache"
)

// pieces is a page that comes in large pieces, as one from the store does.
type pieces [][]byte

func (p *pieces) ready() bool { return true }

func (p *pieces) next() ([]byte, error) {
	if len(*p) == 0 {
		return nil, io.EOF
	}
	piece := (*p)[0]
	*p = (*p)[1:]
	return piece, nil
}

// composerOf is a composer of a page in one piece, whose includes never answer,
// and the client.
func composerOf(page string) (*composer, *bytes.Buffer) {
	to := new(bytes.Buffer)
	x := &exchange{s: &session{stream: bufferStream{to}}}
	c := &composer{x: x, page: &pieces{[]byte(page)}, out: sender{x: x, out: make([]byte, 0, 4096)}}
	c.ask = func([]byte) *fragment { return newFragment() }
	c.parser.Reset(cache.ESIOptions{})
	return c, to
}

// bufferStream is a client that takes everything at once.
type bufferStream struct{ *bytes.Buffer }

func (bufferStream) Buffered() int { return 0 }

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestComposerHoldsNothingBack shows that what waits for no include is not
// queued, however large the page's pieces are.
func TestComposerHoldsNothingBack(t *testing.T) {
	const n = 100000
	page := strings.Repeat("<esi:try><esi:attempt>a</esi:attempt><esi:except>e</esi:except></esi:try>", n)
	c, to := composerOf(page)
	to.Grow(2 * n)
	taken := allocated(func() {
		if f := c.run(); f != nil {
			t.Fatal(f)
		}
	})
	if to.String() != strings.Repeat("a", n) {
		t.Errorf("%d bytes were sent", to.Len())
	}
	if cap(c.queue) != 0 {
		t.Errorf("%d parts were queued", cap(c.queue))
	}
	if most := uint64(2 << 20); taken > most {
		t.Errorf("a page of %d bytes took %d, want at most %d", len(page), taken, most)
	}
}

// TestComposerIsBounded shows that what is held behind an include is bounded, in
// bytes, parts and fetches, and that all of it gets its turn, in order.
func TestComposerIsBounded(t *testing.T) {
	const anyNumber = -1 // they are not wanted, and only queued when something is before them
	long := include(strings.Repeat("/long", 2000))
	for name, tt := range map[string]struct {
		repeat, text string
		times        int
		includes     int
	}{
		"text":     {"0123456789<b>", "0123456789<b>", 200000, 0},
		"includes": {include("/a") + ".", ".", 30000, 30000},
		"tries":    {"<esi:try><esi:attempt></esi:attempt><esi:except>e</esi:except></esi:try>", "", 30000, 0},
		"excepts":  {"<esi:try><esi:attempt></esi:attempt><esi:except>" + include("/a") + "</esi:except></esi:try>", "", 30000, anyNumber},
		"long":     {"<esi:try><esi:attempt></esi:attempt><esi:except>" + long + "</esi:except></esi:try>", "", 300, anyNumber},
		"attempts": {"<esi:try><esi:attempt>a" + include("/a") + "</esi:attempt><esi:except>e</esi:except></esi:try>", "a", 10000, 10000},
	} {
		t.Run(name, func(t *testing.T) {
			c, to := composerOf(include("/first") + strings.Repeat(tt.repeat, tt.times))
			includes := -1 // but for the first
			for {
				if f := c.read(); f != nil {
					t.Fatal(f)
				}
				if len(c.queue) > partsAhead || c.held > textAhead+feedMost || c.ahead > includesAhead+1 {
					t.Fatalf("%d parts, %d bytes and %d includes are held", len(c.queue), c.held, c.ahead)
				}
				if len(c.queue) == 0 {
					break
				}
				p := c.pop()
				if p.kind == cache.ESIInclude {
					includes++
					continue
				}
				c.play(&p)
			}
			if f := c.end(); f != nil {
				t.Fatal(f)
			}
			if to.String() != strings.Repeat(tt.text, tt.times) {
				t.Errorf("%d bytes were sent, want %d", to.Len(), len(tt.text)*tt.times)
			}
			if includes != tt.includes && tt.includes != anyNumber {
				t.Errorf("%d includes got their turn, want %d", includes, tt.includes)
			}
			if c.held != 0 || c.ahead != 0 {
				t.Errorf("%d bytes and %d includes are left", c.held, c.ahead)
			}
		})
	}
}

func include(src string) string { return `<esi:include src="` + src + `"/>` }
