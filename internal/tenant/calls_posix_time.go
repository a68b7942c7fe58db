package tenant

import (
	"context"
	"encoding/binary"
	"time"
)

// maxSkew bounds how far waiting can advance a program's clocks: 30 years.
const maxSkew = int64(30 * 365 * 24 * time.Hour)

const clockCost = 200 // instructions of a look at the clocks

const nsPerSecond = int64(time.Second)

func clockCalls() []Call {
	return []Call{
		{101, "NANOSLEEP", "a0 time, a1 rest or 0", "a0 = 0", "-22: not a time", "1000", "Other threads run meanwhile; when there is none that can, the program's clocks jump.", linuxNanosleep},
		{115, "CLOCK_NANOSLEEP", "a0 clock, a1 flags, a2 time, a3 rest or 0", "a0 = 0", "-22: not a time", "1000", "The same; flag 1: until a time.", linuxClockNanosleep},
		{407, "CLOCK_NANOSLEEP_TIME64", "as CLOCK_NANOSLEEP", "a0 = 0", "-22: not a time", "1000", "The same with 64-bit times.", linuxClockNanosleep64},
		{113, "CLOCK_GETTIME", "a0 clock, a1 timespec", "a0 = 0", "", "200", "Nanoseconds are coarsened to 16,384. With 32 bits the record has two 32-bit words.", linuxClock},
		{403, "CLOCK_GETTIME64", "a0 clock, a1 timespec", "a0 = 0", "", "200", "The same with 64-bit words.", linuxClock64},
		{169, "GETTIMEOFDAY", "a0 timeval", "a0 = 0", "", "200", "Microseconds are coarsened to 4.", linuxTimeOfDay},
	}
}

// clocks tells the program's time: nanoseconds since 1970, and since its image
// was made. Both are ahead by what the program slept.
func (v *vm) clocks(ctx context.Context) (wall, mono int64, err error) {
	v.m.Charge(clockCost)
	b, err := v.learn(ctx, learnTime, v.image.readClocks)
	if err != nil {
		return 0, 0, err
	}
	if len(b) < 16 {
		return 0, 0, trapf("there is no time")
	}
	wall = int64(binary.LittleEndian.Uint64(b)) + v.skew
	return wall, int64(binary.LittleEndian.Uint64(b[8:])) + v.skew, nil
}

// readClocks is the host's answer to clocks.
func (im *image) readClocks(context.Context) ([]byte, error) {
	now := time.Now()
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, 16), uint64(now.UnixNano()))
	// A second more than nothing: programs take 0 for "never".
	return binary.LittleEndian.AppendUint64(b, uint64(now.Sub(im.made)+time.Second)), nil
}

// advance moves the program's clocks on by d nanoseconds, if that is positive.
func (v *vm) advance(d int64) {
	if d > 0 {
		v.skew = min(v.skew+min(d, maxSkew), maxSkew)
	}
}

// loadTime reads a (seconds, nanoseconds) record with parts of 4 or 8 bytes. ok
// is false for what is no time. Longer ones than maxSkew become that.
func (v *vm) loadTime(at, part uint64) (ns int64, ok bool, err error) {
	b, err := v.buffer(at, 2*part)
	if err != nil {
		return 0, false, err
	}
	var s, n int64
	if part == 4 {
		s, n = int64(int32(binary.LittleEndian.Uint32(b))), int64(int32(binary.LittleEndian.Uint32(b[4:])))
	} else {
		s, n = int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))
	}
	if s < 0 || n < 0 || n >= nsPerSecond {
		return 0, false, nil
	}
	// Points in time are counted from 1970: the bound is for both.
	return min(s, 1<<33)*nsPerSecond + n, true, nil
}

// deadline turns a time-out into a time of the monotonic clock.
func (v *vm) deadline(ctx context.Context, t int64, absolute, realtime bool) (int64, error) {
	wall, mono, err := v.clocks(ctx)
	switch {
	case err != nil:
		return 0, err
	case !absolute:
		return mono + min(t, maxSkew), nil
	case realtime:
		return t - wall + mono, nil
	}
	return t, nil
}

func linuxNanosleep(v *vm, p *pacer) error {
	return v.sleep(p.ctx, v.arg(0), v.word(), false, false)
}

func linuxClockNanosleep(v *vm, p *pacer) error {
	return v.sleep(p.ctx, v.arg(2), v.word(), v.arg(1)&1 != 0, v.arg(0) == 0)
}

func linuxClockNanosleep64(v *vm, p *pacer) error {
	return v.sleep(p.ctx, v.arg(2), 8, v.arg(1)&1 != 0, v.arg(0) == 0)
}

// sleep never keeps the host's thread: the program's time passes at once when
// nobody else has anything to do.
func (v *vm) sleep(ctx context.Context, at, part uint64, absolute, realtime bool) error {
	v.m.Charge(1000)
	t, ok, err := v.loadTime(at, part)
	if err != nil {
		return err
	}
	if !ok {
		v.errno(eInval)
		return nil
	}
	until, err := v.deadline(ctx, t, absolute, realtime)
	if err != nil {
		return err
	}
	return v.await(ctx, 0, until, 0)
}

// await makes the thread wait for a word or a time and answers timeout if it
// was the time.
func (v *vm) await(ctx context.Context, word uint64, until int64, timeout uint64) error {
	v.threads.Wait(word, anyBits, until, timeout)
	return v.schedule(ctx, false)
}

func linuxClock(v *vm, p *pacer) error   { return v.clock(p, v.word()) }
func linuxClock64(v *vm, p *pacer) error { return v.clock(p, 8) }

// clock writes a clock's time in parts of 4 or 8 bytes.
func (v *vm) clock(p *pacer, part uint64) error {
	wall, mono, err := v.clocks(p.ctx)
	if err != nil {
		return err
	}
	t := mono
	switch v.arg(0) {
	case 0, 5, 8, 11: // real time, also the coarse one, and of alarms
		t = wall
	case 2, 3: // of the processor
		t = int64(v.m.Instret)
	}
	at := v.arg(1)
	v.result(0)
	return v.storeTime(at, t/nsPerSecond, t%nsPerSecond&^0x3FFF, part)
}

func (v *vm) storeTime(at uint64, a, b int64, part uint64) error {
	var r [16]byte
	if part == 4 {
		binary.LittleEndian.PutUint32(r[0:], uint32(a))
		binary.LittleEndian.PutUint32(r[4:], uint32(b))
	} else {
		binary.LittleEndian.PutUint64(r[0:], uint64(a))
		binary.LittleEndian.PutUint64(r[8:], uint64(b))
	}
	return v.store(at, r[:2*part])
}

func linuxTimeOfDay(v *vm, p *pacer) error {
	wall, _, err := v.clocks(p.ctx)
	if err != nil {
		return err
	}
	at := v.arg(0)
	v.result(0)
	// The original has the host's record whatever the program's width is.
	return v.storeTime(at, wall/nsPerSecond, wall%nsPerSecond/1000&^3, 8)
}
