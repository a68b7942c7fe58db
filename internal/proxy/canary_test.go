package proxy

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"fishplate/internal/metrics"
)

// TestCanarySides spreads addresses by the share, and keeps each where it is.
func TestCanarySides(t *testing.T) {
	for _, share := range []float64{0.001, 0.1, 0.5, 0.999} {
		s := &Server{}
		s.current.Store(&Generation{ID: 1, holders: metrics.NewSet(1)})
		c := s.Try(&Generation{ID: 2, holders: metrics.NewSet(1)}, share)
		const clients = 20_000
		next := 0
		for i := range clients {
			var raw [4]byte
			binary.BigEndian.PutUint32(raw[:], 10<<24|uint32(i))
			ip := netip.AddrFrom4(raw)
			g := s.generationFor(ip)
			next += int(g.ID) - 1
			if mapped := netip.AddrFrom16(ip.As16()); s.generationFor(mapped) != g {
				t.Fatalf("%v and %v are on two sides", ip, mapped)
			}
		}
		if got := float64(next) / clients; got < share-0.015 || got > share+0.015 {
			t.Errorf("%g of the clients instead of %g", got, share)
		}
		if c.End(); s.Current().canary != nil || s.Current().ID != 1 {
			t.Error("it goes on")
		}
		c = s.Try(&Generation{ID: 3, holders: metrics.NewSet(1)}, share)
		s.current.Store(&Generation{ID: 3})
		if c.End(); s.Current().ID != 3 {
			t.Error("End undid a swap")
		}
	}
	c := &Canary{below: 1 << 63, seed: [2]uint64{rand.Uint64(), rand.Uint64()}}
	if c.side(netip.MustParseAddr("2001:db8::1")) != c.side(netip.MustParseAddr("2001:db8::ffff:2")) {
		t.Error("two addresses of one IPv6 network are on two sides")
	}
}

func TestCanaryOutcomes(t *testing.T) {
	c := &Canary{sides: [2]*metrics.Set{metrics.VHost.New(), metrics.VHost.New()}}
	x := &exchange{side: c.sides[0]}
	for i := range 200 {
		r := &Record{Status: 200, Duration: 2 * time.Millisecond}
		if i == 7 {
			r.Status = 502
		}
		if i > 196 {
			r.Duration = 20 * time.Millisecond
		}
		x.countSide(r, 0)
	}
	next, current := c.Outcomes()
	if want := (Outcomes{200, 1, 25 * time.Millisecond}); next != want || current != (Outcomes{}) {
		t.Errorf("%+v, %+v", next, current)
	}
}
