package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// handOverWait bounds how long an update waits for the calls into a storage
// that came before it.
const handOverWait = 10 * time.Second

// replace starts a program and swaps it in.
func (s *Set) replace(ctx context.Context, t *Tenant, c *code) error {
	old := t.current.Load()
	im, err := newImage(ctx, t.model, c, s, t.stats, s.storeOf(t.model), old.handsOver())
	if err == nil {
		if old != nil {
			err = im.warm()
		}
		if err == nil {
			err = im.succeed(ctx, old, func() { t.current.Store(im) })
		}
		if err != nil {
			im.discard()
		}
	}
	if err != nil {
		old.measure()
		return err
	}
	t.setTrouble(nil)
	if old != nil {
		old.retire()
	}
	return nil
}

// warm tries a fork, and leaves what it needed to the first request.
func (im *image) warm() error {
	v, err := im.take()
	if err == nil {
		im.give(v)
	}
	return err
}

// discard gives up an image that nobody has seen.
func (im *image) discard() {
	im.retire()
	im.storage.close()
	im.frozen.Close()
}

func (im *image) handsOver() bool { return im != nil && im.memento.callbacks[cbOnLiveUpdate] != 0 }

func (im *image) takesOver() bool { return im.memento.callbacks[cbOnResumeUpdate] != 0 }

// succeed hands the state of old's storage over to im's, if both programs have
// the callbacks for that, and calls swap before any call gets into either
// storage again: what came before is in the state, and what comes later is
// called in im's. An error leaves old as it was: what on_live_update changed in
// its memory is undone.
func (im *image) succeed(ctx context.Context, old *image, swap func()) error {
	end, err := im.takeOver(ctx, old)
	if err != nil {
		return err
	}
	swap()
	end(true)
	return nil
}

// takeOver is the first half of succeed: no call gets into either storage until
// end is called, which says whether im has taken old's place.
func (im *image) takeOver(ctx context.Context, old *image) (end func(swapped bool), err error) {
	if !old.handsOver() || !im.takesOver() {
		return func(bool) {}, nil
	}
	from, to := old.storage, im.storage
	if err := from.take(ctx, time.Now().Add(handOverWait)); err != nil {
		return nil, fmt.Errorf("wait for the storage: %w", err)
	}
	if from.moved != nil {
		from.leave()
		return nil, errors.New("another program has the state by now")
	}
	<-to.turn // nobody has it but who made im, or a call of somebody who tries it
	leave := func() {
		to.leave()
		from.leave()
	}
	if err := from.handOverCopy(ctx, to); err != nil {
		leave()
		return nil, err
	}
	return func(swapped bool) {
		if swapped {
			from.moved = im
			from.close()
		}
		leave()
	}, nil
}

// handOverCopy hands the state over, and leaves this storage as it was. The caller
// has both turns.
func (s *storage) handOverCopy(ctx context.Context, to *storage) error {
	if err := s.wake(); err != nil {
		return err
	}
	if err := to.wake(); err != nil {
		return err
	}
	was, err := s.stepAside()
	if err != nil {
		return fmt.Errorf("copy the storage: %w", err)
	}
	err = handOver(ctx, s, to)
	s.comeBack(was)
	return err
}

// handOver asks the one for its state and gives it to the other. The caller has
// both turns.
func handOver(ctx context.Context, from, to *storage) error {
	now := time.Now()
	if _, err := from.call(ctx, now, from.image.memento.callbacks[cbOnLiveUpdate]); err != nil {
		return fmt.Errorf("run on_live_update: %w", err)
	}
	state, err := from.v.m.Mem.View(from.v.arg(0), uint64(uint32(from.v.arg(1))))
	if n := uint32(from.v.arg(1)); n == 0 {
		state, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("take what on_live_update returned: %w", err)
	}
	at, err := to.put(state)
	if err != nil {
		return fmt.Errorf("keep what on_live_update returned: %w", err)
	}
	defer to.v.heap.Free(at)
	if _, err := to.call(ctx, time.Now(), to.image.memento.callbacks[cbOnResumeUpdate], at, uint64(len(state))); err != nil {
		return fmt.Errorf("run on_resume_update: %w", err)
	}
	return nil
}
