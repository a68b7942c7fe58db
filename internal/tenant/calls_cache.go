package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"fishplate/internal/tenant/lines"
)

// revision is that of the calls as a whole; it grows with the table.
const revision = 3

func cacheCalls() []Call {
	return []Call{
		{540, "REVISION", "", "a0 = 3", "", "", "Revision of these calls. A host that has none leaves a0 as it was: probe with -1.", sysRevision},
		{541, "CACHE_LOOK", "a0 record or 0", "a0 = 1 when there is a fresh object, else 0", "outside on_recv and on_hash -1", "2000",
			"Looks up the object that the request would be answered with, in the tenant's part of the cache, under what was hashed so far, else under the URL. The record has three 64-bit words: status, age in milliseconds, bytes of the body or -1.", sysCacheLook},
		{542, "CACHE_TTL", "a0 milliseconds", "a0 = 0", "-1 when negative, or where there is nothing to cache", "", "How long the answer is fresh; like TTL, without floating point.", sysCacheTTL},
		{543, "CACHE_GRACE", "a0 milliseconds", "a0 = 0", "as CACHE_TTL", "", "How long after that it may be served while it is made anew.", sysCacheGrace},
		{544, "CACHE_KEEP", "a0 milliseconds", "a0 = 0", "as CACHE_TTL", "", "How long after that it is kept for conditional requests.", sysCacheKeep},
		{545, "CACHE_TAG", "a0, a1 tag", "a0 = 0", "-1 for an empty tag, one above 256 bytes or with white space, the 65th, and as CACHE_TTL", "length", "Adds a tag to purge the answer by.", sysCacheTag},
	}
}

func sysRevision(v *vm, _ *pacer) error {
	v.result(revision)
	return nil
}

// setsTerms reports whether the stage is one in which an answer is on its way.
func (v *vm) setsTerms() bool {
	switch v.stage {
	case stageRecv, stageHash, stageMiss, stageFetch, stageForge, stageResponse, stageError:
		return true
	}
	return false
}

func sysHashData(v *vm, _ *pacer) error {
	if v.stage == stageStart {
		return trapf("hash data: there is no request yet")
	}
	b, err := v.buffer(v.arg(0), v.arg(1))
	if err != nil {
		return err
	}
	if err := v.spend(4 * uint64(len(b))); err != nil {
		return err
	}
	switch {
	case v.digest == nil:
		v.digest = sha256.New()
	case !v.hashed:
		v.digest.Reset()
	}
	v.hashed = true
	v.digest.Write(b)
	return nil
}

// key appends the digest of what the program hashed, or nothing.
func (v *vm) key(dst []byte) []byte {
	if !v.hashed {
		return dst
	}
	return v.digest.Sum(dst)
}

// sysCacheable serves both directions of CACHEABLE.
func sysCacheable(v *vm, _ *pacer) error {
	if v.setsTerms() && v.arg(0) != 0 && v.arg(1) == 0 {
		v.terms.Has |= Uncacheable
	}
	v.result(uint64(truth(v.terms.Has&Uncacheable == 0)))
	return nil
}

func sysTTL(v *vm, _ *pacer) error {
	if v.setsTerms() && v.arg(0) != 0 {
		v.terms.TTL = seconds(v.m.F[10])
		v.terms.Has |= HasTTL
	}
	v.m.F[10] = boxed(v.terms.TTL)
	return nil
}

func sysCacheTTL(v *vm, _ *pacer) error   { return v.term(&v.terms.TTL, HasTTL) }
func sysCacheGrace(v *vm, _ *pacer) error { return v.term(&v.terms.Grace, HasGrace) }
func sysCacheKeep(v *vm, _ *pacer) error  { return v.term(&v.terms.Keep, HasKeep) }

// term sets one of the terms from a0.
func (v *vm) term(d *time.Duration, bit Has) error {
	ms := int64(v.arg(0))
	if ms < 0 || !v.setsTerms() {
		v.result32(lines.Invalid)
		return nil
	}
	*d = min(time.Duration(min(ms, int64(maxTerm/time.Millisecond)))*time.Millisecond, maxTerm)
	v.terms.Has |= bit
	v.result(0)
	return nil
}

func sysCacheTag(v *vm, _ *pacer) error {
	n := v.arg(1)
	if n > maxTag || len(v.terms.Tags) == maxTags || !v.setsTerms() {
		v.result32(lines.Invalid)
		return nil
	}
	b, err := v.buffer(v.arg(0), n)
	if err != nil {
		return err
	}
	v.m.Charge(n)
	if !validTag(b) {
		v.result32(lines.Invalid)
		return nil
	}
	v.terms.Tags = append(v.terms.Tags, append([]byte(nil), b...))
	v.result(0)
	return nil
}

// sysCacheLook lets a program decide by what is in the cache already.
func sysCacheLook(v *vm, pace *pacer) error {
	if v.stage != stageRecv && v.stage != stageHash {
		v.result32(lines.Invalid)
		return nil
	}
	v.m.Charge(2000)
	var space [sha256.Size]byte
	key := v.key(space[:0])
	if len(key) == 0 {
		key = nil
	}
	record, err := v.learn(pace.ctx, learnCache, func(context.Context) ([]byte, error) {
		v.bench.out = v.bench.out[:0]
		if v.image.look == nil {
			return nil, nil
		}
		status, age, size, ok := v.image.look(v.image.tenant.Name, key, v.req.Request())
		if ok {
			for _, n := range [...]uint64{uint64(status), uint64(max(age, 0) / time.Millisecond), uint64(size)} {
				v.bench.out = binary.LittleEndian.AppendUint64(v.bench.out, n)
			}
		}
		return v.bench.out, nil
	})
	if err != nil {
		return err
	}
	if len(record) == 0 {
		v.result(0)
		return nil
	}
	if at := v.arg(0); at != 0 {
		if err := v.store(at, record); err != nil {
			return err
		}
	}
	v.result(1)
	return nil
}
