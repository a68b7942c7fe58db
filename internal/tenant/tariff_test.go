package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/tenant/reel"
)

// TestTariff: whoever changes a price gives the tariff another number.
func TestTariff(t *testing.T) {
	known := map[int]string{1: "192b6e761c814daa"}
	h := sha256.New()
	for _, c := range Calls() {
		fmt.Fprintln(h, c.Number, c.Cost)
	}
	fmt.Fprintln(h, heapCost, xmlCost, lookCost, listCost, pieceCost, randomCost, signalCost, clockCost, stepCost, sizeCost, globCost,
		lineCost, remoteCost, unknownCost, callCost, pageCost, clearCost, protectCost)
	if got := fmt.Sprintf("%x", h.Sum(nil)[:8]); got != known[tariff] {
		t.Errorf("the prices are %s, those of tariff %d are %s: raise the tariff", got, tariff, known[tariff])
	}
}

// cheaper makes a recording one by prices that were a tenth lower, and of the tariff
// before.
func cheaper(t *testing.T, rec *Recording) {
	t.Helper()
	events, err := reel.Read(rec.Events)
	if err != nil {
		t.Fatal(err)
	}
	less := func(n uint64) uint64 { return n - n/10 }
	texts := map[reel.Kind][2]int{reel.Call: {5, 5}, reel.Answer: {2, 3}, reel.Ran: {10, 1}, reel.End: {2, 5}, reel.Sent: {2, 0}}
	var w reel.Writer
	for _, e := range events {
		switch {
		case e.Kind == reel.Ran:
			e.Numbers[6], e.Numbers[7] = less(e.Numbers[6]), less(e.Numbers[7])
		case e.Kind == reel.Answer && learned(e.Numbers[0]) == learnStop:
			e.Texts[0] = place{less(binary.LittleEndian.Uint64(e.Texts[0])), 0}.bytes()
		}
		w.Begin(e.Kind, e.Numbers[:texts[e.Kind][0]]...)
		for _, b := range e.Texts[:texts[e.Kind][1]] {
			w.Text(b)
		}
	}
	rec.Events, rec.Head.Retired, rec.Head.Tariff = w.B, less(rec.Head.Retired), tariff-1
}

// TestReplayUnderAnotherTariff: recordings by other prices are repeated in everything but what they count, and one line
// says so; whatever else differs is a difference as ever.
func TestReplayUnderAnotherTariff(t *testing.T) {
	repeat := func(t *testing.T, rec *Recording, what string) {
		t.Helper()
		cheaper(t, rec)
		out, err := Replay(context.Background(), rec, nil, ReplayOptions{})
		if err != nil || !out.Equal || !strings.HasPrefix(out.Tariff, fmt.Sprintf("recorded under tariff %d, repeated under %d:", tariff-1, tariff)) || strings.Contains(out.Tariff, "\n") {
			t.Fatalf("%s: %v %+v", what, err, out)
		}
		rec.Head.Tariff = tariff
		if out, err = Replay(context.Background(), rec, nil, ReplayOptions{}); err != nil || out.Equal || out.Tariff != "" {
			t.Fatalf("%s, with another count: %v %+v", what, err, out)
		}
	}
	s := quietSet(1)
	defer s.Close()
	s.o.Objects = rack{}
	m := recorded("hostile")
	m.Instructions, m.Memory, m.Time = 1_000_000, 16<<20, time.Minute
	load(t, s, recorded("replay"), m)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		path := wish(rng)
		req := request(path, "X-One: 1")
		req.Conn = &message.Conn{}
		repeat(t, parsed(t, s, "replay", exchange(t, s.Tenant("replay"), &mirror{}, req, "", "body")), path)
	}
	for _, mode := range []string{"spin", "regex_fits", "own_code", "pages", "json", "deadlock"} {
		r := admit(t, s.Tenant(m.Name))
		notes := new(Notes)
		r.Annotate(notes)
		_, _ = r.OnRecv(context.Background(), request("/recv/"+mode), "")
		r.Release()
		repeat(t, parsed(t, s, m.Name, fmt.Sprintf("%x", notes.ID())), mode)
	}
	// The client leaves.
	ctx, leave := context.WithCancel(context.Background())
	leave()
	r := admit(t, s.Tenant(m.Name))
	notes := new(Notes)
	r.Annotate(notes)
	_, f := r.OnRecv(ctx, request("/recv/spin"), "")
	r.Release()
	if f == nil || f.Cause != "guest-cancelled" {
		t.Fatal(f)
	}
	repeat(t, parsed(t, s, m.Name, fmt.Sprintf("%x", notes.ID())), "a client that left")
	// Another byte is a difference, under any tariff.
	rec := parsed(t, s, "replay", exchange(t, s.Tenant("replay"), &mirror{}, request("/s/0"), "", ""))
	cheaper(t, rec)
	events, err := reel.Read(rec.Events)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == reel.End && len(e.Texts[4]) == 0 && len(e.Texts[0]) > 0 {
			e.Texts[0][len(e.Texts[0])-1] ^= 1
			break
		}
	}
	if out, err := Replay(context.Background(), rec, nil, ReplayOptions{}); err != nil || out.Equal || len(out.Differences) == 0 {
		t.Errorf("%+v %v", out, err)
	}
}
