package tenant

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/tenant/reel"
	"fishplate/riscv/debug"
)

// ReplayOptions say how a recording is run again. The zero value runs it as it
// was.
type ReplayOptions struct {
	JIT   string            // "off" interprets; "" is as it was
	Trace func(line string) // is given each call of the host; nil: not
	// GDB lets a debugger control a call, and says whether that has ended. Entry
	// is which: "" is the first.
	GDB   func(ctx context.Context, guest *debug.Guest, lines *debug.Lines) (over bool)
	Entry string
}

// maxReplayed bounds the memory that a recording, which may come from a stranger,
// can ask for.
const maxReplayed = 16 << 30

// Outcome is how a repetition went.
type Outcome struct {
	Equal        bool     `json:"equal"`
	Other        bool     `json:"other_program"`
	Differences  []string `json:"differences,omitempty"`
	Calls        []Step   `json:"calls"`
	Instructions uint64   `json:"instructions"`
	Recorded     uint64   `json:"recorded_instructions"`
	Tariff       string   `json:"tariff,omitempty"` // why instructions were not compared; "": they were
	Lines        []Line   `json:"log,omitempty"`    // that the program wrote
}

// Step is one of the calls of a repetition.
type Step struct {
	Call         string `json:"call"`
	Decision     string `json:"decision,omitempty"`
	Status       int    `json:"status,omitempty"`
	Cause        string `json:"cause,omitempty"` // of a fault
	Instructions uint64 `json:"instructions"`
	Body         uint64 `json:"body,omitempty"` // bytes
}

// Replay runs a recording again, in this process and with nothing of the world
// that it came from: what the program asks is answered by the recording. elf is
// another program, or nil for the recorded one.
//
// The recorded program must come to the same: instructions, registers, decisions,
// messages and bytes; what does not is named in Differences. Under other prices than
// the recorded ones instructions are not compared, nor what a call had come to when
// its budget or its time ended it. Of another program
// decisions, messages and bodies are compared, and its questions are answered by
// the recorded answers of the same kind, in their order.
func Replay(ctx context.Context, rec *Recording, elf []byte, o ReplayOptions) (*Outcome, error) {
	want, err := scenes(rec.Events)
	if err != nil {
		return nil, err
	}
	other := elf != nil && !bytes.Equal(elf, rec.Program)
	if elf == nil {
		elf = rec.Program
	}
	h := &rec.Head
	if h.Memory < 0 || h.Memory > maxReplayed || h.Storage < 0 || h.Storage > maxReplayed {
		return nil, fmt.Errorf("replay request %s: it wants %d bytes of memory and %d of storage", h.ID, h.Memory, h.Storage)
	}
	m := &model.Tenant{
		Name: h.Tenant, Arguments: h.Arguments, Memory: h.Memory, Instructions: h.Instructions, Storage: h.Storage, Backends: h.Backends,
		OnFault: h.OnFault, JIT: h.JIT, Time: time.Hour, LogRate: 1e9,
	}
	if o.JIT != "" {
		m.JIT = o.JIT
	}
	if repriced(h) != "" && !slices.ContainsFunc(want, func(g scene) bool { return metered(&g) }) {
		m.Instructions = min(m.Instructions, math.MaxInt64/spared) * spared
	}
	s := NewSet(Options{Logger: slog.New(slog.DiscardHandler), Permits: 1})
	defer s.Close()
	if s.playing, err = startPlayer(rec.Start, other); err != nil {
		return nil, err
	}
	c, err := s.codes.load(elf)
	if err != nil {
		return nil, fmt.Errorf("replay request %s: %w", h.ID, err)
	}
	st := newStats(m.Name, s.o.Logger)
	im, err := newImage(ctx, m, c, s, st, s.storeOf(m), false)
	if err != nil {
		return nil, fmt.Errorf("replay request %s: %w", h.ID, err)
	}
	defer im.discard()
	x := &repetition{
		Outcome: Outcome{Other: other, Recorded: h.Retired, Tariff: repriced(h)}, want: want, o: &o,
		player: &player{other: other, loose: repriced(h) != "", scenes: want, found: s.playing.found},
	}
	x.tape = &tape{player: x.player, decided: true}
	t := newTenant(m, im, st)
	x.run = t.admitted()
	x.run.tape = x.tape
	x.look()
	x.perform(ctx)
	x.judge()
	x.Lines = t.Logs()
	return &x.Outcome, nil
}

// repetition is a Replay that is under way.
type repetition struct {
	Outcome
	want   []scene
	o      *ReplayOptions
	player *player
	tape   *tape // of the run, and what is judged when that is released
	run    *Run
}

