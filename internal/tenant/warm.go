package tenant

import (
	"sync"
	"sync/atomic"
	"weak"

	"fishplate/riscv"
)

// warmParts is how many of the host's mappings the idle arenas of all images may
// consist of before those of images that were not used lately are given back. An
// image of a small program has 7 to 11 for each fork.
const warmParts = 24_000

// looksPerFork bounds the work of whoever makes an image warm.
const looksPerFork = 16

// warmth knows the images whose forks left host memory behind, and gives back
// that of the ones that were not used since it looked last: a clock with one
// hand. It does not keep images.
type warmth struct {
	backing *riscv.Backing // of every image; nil: they have files of their own
	most    int64          // mappings

	mu   sync.Mutex
	list []weak.Pointer[image]
	hand int
}

// The states of image.heat.
const (
	cold uint32 = iota // nothing is left of forks, or nobody counts
	warm               // something may be, and it was not used since the hand came by
	hot                // and it was
)

// use notes that an image is forked.
func (w *warmth) use(im *image, heat *atomic.Uint32) {
	switch heat.Load() {
	case hot:
		return
	case warm:
		if heat.CompareAndSwap(warm, hot) {
			return
		}
	}
	if heat.Swap(hot) == cold {
		w.add(im)
	}
}

func (w *warmth) add(im *image) {
	if w.backing == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, weak.Make(im))
	for looks := 0; looks < looksPerFork && w.backing.Mappings() > w.most && len(w.list) > 1; looks++ {
		w.look(im)
	}
}

// look moves the hand by one image. The one that is about to be forked stays.
func (w *warmth) look(stays *image) {
	if w.hand >= len(w.list) {
		w.hand = 0
	}
	im := w.list[w.hand].Value()
	switch {
	case im == stays, im != nil && im.heat.CompareAndSwap(hot, warm):
		w.hand++
		return
	case im != nil:
		im.heat.Store(cold)
		im.cool()
	}
	last := len(w.list) - 1
	w.list[w.hand] = w.list[last]
	w.list[last] = weak.Pointer[image]{}
	w.list = w.list[:last]
}

// cool gives back what waits for forks of an image.
func (im *image) cool() {
	im.frozen.Keep(0)
	if !im.retired.Load() {
		im.frozen.Keep(im.tenant.Concurrency)
	}
}
