package measure

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"fishplate/internal/doctor/cpu"
)

// probe measures one thing, or several that come together.
type probe func() (map[string]float64, error)

// All runs the probes in turn until the context ends. What could not be measured
// is missing, and errs says why.
func All(ctx context.Context) (results map[string]float64, errs []error) {
	results = map[string]float64{}
	for _, p := range append(portable(), native()...) {
		if ctx.Err() != nil {
			return results, append(errs, ctx.Err())
		}
		some, err := p()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		maps.Copy(results, some)
	}
	return results, errs
}

// portable are probes that need nothing of the system.
func portable() []probe { return []probe{clock, encrypt, sign, copying} }

// rounds are how often a short probe is repeated; the best round counts, as
// whatever else happens only adds to it.
const rounds = 5

// best returns the seconds that one of n calls takes.
func best(n int, f func()) float64 {
	least := time.Duration(1 << 62)
	for range rounds {
		start := time.Now()
		for range n {
			f()
		}
		least = min(least, time.Since(start))
	}
	return least.Seconds() / float64(n)
}

// during returns how many calls of f a second has, measured for a time.
func during(d time.Duration, f func()) float64 {
	start, n := time.Now(), 0
	for time.Since(start) < d {
		f()
		n++
	}
	return float64(n) / time.Since(start).Seconds()
}

// clock is a look at the monotonic clock, as timers of the runtime have it.
func clock() (map[string]float64, error) {
	start := time.Now()
	return map[string]float64{cpu.ClockVDSO: best(20_000, func() { _ = time.Since(start) })}, nil
}

func encrypt() (map[string]float64, error) {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		return nil, fmt.Errorf("measure AES: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("measure AES: %w", err)
	}
	const record = 16 << 10 // of TLS
	plain, nonce, out := make([]byte, record), make([]byte, gcm.NonceSize()), make([]byte, 0, record+64)
	n := during(100*time.Millisecond, func() { out = gcm.Seal(out[:0], nonce, plain, nil) })
	return map[string]float64{cpu.AES: n * record}, nil
}

func sign() (map[string]float64, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("measure signatures: %w", err)
	}
	digest := sha256.Sum256(nil)
	n := during(100*time.Millisecond, func() {
		if _, e := ecdsa.SignASN1(rand.Reader, key, digest[:]); e != nil {
			err = e
		}
	})
	if err != nil {
		return nil, fmt.Errorf("measure signatures: %w", err)
	}
	return map[string]float64{cpu.Sign: n}, nil
}

func copying() (map[string]float64, error) {
	const size = 16 << 20
	from, to := make([]byte, size), make([]byte, size)
	copy(to, from) // the first touch is a page fault, which is another probe
	return map[string]float64{cpu.Copy: size * during(100*time.Millisecond, func() { copy(to, from) })}, nil
}

// errNothing says that a probe's time was over before it had a measurement: the
// machine stood still meanwhile.
var errNothing = errors.New("the time was over before anything was measured")

// median returns the middle of some seconds.
func median(list []float64) (float64, error) { return quantile(list, 0.5) }

// quantile returns the value below which a part of the list lies; the list is
// sorted by it.
func quantile(list []float64, q float64) (float64, error) {
	if len(list) == 0 {
		return 0, errNothing
	}
	slices.Sort(list)
	return list[min(len(list)-1, int(q*float64(len(list))))], nil
}
