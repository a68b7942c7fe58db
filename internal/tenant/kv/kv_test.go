package kv

import (
	"bytes"
	"errors"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var epoch = time.Unix(1_700_000_000, 0)

func TestNothingCostsNothing(t *testing.T) {
	s := New(1 << 20)
	if v, version := s.Get(nil, []byte("a"), epoch); v != nil || version != 0 || s.Delete([]byte("a"), epoch) || len(listed(s, "", epoch)) != 0 || s.Sweep(epoch) != 0 {
		t.Error("an empty storage has something")
	}
	if s.shards.Load() != nil {
		t.Error("reading made shards")
	}
	if n := unsafe.Sizeof(*s); n > 144 {
		t.Errorf("an empty storage takes %d bytes", n)
	}
}

func TestTheBoundIsExact(t *testing.T) {
	const one = 1 + 10 + Overhead
	s := New(3*one + 5)
	for i := range 3 {
		if _, err := s.Set([]byte{byte('a' + i)}, make([]byte, 10), 0, epoch); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Set([]byte("d"), nil, 0, epoch); err != ErrLimit {
		t.Error(err)
	}
	if _, err := s.Set([]byte("a"), make([]byte, 15), 0, epoch); err != nil {
		t.Error(err)
	}
	if _, err := s.Set([]byte("a"), make([]byte, 16), 0, epoch); err != ErrLimit {
		t.Error(err)
	}
	if v, _ := s.Get(nil, []byte("a"), epoch); len(v) != 15 {
		t.Error("a refused write changed the value")
	}
	if got := s.Stat(); got.Used != got.Limit || got.Keys != 3 || got.Refused != 2 {
		t.Errorf("%+v", got)
	}
	s.SetLimit(10)
	s.Delete([]byte("b"), epoch)
	if _, err := s.Set([]byte("a"), make([]byte, 16), 0, epoch); err != ErrLimit {
		t.Error("above a bound that was lowered there is room")
	}
	if _, err := s.Set([]byte("a"), nil, 0, epoch); err != nil {
		t.Error("what frees room is refused", err)
	}
}

func TestEndsGiveRoomBack(t *testing.T) {
	s := New(2 * (1 + Overhead))
	for _, k := range []string{"a", "b"} {
		if _, err := s.Set([]byte(k), nil, time.Second, epoch); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Set([]byte("c"), nil, 0, epoch.Add(time.Second-1)); err != ErrLimit {
		t.Error(err)
	}
	if _, err := s.Set([]byte("c"), nil, 0, epoch.Add(time.Second)); err != nil {
		t.Error(err)
	}
	s.Sweep(epoch.Add(time.Second)) // the write may have found room by clearing its own shard
	if got := s.Stat(); got.Keys != 1 || got.Used != 1+Overhead || s.Timed() != 0 || got.Expired != 2 {
		t.Errorf("%+v", got)
	}
}

func TestRefusals(t *testing.T) {
	s := New(1 << 30)
	long := bytes.Repeat([]byte("k"), MaxKey+1)
	for _, key := range [][]byte{nil, long, []byte("a\nb"), {0}, {0x7f}} {
		if _, err := s.Set(key, nil, 0, epoch); err != ErrInvalid {
			t.Errorf("%q: %v", key, err)
		}
	}
	if _, err := s.Set(long[:MaxKey], make([]byte, MaxValue), 0, epoch); err != nil {
		t.Error(err)
	}
	if _, err := s.Set([]byte("a"), make([]byte, MaxValue+1), 0, epoch); err != ErrInvalid {
		t.Error(err)
	}
	s.Set([]byte("t"), []byte("text"), 0, epoch)
	if _, err := s.Add([]byte("t"), 1, 0, epoch); err != ErrInvalid {
		t.Error(err)
	}
	s.Set([]byte("n"), []byte("9223372036854775807"), 0, epoch)
	for _, add := range []func([]byte, int64, time.Duration, time.Time) (int64, error){s.Add, s.WouldAdd} {
		if _, err := add([]byte("n"), 1, 0, epoch); err != ErrInvalid {
			t.Error(err)
		}
	}
}

func TestAtOnce(t *testing.T) {
	s := New(1 << 20)
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			for range 500 {
				if _, err := s.Add([]byte("sum"), 1, 0, epoch); err != nil {
					t.Error(err)
				}
				for {
					v, version := s.Get(nil, []byte("cas"), epoch)
					n, _ := strconv.Atoi(string(v))
					_, err := s.CompareAndSet([]byte("cas"), strconv.AppendInt(nil, int64(n+1), 10), version, 0, epoch)
					if err == nil {
						break
					}
					if !errors.Is(err, ErrConflict) {
						t.Error(err)
					}
				}
			}
		})
	}
	g.Wait()
	for _, k := range []string{"sum", "cas"} {
		if v, _ := s.Get(nil, []byte(k), epoch); string(v) != "4000" {
			t.Errorf("%s is %s", k, v)
		}
	}
}

