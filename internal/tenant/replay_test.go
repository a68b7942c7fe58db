package tenant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/tenant/reel"
)

// mirror is a world that answers every fetch at once, otherwise each time.
type mirror struct{ n int }

type mirrored struct {
	head message.Header
	body *strings.Reader
}

func (e *mirror) Fetch(q *Question) (Fetched, error) {
	if e.n++; e.n%7 == 0 {
		return nil, ErrDenied
	}
	return &mirrored{body: strings.NewReader(fmt.Sprintf("answer %d to %s", e.n, q.Target))}, nil
}
func (e *mirror) ReadBody([]byte, time.Duration) (int, error) { return 0, io.EOF }
func (e *mirror) BodyLength() int64                           { return -1 }
func (e *mirror) Begin(*message.Response) error               { return nil }
func (e *mirror) Write([]byte) error                          { return nil }

func (a *mirrored) Head() (int, *message.Header, error) { return 200, &a.head, nil }
func (a *mirrored) Read(p []byte) (int, error)          { return a.body.Read(p) }
func (*mirrored) Deserted() bool                        { return false }
func (a *mirrored) Close()                              {}

// recorded is a tenant of the program that asks everything, all of whose calls
// are kept.
func recorded(name string) *model.Tenant {
	m := guestModel(name)
	m.Debug = model.Debug{Record: 1, Ring: 64 << 20}
	m.Backends, m.Storage, m.LogRate = []string{"app"}, 1<<20, 5
	return m
}

// exchange runs a request through the program as the proxy would.
func exchange(t testing.TB, tn *Tenant, world Outside, req *message.Request, arg, body string) string {
	t.Helper()
	ctx := context.Background()
	r := admit(t, tn)
	defer r.Release()
	notes := new(Notes)
	r.Annotate(notes)
	r.Outside(world)
	resp := message.Response{Status: 200}
	d, f := r.OnRecv(ctx, req, arg)
	if f == nil {
		switch d.Kind {
		case Answer:
			_, f = r.Answer(ctx, d, req, &resp)
		case Forge:
			_, f = r.Forge(ctx, req, []byte(body), &resp)
		}
	}
	if f == nil {
		_ = r.OnDeliver(ctx, req, &resp)
	}
	return fmt.Sprintf("%x", notes.ID())
}

// wish is a random path for test/guests/replay.c.
func wish(rng *rand.Rand) string {
	path := []byte("/" + string("spf"[rng.IntN(3)]) + "/")
	const asks = "0123456789abcdefghij"
	for range rng.IntN(12) {
		path = append(path, asks[rng.IntN(len(asks))])
	}
	switch rng.IntN(40) {
	case 0:
		path = append(path, 'x')
	case 1, 2:
		path = append(path, 'k')
	case 3:
		if rng.IntN(10) == 0 {
			path = append(path, 'y')
		}
	}
	return string(path)
}

