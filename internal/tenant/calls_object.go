package tenant

import (
	"bytes"
	"context"
	"time"
)

// Objects is where programs keep values of their own in the cache's store, each
// tenant's apart. Keys are the program's and at most 1 KiB; they never meet
// those of requests. Calls come from many goroutines and must not wait.
type Objects interface {
	// Get appends the value to dst while it is fresh, or within its grace.
	Get(tenant string, key, dst []byte) (value []byte, ok bool)
	// Put stores a copy of a value with its tags; false: it cannot be stored.
	Put(tenant string, key, value []byte, ttl, grace time.Duration, tags [][]byte) bool
	// Delete removes a value; false: there is no store.
	Delete(tenant string, key []byte) bool
}

const (
	maxObjectKey = 1 << 10
	maxObject    = 1 << 20
)

func objectCalls() []Call {
	return []Call{
		{670, "CACHE_GET", "a0, a1 key; a2, a3 destination, size", "a0 = length", "FP_E_NONE; FP_E_INVALID: a key that is empty or above 1 KiB", "2000 and 2·length", "A value that CACHE_PUT stored and that is fresh, or within its grace.", sysCacheGet},
		{671, "CACHE_PUT", "a0 record {key, length, value, length, ttl, grace, tags, length}", "a0 = 0", "FP_E_INVALID: key or tags, or a negative time; FP_E_LIMIT: a value above 1 MiB; FP_E_FAILED: not stored; FP_E_STAGE: in main", "4000 and 2·length", "Stores a value in the tenant's part of the cache. Tags are separated by spaces.", sysCachePut},
		{672, "CACHE_DELETE", "a0, a1 key", "a0 = 0", "FP_E_INVALID as CACHE_GET; FP_E_FAILED: the tenant has no cache; FP_E_STAGE: in main", "2000", "Removes a value, if there is one.", sysCacheDelete},
	}
}

// objectKey returns the key at registers 0 and 1; ok is false when a result was
// given already.
func (v *vm) objectKey(addr, n uint64) (key []byte, ok bool, err error) {
	if v.stage == stageStart {
		v.wrong(errStage, "there is no cache in main")
		return nil, false, nil
	}
	if n == 0 || n > maxObjectKey {
		v.wrong(errInvalid, "a key has 1 to 1024 bytes")
		return nil, false, nil
	}
	key, err = v.buffer(addr, n)
	return key, err == nil, err
}

func sysCacheGet(v *vm, pace *pacer) error {
	v.m.Charge(2000)
	key, ok, err := v.objectKey(v.arg(0), v.arg(1))
	if !ok {
		return err
	}
	// The first byte of what is learned says whether there is a value.
	b, err := v.learn(pace.ctx, learnCache, func(context.Context) ([]byte, error) {
		out, found := append(v.bench.out[:0], 0), false
		if objects := v.image.objects; objects != nil {
			if out, found = objects.Get(v.image.tenant.Name, key, out); found {
				out[0] = 1
			}
		}
		v.bench.out = out
		return out, nil
	})
	if err != nil {
		return err
	}
	if len(b) == 0 || b[0] == 0 {
		v.code(errNone)
		return nil
	}
	v.m.Charge(uint64(len(b)))
	return v.give(b[1:], v.arg(2), v.arg(3))
}

func sysCachePut(v *vm, pace *pacer) error {
	var words [8]uint64
	if err := v.record(words[:]); err != nil {
		return err
	}
	v.m.Charge(4000)
	key, ok, err := v.objectKey(words[0], words[1])
	if !ok {
		return err
	}
	if words[3] > maxObject {
		v.wrong(errLimit, "a value has at most 1 MiB")
		return nil
	}
	value, err := v.buffer(words[2], words[3])
	if err != nil {
		return err
	}
	list, err := v.buffer(words[6], words[7])
	if err != nil {
		return err
	}
	v.m.Charge(2 * uint64(len(value)+len(list)))
	if len(list) > maxTags*(maxTag+1) {
		v.wrong(errInvalid, "there are too many tags")
		return nil
	}
	tags := bytes.Fields(list)
	bad := len(tags) > maxTags || int64(words[4]) < 0 || int64(words[5]) < 0
	for _, tag := range tags {
		bad = bad || !validTag(tag)
	}
	if bad {
		v.wrong(errInvalid, "a tag is malformed, there are more than 64, or a time is negative")
		return nil
	}
	return v.settled(pace, func(o Objects) bool {
		return o.Put(v.image.tenant.Name, key, value, millis(words[4]), millis(words[5]), tags)
	})
}

func sysCacheDelete(v *vm, pace *pacer) error {
	v.m.Charge(2000)
	key, ok, err := v.objectKey(v.arg(0), v.arg(1))
	if !ok {
		return err
	}
	return v.settled(pace, func(o Objects) bool { return o.Delete(v.image.tenant.Name, key) })
}

// settled does something to the store, and answers 0, or FP_E_FAILED.
func (v *vm) settled(pace *pacer, do func(Objects) bool) error {
	done, err := v.happened(pace.ctx, learnCache, func() bool { return v.image.objects != nil && do(v.image.objects) })
	if err != nil {
		return err
	}
	if !done {
		v.wrong(errFailed, "the tenant has no cache, or the value cannot be stored")
		return nil
	}
	v.result(0)
	return nil
}