// TestModel compares with a plain map over random histories.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			value   string
			version int64
			end     time.Time
		}
		limit := int64(rapid.IntRange(0, 2000).Draw(t, "limit"))
		s, model, now, last := New(limit), map[string]entry{}, epoch, int64(0)
		key := rapid.SampledFrom([]string{"a", "b", "ab", "abc", "c1", "c2", "zz", "n"})
		live := func(k string) (entry, bool) {
			e, ok := model[k]
			return e, ok && (e.end.IsZero() || e.end.After(now))
		}
		used := func(all bool) (n int64) {
			for k, e := range model {
				if _, ok := live(k); ok || all {
					n += int64(len(k)+len(e.value)) + Overhead
				}
			}
			return n
		}
		put := func(k, v string, ttl time.Duration, keep bool) error {
			old, ok := live(k)
			more := int64(len(k)+len(v)) + Overhead
			if ok {
				more = int64(len(v) - len(old.value))
			}
			if more > 0 && used(false)+more > limit {
				return ErrLimit
			}
			e := entry{value: v}
			if ttl > 0 {
				e.end = now.Add(ttl)
			}
			if keep && ok {
				e.end = old.end
			}
			last++
			e.version = last
			model[k] = e
			return nil
		}
		ttl := func() time.Duration { return time.Duration(rapid.IntRange(0, 3).Draw(t, "ttl")) * time.Second }
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				k, v, d := key.Draw(t, "key"), rapid.StringN(0, 40, 200).Draw(t, "value"), ttl()
				want := put(k, v, d, false)
				if version, err := s.Set([]byte(k), []byte(v), d, now); err != want || err == nil && version != last {
					t.Fatalf("%v, want %v; version %d, want %d", err, want, version, last)
				}
			},
			"cas": func(t *rapid.T) {
				k, v, d := key.Draw(t, "key"), rapid.StringN(0, 40, 200).Draw(t, "value"), ttl()
				e, ok := live(k)
				version := rapid.SampledFrom([]int64{0, 1, last, e.version}).Draw(t, "version")
				var want error
				if ok && e.version != version || !ok && version != 0 {
					want = ErrConflict
				} else {
					want = put(k, v, d, false)
				}
				if _, err := s.CompareAndSet([]byte(k), []byte(v), version, d, now); err != want {
					t.Fatalf("%v, want %v", err, want)
				}
			},
			"add": func(t *rapid.T) {
				k, d, delta := key.Draw(t, "key"), ttl(), rapid.Int64Range(-5, 500).Draw(t, "delta")
				e, ok := live(k)
				n, bad := int64(0), error(nil)
				if ok && e.value != "" {
					n, bad = strconv.ParseInt(e.value, 10, 64)
				}
				var want error = ErrInvalid
				if bad == nil {
					want = put(k, strconv.FormatInt(n+delta, 10), d, true)
				}
				if sum, err := s.Add([]byte(k), delta, d, now); err != want || err == nil && sum != n+delta {
					t.Fatalf("%d %v, want %d %v", sum, err, n+delta, want)
				}
			},
			"delete": func(t *rapid.T) {
				k := key.Draw(t, "key")
				_, want := live(k)
				if got := s.Delete([]byte(k), now); got != want {
					t.Fatal(got)
				}
				delete(model, k)
			},
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 2000).Draw(t, "ms")) * time.Millisecond)
			},
			"sweep": func(*rapid.T) { s.Sweep(now) },
			"": func(t *rapid.T) {
				var keys []string
				for k, e := range model {
					v, version := s.Get(nil, []byte(k), now)
					if _, ok := live(k); !ok {
						if version != 0 {
							t.Fatalf("%s is there after its end", k)
						}
						continue
					}
					if string(v) != e.value || version != e.version || s.Version([]byte(k), now) != version {
						t.Fatalf("%s is %q %d, want %q %d", k, v, version, e.value, e.version)
					}
					if strings.HasPrefix(k, "a") {
						keys = append(keys, k)
					}
				}
				sort.Strings(keys)
				if d := cmp.Diff(keys, listed(s, "a", now)); d != "" {
					t.Fatal(d)
				}
				if n := s.Stat().Used; n < used(false) || n > limit {
					t.Fatalf("%d bytes used, at least %d, at most %d", n, used(false), limit)
				}
			},
		})
		s.Sweep(now)
		if n := s.Stat().Used; n != used(false) {
			t.Fatalf("%d bytes used, want %d", n, used(false))
		}
	})
}

func BenchmarkGet(b *testing.B) {
	s := New(1 << 20)
	s.Set([]byte("key"), []byte("value"), 0, epoch)
	var buf [64]byte
	b.ReportAllocs()
	for b.Loop() {
		s.Get(buf[:0], []byte("key"), epoch)
	}
}