func parsed(t testing.TB, s *Set, name, id string) *Recording {
	t.Helper()
	b, err := s.Record(name, id)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := ParseRecording(b)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// TestReplayIsEqual records random requests and repeats each, by the engine that
// ran it and by the other.
func TestReplayIsEqual(t *testing.T) {
	n := 10_000
	if testing.Short() || raceEnabled { // the share that the race detector gets
		n = 400
	}
	for _, jit := range []string{"", "off"} {
		t.Run("jit="+jit, func(t *testing.T) {
			s := quietSet(2)
			defer s.Close()
			m := recorded("replay")
			m.JIT = jit
			s.o.Objects = rack{}
			load(t, s, m)
			tn := s.Tenant("replay")
			rng := rand.New(rand.NewPCG(1, 2))
			world := &mirror{}
			faults := 0
			for i := range n / 2 {
				path := wish(rng)
				req := request(path, "X-One: 1")
				req.Conn = &message.Conn{}
				id := exchange(t, tn, world, req, fmt.Sprint(i%3), strings.Repeat("b", rng.IntN(50)))
				rec := parsed(t, s, "replay", id)
				if rec.Head.Cause != "" {
					faults++
				}
				o := ReplayOptions{}
				if i%4 == 0 {
					o.JIT = map[string]string{"": "off", "off": "on"}[jit]
				}
				out, err := Replay(context.Background(), rec, nil, o)
				if err != nil {
					t.Fatal(err)
				}
				if !out.Equal || out.Instructions != rec.Head.Retired || len(out.Calls) == 0 {
					t.Fatalf("request %d, %s: %d instructions, recorded %d:\n%s", i, path, out.Instructions, rec.Head.Retired, strings.Join(out.Differences, "\n"))
				}
			}
			if faults == 0 {
				t.Error("no request faulted")
			}
		})
	}
}

// TestReplayWithAnotherProgram names what another program does otherwise.
func TestReplayWithAnotherProgram(t *testing.T) {
	s := quietSet(1)
	defer s.Close()
	load(t, s, recorded("replay"))
	id := exchange(t, s.Tenant("replay"), &mirror{}, request("/s/03"), "a", "")
	rec := parsed(t, s, "replay", id)
	other := parsed(t, s, "replay", id)
	hello := start(t, guestModel("hello")).current.Load().code.elf
	out, err := Replay(context.Background(), rec, hello, ReplayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if out.Equal || !out.Other || !strings.Contains(strings.Join(out.Differences, "\n"), "on_recv: decision: recorded answer") {
		t.Errorf("%+v", out)
	}
	// A recording that was tampered with is not equal.
	events, err := reel.Read(other.Events)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == reel.Answer && learned(e.Numbers[0]) == learnRandom {
			e.Texts[0][0] ^= 1
			break
		}
	}
	out, err = Replay(context.Background(), other, nil, ReplayOptions{})
	if err != nil || out.Equal || len(out.Differences) == 0 {
		t.Errorf("%+v %v", out, err)
	}
}

// TestShareIsByRequest keeps about the share that was asked for, and every call
// of a request that is kept.
func TestShareIsByRequest(t *testing.T) {
	s := quietSet(1)
	defer s.Close()
	m := recorded("replay")
	m.Debug.Record = 0.25
	load(t, s, m)
	for range 400 {
		exchange(t, s.Tenant("replay"), &mirror{}, request("/s/"), "", "")
	}
	list, err := s.Records("replay")
	if err != nil || len(list) < 50 || len(list) > 150 {
		t.Fatalf("%d of 400 kept, %v", len(list), err)
	}
	for _, r := range list {
		events, err := reel.Read(parsed(t, s, "replay", r.ID).Events)
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		for _, e := range events {
			if e.Kind == reel.Call {
				calls++
			}
		}
		if calls != 3 {
			t.Errorf("request %s has %d calls", r.ID, calls)
		}
	}
}

// TestFaultsAreKept keeps what faulted and nothing else, and the oldest goes.
func TestFaultsAreKept(t *testing.T) {
	s := quietSet(1)
	defer s.Close()
	m := recorded("replay")
	m.Debug = model.Debug{OnFault: true, Ring: 8 << 10}
	load(t, s, m)
	for range 20 {
		exchange(t, s.Tenant("replay"), &mirror{}, request("/s/0"), "", "")
		exchange(t, s.Tenant("replay"), &mirror{}, request("/s/03x"), "", "")
	}
	list, err := s.Records("replay")
	if err != nil || len(list) < 2 || len(list) > 15 {
		t.Fatalf("%d kept, %v", len(list), err)
	}
	for _, r := range list {
		if r.Cause != "guest-fault" || r.Target != "GET /s/03x" {
			t.Errorf("%+v", r)
		}
		out, err := Replay(context.Background(), parsed(t, s, "replay", r.ID), nil, ReplayOptions{})
		if err != nil || !out.Equal || out.Calls[0].Cause != "guest-fault" {
			t.Errorf("%+v %v", out, err)
		}
	}
	if _, err := s.Record("replay", "00"); !errors.Is(err, ErrNoRecord) {
		t.Errorf("unknown request: %v", err)
	}
	if _, err := s.Records("nobody"); !errors.Is(err, ErrNoTenant) {
		t.Errorf("unknown tenant: %v", err)
	}
	lines := s.Tenant("replay").Logs()
	found := false
	for _, l := range lines {
		found = found || l.Level == "error" && strings.Contains(l.Text, "on_recv") && strings.Contains(l.Text, "called from")
	}
	if !found {
		t.Errorf("no line tells of the fault: %v", lines)
	}
}

// TestHarmIsRepeated repeats what hostile programs do, with faults of every kind
// and what the machine was when they came.
func TestHarmIsRepeated(t *testing.T) {
	s := quietSet(1)
	defer s.Close()
	m := recorded("hostile")
	m.Instructions, m.Memory, m.Time = 1_000_000, 16<<20, time.Minute
	s.o.Objects = rack{}
	load(t, s, m)
	causes := map[string]int{}
	for _, modes := range hostileModes() {
		for mode := range strings.FieldsSeq(modes) {
			_, _ = drive(context.Background(), s.Tenant(m.Name), hostilePath(mode))
			list, err := s.Records(m.Name)
			if err != nil || len(list) == 0 {
				t.Fatal(mode, err)
			}
			newest := list[0]
			for _, r := range list {
				if r.Time.After(newest.Time) {
					newest = r
				}
			}
			if newest.Target != "GET "+hostilePath(mode) {
				t.Errorf("%s is not kept: the newest is %s", mode, newest.Target)
				continue
			}
			rec := parsed(t, s, m.Name, newest.ID)
			causes[rec.Head.Cause]++
			out, err := Replay(context.Background(), rec, nil, ReplayOptions{})
			if err != nil || !out.Equal || out.Instructions != rec.Head.Retired {
				t.Errorf("%s, %s: %v %+v", mode, rec.Head.Cause, err, out)
			}
		}
	}
	t.Logf("causes %v", causes)
	for _, c := range []string{"", "guest-budget", "guest-fault", "guest-memory", "guest-deadlock", "guest-response"} {
		if causes[c] == 0 {
			t.Errorf("nothing ended with %q", c)
		}
	}
}
