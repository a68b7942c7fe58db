package tenant

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/tenant/kv"
)

const stateDoc = "Small things that all forks of a tenant share, in memory, bounded by its `storage`: an entry counts its key, its value and 128 bytes. They survive updates of the program and of the configuration, not the end of the process. " +
	"Keys are 1 to 1,024 bytes without controls, values up to 1 MiB; times to live are milliseconds, 0 for none. Nothing is evicted: what does not fit is FP_E_LIMIT. Without storage every call is FP_E_DENIED; in main there is only reading, the rest is FP_E_STAGE. " +
	"Every change makes a new version, a number from 1 that grows."

const (
	lookCost = 40  // instructions for a key that a list looks at
	listCost = 600 // and for one that is listed: it is sorted
)

// kvCalls are the calls of the tenant's key-value storage.
func kvCalls() []Call {
	return []Call{
		{640, "KV_GET", "a0, a1 key, a2, a3 destination", "a0 = length of the value", "NONE", "500, length", "The value is written only when it fits.", sysKVGet},
		{641, "KV_VERSION", "a0, a1 key", "a0 = version", "NONE", "500", "For KV_CAS.", sysKVVersion},
		{642, "KV_SET", "a0, a1 key, a2, a3 value, a4 time to live", "a0 = version", "INVALID, LIMIT", "1000, length", "Writes, whatever was there.", sysKVSet},
		{643, "KV_CAS", "a0 record of {key, length, value, length, version, time to live}", "a0 = version", "CONFLICT, INVALID, LIMIT", "1000, length", "Writes if the version is still that one; version 0: if there is no such key.", sysKVCompareAndSet},
		{644, "KV_ADD", "a0, a1 key, a2 32-bit difference, a3 time to live, a4 destination of the sum or 0", "a0 = 0", "INVALID: no decimal number, or it would overflow; LIMIT", "1000", "Adds to a decimal number, at once for all forks. The time to live counts from the first.", sysKVAdd},
		{645, "KV_DELETE", "a0, a1 key", "a0 = 0", "NONE", "1000", "Removes.", sysKVDelete},
		{646, "KV_LIST", "a0, a1 prefix, a2, a3 destination", "a0 = length", "", "1000, 40 for each key that is looked at, all of the tenant's, 600 for each with that prefix, length", "The keys with that prefix, sorted, a line feed after each.", sysKVList},
		{647, "KV_STAT", "a0 destination of {used, limit, keys}", "a0 = 0", "", "500", "Bytes and number.", sysKVStat},
	}
}

// askStore is a question to the storage: do's answer is a result, eight bytes,
// and what follows it. In main nothing may be written. ok is false when the
// result is an error.
func (v *vm) askStore(pace *pacer, cost uint64, writes bool, do func(*kv.Store, []byte, time.Time) ([]byte, int64)) (b []byte, ok bool, err error) {
	v.m.Charge(cost)
	switch {
	case v.image.store == nil:
		v.code(errDenied)
		return nil, false, nil
	case writes && v.stage == stageStart:
		v.code(errStage)
		return nil, false, nil
	}
	b, err = v.learn(pace.ctx, learnStore, func(context.Context) ([]byte, error) {
		b, n := do(v.image.store, make([]byte, 8, 72), time.Now())
		binary.LittleEndian.PutUint64(b, uint64(n))
		return b, nil
	})
	if err != nil || len(b) < 8 {
		return nil, false, err
	}
	n := int64(binary.LittleEndian.Uint64(b))
	if n == errLimit {
		v.image.count(metrics.TenantLimits+limitStorage, 1)
	}
	v.code(n)
	return b[8:], n >= 0, nil
}

// storeCode is the result for an error of the storage.
func storeCode(n int64, err error) int64 {
	switch {
	case err == nil:
		return n
	case errors.Is(err, kv.ErrLimit):
		return errLimit
	case errors.Is(err, kv.ErrConflict):
		return errConflict
	}
	return errInvalid
}

func sysKVGet(v *vm, pace *pacer) error {
	key, err := v.buffer(v.arg(0), v.arg(1))
	if err != nil {
		return err
	}
	dst, size := v.arg(2), v.arg(3)
	value, ok, err := v.askStore(pace, 500, false, func(s *kv.Store, b []byte, now time.Time) ([]byte, int64) {
		b, version := s.Get(b, key, now)
		if version == 0 {
			return b, errNone
		}
		return b, 0
	})
	if err != nil || !ok {
		return err
	}
	return v.give(value, dst, size)
}

func sysKVVersion(v *vm, pace *pacer) error {
	key, err := v.buffer(v.arg(0), v.arg(1))
	if err != nil {
		return err
	}
	_, _, err = v.askStore(pace, 500, false, func(s *kv.Store, b []byte, now time.Time) ([]byte, int64) {
		if version := s.Version(key, now); version != 0 {
			return b, version
		}
		return b, errNone
	})
	return err
}

func sysKVSet(v *vm, pace *pacer) error {
	return v.setStored(pace, v.arg(0), v.arg(1), v.arg(2), v.arg(3), v.arg(4), anyVersion)
}

func sysKVCompareAndSet(v *vm, pace *pacer) error {
	var words [6]uint64
	if err := v.record(words[:]); err != nil {
		return err
	}
	version := int64(words[4])
	if version < 0 {
		v.code(errConflict)
		return nil
	}
	return v.setStored(pace, words[0], words[1], words[2], words[3], words[5], version)
}

