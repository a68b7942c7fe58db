package linux

import (
	"encoding/binary"
	"time"

	"fishplate/riscv/tape"
)

// Clocks of clock_gettime.
const (
	clockReal       = 0
	clockMonotonic  = 1
	clockProcess    = 2
	clockThread     = 3
	clockRealCoarse = 5
	clockBoot       = 7
	clockTAI        = 11
	lastClock       = 11

	absoluteTime = 1 // flag of clock_nanosleep

	// ticksHz is the rate of the CSR time, as most boards have it.
	ticksHz        = 10_000_000
	ticksPerSecond = 100 // of times
)

// clock is the time as the process sees it.
type clock struct {
	source func() time.Time
	begin  time.Time
	fixed  bool          // sleeping does not wait
	slept  time.Duration // by a process whose clock is fixed
}

// start takes the beginning of the process from the clock.
func (c *clock) start(source func() time.Time) {
	c.fixed = source != nil
	if source == nil {
		source = time.Now
	}
	c.source = source
	c.begin = source()
}

// now is the time of day.
func (c *clock) now() time.Time { return c.source().Add(c.slept) }

// since is the time that the process has run.
func (c *clock) since() time.Duration { return max(0, c.now().Sub(c.begin)) }

// ticks answers the CSR time.
func (p *Process) ticks() uint64 {
	if p.tape.Playing() {
		v, _ := p.play(tickEntry)
		return v
	}
	p.tape.Begin(0)
	v := uint64(p.clock.since()) / (uint64(time.Second) / ticksHz)
	p.tape.End(tape.Entry{Number: tickEntry, Value: v}, 0)
	return v
}

// storeTime writes a struct timespec with 64-bit fields, which RV32 has too.
func (p *Process) storeTime(addr uint64, seconds, rest int64) Errno {
	l := layoutOf{p: p}
	l.u64(uint64(seconds))
	l.u64(uint64(rest))
	return p.store(addr, l.b)
}

// loadTime reads a struct timespec that is a duration.
func (p *Process) loadTime(addr uint64) (time.Duration, Errno) {
	b, e := p.load(addr, 16)
	if e != 0 {
		return 0, e
	}
	seconds, rest := int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))
	if p.word == 4 {
		rest = int64(int32(rest)) // the upper half is padding
	}
	if seconds < 0 || rest < 0 || rest >= int64(time.Second) {
		return 0, EINVAL
	}
	const longest = int64(1<<63-1)/int64(time.Second) - 1
	return time.Duration(min(seconds, longest))*time.Second + time.Duration(rest), 0
}

// clockGettime tells the time of day, or for all other clocks how long the
// process has run: that is its monotonic time, its time since boot, and its
// share of the processor.
func (p *Process) clockGettime(a *args) (uint64, Errno) {
	if a[0] > lastClock {
		return 0, EINVAL
	}
	switch a[0] {
	case clockReal, clockRealCoarse, clockTAI:
		t := p.clock.now()
		return 0, p.storeTime(a[1], t.Unix(), int64(t.Nanosecond()))
	}
	d := p.clock.since()
	return 0, p.storeTime(a[1], int64(d/time.Second), int64(d%time.Second))
}

// clockGetres claims a nanosecond for every clock, as Linux does.
func (p *Process) clockGetres(a *args) (uint64, Errno) {
	if a[0] > lastClock {
		return 0, EINVAL
	}
	if a[1] == 0 {
		return 0, 0
	}
	return 0, p.storeTime(a[1], 0, 1)
}

// gettimeofday tells the time of day in microseconds. A time zone is never
// told.
func (p *Process) gettimeofday(a *args) (uint64, Errno) {
	t := p.clock.now()
	if a[0] == 0 {
		return 0, 0
	}
	return 0, p.storeTime(a[0], t.Unix(), int64(t.Nanosecond()/1000))
}

// nanosleep is clock_nanosleep by the monotonic clock. The time that is left is
// not stored: a sleep that ends early does so with the run.
func (p *Process) nanosleep(a *args) (uint64, Errno) {
	return p.clockNanosleep(&args{clockMonotonic, 0, a[0], a[1]})
}

// clockNanosleep waits for a duration, or until a point in time.
func (p *Process) clockNanosleep(a *args) (uint64, Errno) {
	if a[0] > lastClock || a[0] == clockThread {
		return 0, EINVAL
	}
	d, e := p.loadTime(a[2])
	if e != 0 {
		return 0, e
	}
	if a[1]&absoluteTime != 0 {
		d = p.until(d, a[0] == clockReal || a[0] == clockTAI)
	}
	return 0, p.sleep(d)
}

// until turns a point in time into a duration from now.
func (p *Process) until(at time.Duration, real bool) time.Duration {
	if real {
		return at - time.Duration(p.clock.now().UnixNano())
	}
	return at - p.clock.since()
}

// sleep waits, or on a fixed clock moves the time.
func (p *Process) sleep(d time.Duration) Errno {
	if d <= 0 {
		return 0
	}
	if p.clock.fixed {
		p.clock.slept += min(d, 1<<62-p.clock.slept)
		return 0
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return 0
	case <-p.done:
		return EINTR
	}
}

// times counts ticks of a hundredth of a second, all of them the program's own.
func (p *Process) times(a *args) (uint64, Errno) {
	ticks := uint64(p.clock.since() / (time.Second / ticksPerSecond))
	if a[0] == 0 {
		return ticks, 0
	}
	l := layoutOf{p: p}
	l.word(ticks) // all of it is the program's own time
	l.pad(4 * p.word)
	return ticks, p.store(a[0], l.b)
}

// getrusage tells the time and the memory of the process; children have none,
// and are told the same.
func (p *Process) getrusage(a *args) (uint64, Errno) {
	if a.int(0) < -1 || a.int(0) > 1 {
		return 0, EINVAL
	}
	d := p.clock.since()
	l := layoutOf{p: p}
	// RV32 keeps the old timeval of two longs here.
	l.word(uint64(d / time.Second))
	l.word(uint64(d % time.Second / time.Microsecond))
	l.pad(4 * p.word)
	l.word(uint64(p.Machine.Mem.Pages()) * 4) // greatest resident set, KiB
	l.pad(18 * p.word)
	return 0, p.store(a[1], l.b)
}
