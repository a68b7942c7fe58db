package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// handOverWait bounds how long an update waits for the calls into a storage
// that came before it.
const handOverWait = 10 * time.Second

// Update gives a tenant a new program: it is verified, started and tried with a
// fork beside the one that runs, which then hands its state over, and from one
// moment on admissions use the new one. Requests that were admitted earlier end
// with the old one. When anything fails the old one goes on and the error says
// why: ErrNoTenant, ErrSize, ErrRate and ErrSignature, or what is wrong with the
// program. elf is copied.
//
// The program stays when the configuration is loaded again, as long as the file
// that it names is the same.
func (s *Set) Update(ctx context.Context, name string, elf []byte, o UpdateOptions) (Version, error) {
	wrap := func(err error) (Version, error) { return Version{}, fmt.Errorf("update guest %q: %w", name, err) }
	t := s.Tenant(name)
	if t == nil {
		return wrap(ErrNoTenant)
	}
	limit := t.model.Update
	if most := t.MaxProgram(); int64(len(elf)) > most {
		return wrap(fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(elf), most))
	}
	h := s.historyOf(name)
	s.mu.Lock()
	allowed := h.update.allow(limit, time.Now())
	s.mu.Unlock()
	if !allowed {
		return wrap(fmt.Errorf("%w: at most %v a second", ErrRate, limit.Rate))
	}
	if err := verify(t.model, elf, o.Signature); err != nil {
		return wrap(err) // before it costs more
	}
	c, err := s.codes.load(slices.Clone(elf))
	if err != nil {
		return wrap(fmt.Errorf("%w%s", err, Remedy(elf)))
	}
	v, err := s.install(ctx, name, h, version{
		Version: Version{Source: "update", Author: o.Author, Comment: o.Comment}, code: c, signature: slices.Clone(o.Signature),
	})
	if err != nil {
		return wrap(err)
	}
	return v, nil
}

// Rollback makes an earlier program of a tenant current again, as Update does; 0
// is the one before the current. It becomes a new version.
func (s *Set) Rollback(ctx context.Context, name string, number int) (Version, error) {
	wrap := func(err error) (Version, error) {
		return Version{}, fmt.Errorf("roll guest %q back to version %d: %w", name, number, err)
	}
	t := s.Tenant(name)
	if t == nil {
		return wrap(ErrNoTenant)
	}
	h := s.historyOf(name)
	s.mu.Lock()
	v, err := h.find(number)
	allowed := err != nil || h.back.allow(t.model.Update, time.Now())
	s.mu.Unlock()
	if err != nil {
		return wrap(err)
	}
	if !allowed {
		return wrap(fmt.Errorf("%w: at most %v a second", ErrRate, t.model.Update.Rate))
	}
	v.Version = Version{Source: "rollback", Comment: fmt.Sprintf("to version %d", v.Number), Author: v.Author}
	made, err := s.install(ctx, name, h, v)
	if err != nil {
		return wrap(err)
	}
	return made, nil
}

// install replaces the program of a tenant, one update at a time.
func (s *Set) install(ctx context.Context, name string, h *history, v version) (Version, error) {
	select {
	case <-h.turn:
	case <-ctx.Done():
		return Version{}, ctx.Err()
	}
	defer func() { h.turn <- struct{}{} }()
	for {
		s.mu.Lock()
		t, known := s.tenants[name], s.histories[name] == h
		s.mu.Unlock()
		if t == nil || !known {
			return Version{}, ErrNoTenant
		}
		// The key may be another than when the program came.
		if err := verify(t.model, v.code.elf, v.signature); err != nil {
			return Version{}, err
		}
		err := s.replace(ctx, t, v.code)
		if made, ok := s.installed(t, h, v, err); ok {
			return made, err
		}
		// The configuration was loaded again while the program started, and what
		// was replaced serves nobody new: once more, for who is there now.
		t.retire()
	}
}

// installed notes in the history that a tenant has a new program, unless err says
// that it has not. It returns false when a Commit came first, which has put
// another tenant in its place and knows nothing of this program. A Commit that
// comes later finds it noted.
func (s *Set) installed(t *Tenant, h *history, v version, err error) (Version, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.tenants[t.Name()] != t || s.histories[t.Name()] != h:
		return Version{}, false
	case err != nil:
		return Version{}, true
	}
	v.Time = time.Now()
	h.changes++
	h.given = true
	return h.add(v), true
}

// replace starts a program and swaps it in.
func (s *Set) replace(ctx context.Context, t *Tenant, c *code) error {
	old := t.current.Load()
	im, err := newImage(ctx, t.model, c, s, t.stats, s.storeOf(t.model), old.handsOver())
	if err == nil {
		// A program that nobody has used needs no memory for requests yet.
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
	if !old.handsOver() || !im.takesOver() {
		swap()
		return nil
	}
	from, to := old.storage, im.storage
	if err := from.take(ctx, time.Now().Add(handOverWait)); err != nil {
		return fmt.Errorf("wait for the storage: %w", err)
	}
	defer from.leave()
	if from.moved != nil {
		return errors.New("another program has the state by now")
	}
	<-to.turn // nobody has it but who made im, or a call of somebody who tries it
	defer to.leave()
	if err := from.wake(); err != nil {
		return err
	}
	if err := to.wake(); err != nil {
		return err
	}
	was, err := from.stepAside()
	if err != nil {
		return fmt.Errorf("copy the storage: %w", err)
	}
	err = handOver(ctx, from, to)
	from.comeBack(was)
	if err != nil {
		return err
	}
	from.moved = im
	from.close()
	swap()
	return nil
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
