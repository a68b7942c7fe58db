package tenant

import (
	"fmt"
	"strings"

	"fishplate/internal/tenant/reel"
)

// startTape is the tape for the start of an image: of a tenant whose calls are
// kept, or of a repetition.
func (s *Set) startTape(d *stats, ring int64, kept bool) *tape {
	if s.playing != nil {
		return &tape{player: s.playing, decided: true}
	}
	if !kept {
		d.kept.SetLimit(0)
		return nil
	}
	d.kept.SetLimit(ringOf(ring))
	t := &tape{decided: true}
	t.w.Limit = startLimit
	return t
}

// leaveStart keeps what main learned. What is too much is not kept: a repetition
// then asks the world.
func (im *image) leaveStart() {
	if t := im.tape; t != nil && t.player == nil && !t.w.Full {
		im.began = append([]byte{}, t.w.B...)
	}
	im.tape = nil
}

// startPlayer plays what main learned.
func startPlayer(stream []byte, other bool) (*player, error) {
	events, err := reel.Read(stream)
	if err != nil {
		return nil, err
	}
	p := &player{start: true, other: other}
	for _, e := range events {
		if e.Kind == reel.Answer {
			p.left = append(p.left, e)
		}
	}
	return p, nil
}

// maxDifferences bounds how many are named.
const maxDifferences = 100

func (x *repetition) differ(call, what string, recorded, now any) {
	if len(x.Differences) < maxDifferences {
		x.Differences = append(x.Differences, fmt.Sprintf("%s: %s: recorded %v, now %v", call, what, recorded, now))
	}
}

// compare names what of a call is not as it was.
func (x *repetition) compare(want, got *scene) {
	call := wayNames[want.call.Numbers[0]]
	for i, what := range [...]string{"decision", "fault"} {
		if a, b := string(want.end.Texts[i]), string(got.end.Texts[i]); a != b {
			x.differ(call, what, orNone(a), orNone(b))
		}
	}
	if x.Tariff != "" && metered(want) {
		return // it stopped somewhere else
	}
	x.compareText(call, "request", want.end.Texts[2], got.end.Texts[2])
	x.compareText(call, "response", want.end.Texts[3], got.end.Texts[3])
	if want.end.Numbers != got.end.Numbers {
		x.differ(call, fmt.Sprintf("body of %d bytes", want.end.Numbers[1]), fmt.Sprintf("%.200q", want.end.Texts[4]), fmt.Sprintf("%d bytes, %.200q", got.end.Numbers[1], got.end.Texts[4]))
	}
	if x.Other {
		return
	}
	if len(want.ran) != len(got.ran) {
		x.differ(call, "runs of the machine", len(want.ran), len(got.ran))
		return
	}
	for i := range want.ran {
		x.compareRun(call, &want.ran[i], &got.ran[i])
	}
}

// ranNumbers names the numbers of an event Ran.
var ranNumbers = [reel.MaxNumbers]string{"fork", "stage", "function", "a0", "a1", "a2", "instructions before", "instructions", "pc", "registers"}

func (x *repetition) compareRun(call string, want, got *reel.Event) {
	for i := range want.Numbers {
		if a, b := want.Numbers[i], got.Numbers[i]; a != b {
			what := ranNumbers[i]
			if x.Tariff != "" && want.Kind == reel.Ran && strings.HasPrefix(what, "instructions") {
				continue
			}
			if want.Kind == reel.Sent {
				what = "what was sent"
			}
			x.differ(call, what, fmt.Sprintf("%d (%#x)", a, a), fmt.Sprintf("%d (%#x)", b, b))
		}
	}
	if a, b := string(want.Texts[0]), string(got.Texts[0]); a != b {
		x.differ(call, "how it ended", orNone(a), orNone(b))
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// compareText names the first line of a message that is not as it was.
func (x *repetition) compareText(call, what string, want, got []byte) {
	if string(want) == string(got) {
		return
	}
	a, b := linesOf(what, want), linesOf(what, got)
	for i := range max(len(a), len(b)) {
		var p, q string
		if i < len(a) {
			p = a[i]
		}
		if i < len(b) {
			q = b[i]
		}
		if p != q {
			x.differ(call, what, fmt.Sprintf("%.300q", p), fmt.Sprintf("%.300q", q))
			return
		}
	}
	x.differ(call, what, "other framing", "another")
}

// linesOf is a message as lines.
func linesOf(what string, text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	if what == "request" {
		if r, err := reel.ReadRequest(text); err == nil {
			return strings.Split(requestText(r), "\n")
		}
	} else if r, err := reel.ReadResponse(text); err == nil {
		return strings.Split(responseText(r), "\n")
	}
	return []string{"damaged"}
}
