package tenant

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
)

// -walks and -walkseed take more walks, or those of a failure again.
func walkFlags() (walks int, seed uint64) {
	walks, seed = *walksFlag, *walkSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	return walks, seed
}

var (
	walksFlag = flag.Int("walks", 0, "random walks through the calls of the host, recorded and repeated; 0: as many as the build bears")
	walkSeed  = flag.Uint64("walkseed", 0, "seed of the walks; 0: another each time")
)

// chance is a world outside that answers as it likes, at once.
type chance struct{ rng *rand.Rand }

func (c chance) one(in int) bool { return c.rng.IntN(in) == 0 }

func (c chance) wrong() error {
	return []error{ErrDenied, ErrLimit, ErrTime, ErrFailed, ErrStage}[c.rng.IntN(5)]
}

func (c chance) bytes(n int) []byte {
	b := make([]byte, c.rng.IntN(n+1))
	for i := range b {
		b[i] = byte('a' + c.rng.IntN(26))
	}
	return b
}

func (c chance) Fetch(*Question) (Fetched, error) {
	if c.one(5) {
		return nil, c.wrong()
	}
	a := &chanced{chance: c, status: 200 + c.rng.IntN(300), left: c.rng.IntN(3)}
	a.head.Add("X-One", string(c.bytes(9)))
	return a, nil
}

func (c chance) ReadBody(p []byte, _ time.Duration) (int, error) {
	switch c.rng.IntN(6) {
	case 0:
		return 0, io.EOF
	case 1:
		return 0, c.wrong()
	}
	return copy(p, c.bytes(40)), nil
}

func (c chance) BodyLength() int64 { return int64(c.rng.IntN(9) - 1) }

func (c chance) Begin(*message.Response) error {
	if c.one(8) {
		return ErrFailed
	}
	return nil
}

func (c chance) Write([]byte) error {
	if c.one(8) {
		return ErrFailed
	}
	return nil
}

// chance is Steering as well.
func (c chance) BackendState(string) (up, all int)           { return c.rng.IntN(3), 2 }
func (c chance) ServerState(string, string) (up, known bool) { return c.one(2), !c.one(3) }
func (c chance) Ban(string) error                            { return c.maybe() }
func (c chance) PurgeURL(context.Context, *message.Request) (int, bool) {
	return c.rng.IntN(4), !c.one(4)
}
func (c chance) PurgeTag(context.Context, []byte, bool) (int, bool) { return c.rng.IntN(4), !c.one(4) }

func (c chance) maybe() error {
	if c.one(4) {
		return errors.New("it is full")
	}
	return nil
}

type chanced struct {
	chance
	head   message.Header
	status int
	left   int
}

func (*chanced) Deserted() bool { return false }

func (a *chanced) Head() (int, *message.Header, error) {
	if a.one(9) {
		return 0, nil, a.wrong()
	}
	return a.status, &a.head, nil
}

func (a *chanced) Read(p []byte) (int, error) {
	if a.left--; a.left < 0 {
		return 0, []error{io.EOF, io.EOF, ErrFailed, io.ErrUnexpectedEOF}[a.rng.IntN(4)]
	}
	return copy(p, a.bytes(50)), nil
}
func (*chanced) Close() {}

// walk leads a request through the callbacks in one of the ways that the proxy
// has, and returns its name.
func walk(t testing.TB, tn *Tenant, world chance, req *message.Request) string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	rng := world.rng
	r := admit(t, tn)
	notes := new(Notes)
	r.Annotate(notes)
	r.Outside(world)
	r.Steer(world)
	if rng.IntN(60) == 0 {
		cancel() // the client is gone
	}
	var errand *Errand
	walkFront(ctx, r, world, req, &errand)
	r.Release()
	if errand == nil {
		return fmt.Sprintf("%x", notes.ID())
	}
	// What was decided is done once more, for the renewal of what was stored.
	r, f := errand.Admit(context.Background())
	if f != nil {
		t.Fatal(f)
	}
	defer r.Release()
	notes.Reset()
	r.Annotate(notes)
	r.Outside(world)
	var resp message.Response
	if _, f = r.OnFetch(ctx, req); f == nil {
		_, _ = r.Forge(ctx, req, world.bytes(30), &resp)
	}
	r.Fetched()
	return fmt.Sprintf("%x", notes.ID())
}

func walkFront(ctx context.Context, r *Run, world chance, req *message.Request, errand **Errand) {
	rng := world.rng
	if rng.IntN(5) == 0 {
		if _, _, f := r.Named(ctx, req, nil, "name", string(world.bytes(9))); f != nil {
			return
		}
	}
	d, f := r.OnRecv(ctx, req, string(world.bytes(3)))
	resp := message.Response{Status: 200}
	if f != nil {
		if rng.IntN(2) == 0 {
			resp.Status = f.Status
			_, _ = r.Synth(ctx, req, &resp, []byte("an error"))
		}
		return
	}
	switch d.Kind {
	case Answer:
		_, f = r.Answer(ctx, d, req, &resp)
	case Forge:
		if d.Cached && rng.IntN(2) == 0 {
			if _, f = r.OnMiss(ctx, req, true); f != nil {
				break
			}
		}
		_, f = r.Forge(ctx, req, world.bytes(60), &resp)
		if e := r.Errand(); rng.IntN(3) == 0 {
			*errand = &e
		}
		r.Fetched()
	default:
		f = walkBehind(ctx, r, world, req, &resp)
	}
	if f == nil && rng.IntN(4) > 0 {
		_ = r.OnDeliver(ctx, req, &resp)
	}
}

