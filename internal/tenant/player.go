package tenant

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"fishplate/internal/tenant/reel"
)

// scene is one call of a recording with what happened in it.
type scene struct {
	call    reel.Event
	answers []reel.Event
	ran     []reel.Event // runs of the machine, and what was sent
	end     reel.Event
}

// scenes takes a stream of events apart.
func scenes(stream []byte) ([]scene, error) {
	events, err := reel.Read(stream)
	if err != nil {
		return nil, err
	}
	var list []scene
	for _, e := range events {
		if e.Kind == reel.Call {
			if w := e.Numbers[0]; w == 0 || w >= uint64(len(wayNames)) {
				return nil, fmt.Errorf("read recording: it has a call of kind %d", w)
			}
			list = append(list, scene{call: e})
			continue
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("read recording: it does not begin with a call")
		}
		g := &list[len(list)-1]
		switch e.Kind {
		case reel.Answer:
			g.answers = append(g.answers, e)
		case reel.End:
			g.end = e
		default:
			g.ran = append(g.ran, e)
		}
	}
	return list, nil
}

// player gives the answers of a recording.
type player struct {
	start  bool // of the start of an image
	other  bool // another program plays: its questions may come in another order
	loose  bool // under other prices: the counter does not tell where a call was stopped
	scenes []scene
	at     int
	left   []reel.Event // answers of the present call
	found  []string     // what differed
}

// enter begins the next call.
func (p *player) enter(w way) {
	if p.at < len(p.scenes) && way(p.scenes[p.at].call.Numbers[0]) == w {
		p.left = p.scenes[p.at].answers
		p.at++
	}
}

// leave ends it.
func (p *player) leave() {
	if n := len(p.left); n > 0 && !p.start && !(p.loose && p.at > 0 && metered(&p.scenes[p.at-1])) {
		p.found = append(p.found, fmt.Sprintf("the recorded call goes on to ask %d times, first for %s", n, learned(p.left[0].Numbers[0])))
	}
	p.left = nil
}

// next returns the answer to a question; nil when the recording has none.
func (p *player) next(what learned) *reel.Event {
	for i := range p.left {
		e := &p.left[i]
		if learned(e.Numbers[0]) == what || p.loose && learned(e.Numbers[0]) == learnStop {
			p.left = p.left[i+1:]
			return e
		}
		if !p.other {
			p.found = append(p.found, fmt.Sprintf("it asks for %s where the recording has %s", what, learned(e.Numbers[0])))
			return nil
		}
	}
	if !p.start {
		p.found = append(p.found, fmt.Sprintf("it asks for %s, and the recorded call did not any more", what))
	}
	return nil
}

// stop returns how the recorded call was stopped here, if it was.
func (p *player) stop(at place) *reel.Event {
	if !p.stops(at) {
		return nil
	}
	e := &p.left[0]
	p.left = p.left[1:]
	return e
}

func (p *player) stops(at place) bool {
	if len(p.left) == 0 {
		return false
	}
	e := &p.left[0]
	if learned(e.Numbers[0]) != learnStop {
		return false
	}
	return bytes.Equal(e.Texts[0], at.bytes()) || p.loose && len(e.Texts[0]) >= 8 && at.at >= binary.LittleEndian.Uint64(e.Texts[0])
}

var learnedNames = [...]string{"", "the time", "random bytes", "a fact about the client", "the cache", "a fetch", "a body", "the key-value storage",
	"the storage machine", "the backends", "a purge", "the host", "the end of its time"}

// String names a kind of question.
func (l learned) String() string {
	if int(l) < len(learnedNames) {
		return learnedNames[l]
	}
	return fmt.Sprintf("a thing of kind %d", uint8(l))
}