// anyVersion makes setStored write whatever is there.
const anyVersion = -1

func (v *vm) setStored(pace *pacer, keyAt, keyLen, valueAt, valueLen, ttl uint64, version int64) error {
	key, err := v.buffer(keyAt, keyLen)
	if err != nil {
		return err
	}
	value, err := v.buffer(valueAt, valueLen)
	if err != nil {
		return err
	}
	dry := v.image.shadow
	_, _, err = v.askStore(pace, 1000+uint64(len(value)), true, func(s *kv.Store, b []byte, now time.Time) ([]byte, int64) {
		switch {
		case dry:
			was := s.Version(key, now)
			if version != anyVersion && version != was {
				return b, errConflict
			}
			return b, was + 1
		case version == anyVersion:
			return b, storeCode(s.Set(key, value, millis(ttl), now))
		}
		return b, storeCode(s.CompareAndSet(key, value, version, millis(ttl), now))
	})
	return err
}

func sysKVAdd(v *vm, pace *pacer) error {
	key, err := v.buffer(v.arg(0), v.arg(1))
	if err != nil {
		return err
	}
	delta, ttl, at, dry := int64(int32(v.arg(2))), millis(v.arg(3)), v.arg(4), v.image.shadow
	sum, ok, err := v.askStore(pace, 1000, true, func(s *kv.Store, b []byte, now time.Time) ([]byte, int64) {
		add := s.Add
		if dry {
			add = s.WouldAdd
		}
		sum, err := add(key, delta, ttl, now)
		return binary.LittleEndian.AppendUint64(b, uint64(sum)), storeCode(0, err)
	})
	if err != nil || !ok || at == 0 {
		return err
	}
	return v.store(at, sum[:8])
}

func sysKVDelete(v *vm, pace *pacer) error {
	key, err := v.buffer(v.arg(0), v.arg(1))
	if err != nil {
		return err
	}
	dry := v.image.shadow
	_, _, err = v.askStore(pace, 1000, true, func(s *kv.Store, b []byte, now time.Time) ([]byte, int64) {
		if dry && s.Version(key, now) != 0 || !dry && s.Delete(key, now) {
			return b, 0
		}
		return b, errNone
	})
	return err
}

// sysKVList asks for a part of the work at a time, pays for it and lets others
// have their turn. How much it was is an answer of the storage, too. What it leaves
// to the collector is little more than the list: that is the work of everybody.
func sysKVList(v *vm, pace *pacer) error {
	prefix, err := v.buffer(v.arg(0), v.arg(1))
	if err != nil {
		return err
	}
	dst, size := v.arg(2), v.arg(3)
	v.m.Charge(1000)
	var of *kv.Listing
	defer func() {
		if of != nil {
			of.Stop()
		}
	}()
	var buf []byte // of a part
	var list chunks
	for more := true; more; {
		part, ok, err := v.askStore(pace, 0, false, func(s *kv.Store, b []byte, now time.Time) ([]byte, int64) {
			if of == nil {
				of = s.List(string(prefix), now)
			}
			head := len(b)
			b, looked, listed, more := of.Next(append(append(buf[:0], b...), 0, 0, 0, 0, 0))
			buf = b
			binary.LittleEndian.PutUint32(b[head:], uint32(lookCost*looked+listCost*listed))
			b[head+4] = truth(more)
			return b, 0
		})
		if err != nil || !ok {
			return err
		}
		if len(part) < 5 { // a recording that is not ours
			return trapf("the storage gave no part of a list")
		}
		list.add(part[5:], size)
		more = part[4] != 0
		if err := v.spend(uint64(binary.LittleEndian.Uint32(part))); err != nil {
			return err
		}
	}
	return list.give(v, dst, size)
}

// chunks is a text that grows without being moved.
type chunks struct {
	parts [][]byte
	n     uint64
}

// add appends b, or only counts it when the text is longer than anybody wants it.
func (c *chunks) add(b []byte, most uint64) {
	if c.n += uint64(len(b)); c.n > most {
		c.parts = nil
		return
	}
	last := len(c.parts) - 1
	if last < 0 || len(c.parts[last])+len(b) > cap(c.parts[last]) {
		c.parts = append(c.parts, make([]byte, 0, max(pieceBytes, len(b))))
		last++
	}
	c.parts[last] = append(c.parts[last], b...)
}

// give is vm.give of all of it.
func (c *chunks) give(v *vm, dst, size uint64) error {
	v.result(c.n)
	if c.n > size {
		return v.spend(c.n)
	}
	at := dst
	for _, b := range c.parts {
		if err := v.put(at, b, 1); err != nil {
			return err
		}
		at += uint64(len(b))
	}
	return nil
}

func sysKVStat(v *vm, pace *pacer) error {
	at := v.arg(0)
	words, ok, err := v.askStore(pace, 500, false, func(s *kv.Store, b []byte, _ time.Time) ([]byte, int64) {
		stat := s.Stat()
		for _, n := range []int64{stat.Used, stat.Limit, stat.Keys} {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
		return b, 0
	})
	if err != nil || !ok {
		return err
	}
	return v.store(at, words)
}