// look sets who looks on.
func (x *repetition) look() {
	if x.o.Trace == nil && x.o.GDB == nil {
		return
	}
	w := &watch{trace: x.o.Trace}
	if serve := x.o.GDB; serve != nil {
		w.gdb = func(ctx context.Context, v *vm, g *debug.Guest) bool {
			if x.o.Entry != "" && x.o.Entry != stageNames[v.stage] {
				return false
			}
			w.gdb = nil // one call is enough
			return serve(ctx, g, v.image.code.lines())
		}
	}
	x.run.eye = w
}

// perform makes the recorded calls, as far as the program goes the same way.
func (x *repetition) perform(ctx context.Context) {
	defer x.run.Release()
	for i := range x.want {
		g := &x.want[i]
		before := ""
		if len(g.end.Texts[0]) > 0 {
			before, _, _ = strings.Cut(string(g.end.Texts[0]), " ")
		}
		kind, err := x.step(ctx, &g.call)
		if err != nil {
			x.player.found = append(x.player.found, err.Error())
			return
		}
		if before != "" && kind != before {
			return // what follows was recorded of another way
		}
	}
}

// step makes one call, and returns the kind of its decision.
func (x *repetition) step(ctx context.Context, c *reel.Event) (kind string, err error) {
	req, err := reel.ReadRequest(c.Texts[3])
	if err != nil {
		return "", err
	}
	resp, err := reel.ReadResponse(c.Texts[4])
	if err != nil {
		return "", err
	}
	if req == nil {
		req = &message.Request{}
	}
	r, a, b, n := x.run, string(c.Texts[0]), string(c.Texts[1]), c.Numbers[1:]
	var d Decision
	switch way(c.Numbers[0]) {
	case wayErrand:
		// open notes it with the next call.
		if x.Other {
			return "", fmt.Errorf("it begins with what the recorded program had decided before, which another program does not know")
		}
		r.behind, r.stream, r.values, r.arg = true, n[0] != 0, [3]uint64{n[1], n[2], n[3]}, a
	case wayRecv:
		d, _ = r.OnRecv(ctx, req, a)
		kind = d.Kind.String()
	case wayAnswer:
		_, _ = r.Answer(ctx, Decision{Kind: Answer, Status: int(int16(n[0])), Body: b}, req, resp)
	case wayForge:
		_, _ = r.Forge(ctx, req, c.Texts[2], resp)
	case wayDeliver:
		_ = r.OnDeliver(ctx, req, resp)
	case wayHit:
		d, _ = r.OnHit(ctx, req, resp)
		kind = d.Kind.String()
	case wayMiss:
		d, _ = r.OnMiss(ctx, req, n[0] != 0)
		kind = d.Kind.String()
	case wayFetch:
		d, _ = r.OnFetch(ctx, req)
		kind = d.Kind.String()
	case wayResponse:
		_ = r.OnResponse(ctx, req, resp)
	case wayError:
		_, _, _ = r.OnError(ctx, req, resp, c.Texts[2])
	case waySynth:
		_, _ = r.Synth(ctx, req, resp, c.Texts[2])
	case wayNamed:
		_, _, _ = r.Named(ctx, req, nil, a, b)
	case wayFetched:
		r.Fetched()
	}
	return kind, nil
}

// judge compares what was written down with the recording.
func (x *repetition) judge() {
	t := x.tape
	got, err := scenes(t.w.B)
	if err != nil {
		x.player.found = append(x.player.found, err.Error())
	}
	x.Differences = x.player.found
	x.Instructions = t.retired
	for i := range got {
		g := &got[i]
		x.Calls = append(x.Calls, stepOf(g))
		if i < len(x.want) {
			x.compare(&x.want[i], g)
		}
	}
	if len(got) < len(x.want) {
		x.differ(wayNames[x.want[len(got)].call.Numbers[0]], "it is not called", "called", "not")
	}
	x.Equal = len(x.Differences) == 0
}

func stepOf(g *scene) Step {
	s := Step{Call: wayNames[g.call.Numbers[0]], Decision: string(g.end.Texts[0]), Cause: string(g.end.Texts[1]), Body: g.end.Numbers[1]}
	for _, e := range g.ran {
		if e.Kind == reel.Ran {
			s.Instructions += e.Numbers[7] - e.Numbers[6]
		}
	}
	if resp, err := reel.ReadResponse(g.end.Texts[3]); err == nil {
		s.Status = resp.Status
	}
	return s
}
