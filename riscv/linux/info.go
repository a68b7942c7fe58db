package linux

import (
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// Facts about the process that programs may ask for.
const (
	userID         = 1000
	ticksPerSecond = 100
)

// clock is the time as the process sees it.
type clock struct {
	now   func() time.Time
	begin time.Time
}

func (c *clock) start(now func() time.Time) {
	if now == nil {
		now = time.Now
	}
	c.now, c.begin = now, now()
}

// random is real, or repeatable from a seed.
type random struct{ seeded *rand.ChaCha8 }

func (r *random) start(seed []byte) {
	if seed != nil {
		r.seeded = rand.NewChaCha8(sha256.Sum256(seed))
	}
}

func (r *random) fill(b []byte) {
	if r.seeded == nil {
		_, _ = crand.Read(b) // never fails: it ends the program instead
		return
	}
	_, _ = r.seeded.Read(b) // never fails
}

func (p *Process) exit(a *args) int64 {
	p.exited, p.code = true, int(uint8(a[0]))
	return 0
}

func (p *Process) setTIDAddress(a *args) int64 {
	p.tid = a[0]
	return 1
}

func (p *Process) clockGettime(a *args) int64 {
	t := p.clock.now()
	if a[0] != 0 && a[0] != 5 {
		t = time.Unix(0, int64(t.Sub(p.clock.begin)))
	}
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(t.Unix()))
	binary.LittleEndian.PutUint64(b[8:], uint64(t.Nanosecond()))
	if err := p.Machine.Mem.Write(a[1], b[:]); err != nil {
		return fail(err)
	}
	return 0
}

func (p *Process) uname(a *args) int64 {
	var b [6 * 65]byte
	for i, s := range []string{"Linux", "fishplate", "6.1.0", "#1", "riscv64", ""} {
		copy(b[65*i:], s)
	}
	if err := p.Machine.Mem.Write(a[0], b[:]); err != nil {
		return fail(err)
	}
	return 0
}

func (p *Process) getrandom(a *args) int64 {
	b, err := p.Machine.Mem.Writable(a[0], min(a[1], 1<<20))
	if err != nil {
		return fail(err)
	}
	p.random.fill(b)
	return int64(len(b))
}