func walkBehind(ctx context.Context, r *Run, world chance, req *message.Request, resp *message.Response) *message.Fault {
	if world.one(3) {
		obj := message.Response{Status: 203}
		obj.Add("X-One", string(world.bytes(5)))
		if _, f := r.OnHit(ctx, req, &obj); f != nil || world.one(2) {
			return f
		}
	}
	if world.one(2) {
		if _, f := r.OnMiss(ctx, req, world.one(2)); f != nil {
			return f
		}
	}
	defer r.Fetched()
	if _, f := r.OnFetch(ctx, req); f != nil {
		return f
	}
	if world.one(3) {
		resp.Status = 503
		_, _, f := r.OnError(ctx, req, resp, []byte("no server"))
		return f
	}
	resp.Add("X-Two", string(world.bytes(5)))
	return r.OnResponse(ctx, req, resp)
}

// walked is a tenant that wanders, all of whose calls are kept.
func walked(jit string) *model.Tenant {
	m := recorded("walk")
	m.JIT, m.Backends, m.Storage, m.LogRate, m.Fetches, m.Instructions = jit, []string{"app", "other"}, 64<<10, 20, 3, 3_000_000
	return m
}

// sameByAnother repeats a walk by a program that is not the same file, and does
// the same.
func sameByAnother(t *testing.T, rec *Recording, path string) {
	t.Helper()
	out, err := Replay(context.Background(), rec, append(bytes.Clone(rec.Program), "another"...), ReplayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !out.Other || !out.Equal {
		t.Errorf("%s by another program, %v: %s", path, out.Other, strings.Join(out.Differences, "\n"))
	}
}

// TestWalksRepeat records random walks through the calls of the host, by a
// program that makes nearly all of them in every callback, with threads, signals,
// storage and pauses, and repeats each one: by the engine that ran it, by the
// other, and with nothing of what it came from. `make proof` takes 10,000, the
// race detector's share is 200.
func TestWalksRepeat(t *testing.T) {
	n, seed := walkFlags()
	if n == 0 {
		n = 2000
		if raceEnabled {
			n = 200
		}
	}
	t.Logf("%d walks, -walkseed %d", n, seed)
	for part, jit := range []string{"", "off"} {
		t.Run("jit="+jit, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, uint64(part)))
			world := chance{rng}
			s := quietSet(2)
			defer s.Close()
			s.o.Objects = rack{}
			s.o.CacheLook = func(string, []byte, *message.Request) (int, time.Duration, int64, bool) {
				return 200, time.Duration(rng.IntN(5)) * time.Second, rng.Int64N(99), world.one(2)
			}
			load(t, s, walked(jit))
			tn := s.Tenant("walk")
			causes, ways, questions := map[string]int{}, map[string]int{}, map[string]int{}
			for i := range n / 2 {
				path := fmt.Sprintf("/%x/%d?a=1&b=%%20x", rng.Uint64(), 1+rng.IntN(16))
				req := request(path, "Cookie: a=1; session=2", "X-One: 1", "Accept: a/b")
				req.Conn = &message.Conn{Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 4711)}
				rec := parsed(t, s, "walk", walk(t, tn, world, req))
				causes[rec.Head.Cause]++
				o := ReplayOptions{}
				if i%4 == 0 {
					o.JIT = map[string]string{"": "off", "off": "on"}[jit]
				}
				out, err := Replay(context.Background(), rec, nil, o)
				if err != nil {
					t.Fatal(err)
				}
				if !out.Equal || out.Instructions != rec.Head.Retired || len(out.Calls) == 0 {
					t.Errorf("walk %d, %s, cause %q: %d instructions, recorded %d:\n%s", i, path, rec.Head.Cause, out.Instructions, rec.Head.Retired, strings.Join(out.Differences, "\n"))
					return
				}
				list, err := scenes(rec.Events)
				if err != nil {
					t.Fatal(err)
				}
				if i%8 == 1 && list[0].call.Numbers[0] != uint64(wayErrand) {
					sameByAnother(t, rec, path)
				}
				for _, g := range list {
					ways[wayNames[g.call.Numbers[0]]]++
					for _, e := range g.answers {
						questions[learned(e.Numbers[0]).String()]++
					}
				}
			}
			t.Logf("causes %v", causes)
			t.Logf("calls %v", ways)
			t.Logf("questions %v", questions)
			// What a walk never did, it proves nothing of.
			if n >= 1000 && (len(ways) != len(wayNames)-1 || len(questions) != len(learnedNames)-1 || len(causes) < 4) {
				t.Errorf("%d kinds of calls of %d, %d of questions of %d", len(ways), len(wayNames)-1, len(questions), len(learnedNames)-1)
			}
		})
	}
}
