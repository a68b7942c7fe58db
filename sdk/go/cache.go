package fishplate

import (
	"strings"
	"time"
	"unsafe"
)

// Hash adds to the key under which the cache knows the answer, in place of the
// URL; in Receive and Hash.
func Hash(s string) { named(SysHashData, s) }

// CacheTTL says how long the answer is fresh. It fails with ErrNone where there is
// nothing to cache; so do CacheGrace, CacheKeep and CacheTag.
func CacheTTL(d time.Duration) error { return done(Call(SysCacheTTL, ms(d))) }

// CacheGrace says how long after that it may be served while it is made anew.
func CacheGrace(d time.Duration) error { return done(Call(SysCacheGrace, ms(d))) }

// CacheKeep says how long after that it is kept for conditional requests.
func CacheKeep(d time.Duration) error { return done(Call(SysCacheKeep, ms(d))) }

// CacheTag adds a tag to purge the answer by. It has no white space and at most
// 256 bytes, and an answer has 64 of them.
func CacheTag(tag string) error { return done(named(SysCacheTag, tag)) }

// TTL returns how long the answer is fresh as far as the program said, else 0.
func TTL() time.Duration {
	if SysTTL < len(Made) {
		Made[SysTTL] = true
	}
	return time.Duration(float64(ecallTTL(SysTTL, 0, 0)) * float64(time.Second))
}

// Uncacheable keeps the answer out of the cache.
func Uncacheable() { Call(SysCacheable, 1, 0) }

// Cacheable reports whether the answer may be cached, as far as it is known.
func Cacheable() bool { return Call(SysCacheable, 0, 0) == 1 }

// Found is a fresh object that a request could be answered with.
type Found struct {
	Status int
	Age    time.Duration
	Size   int64 // of the body, -1 while it is still coming
}

// CacheLook tells of the object under the key so far, or under the URL; in
// Receive and Hash.
func CacheLook() (Found, bool) {
	var r [3]int64
	ok := Call(SysCacheLook, uintptr(unsafe.Pointer(&r))) == 1
	return Found{Status: int(r[0]), Age: time.Duration(r[1]) * time.Millisecond, Size: r[2]}, ok
}

// CacheGet returns a value that CachePut stored. ErrNone: there is none that is
// fresh or within its grace.
func CacheGet(key string) ([]byte, error) { return askNamed(SysCacheGet, key) }

// CachePut stores a value that the cache may forget. It is fresh for ttl, and may
// be used for grace after that; tags are what PurgeTag finds it by. ErrInvalid:
// the key is empty or above 1 KiB; ErrLimit: the value is above 1 MiB; ErrFailed:
// it was not stored.
func CachePut(key string, value []byte, ttl, grace time.Duration, tags ...string) error {
	t := strings.Join(tags, " ")
	return done(record(SysCachePut, uintptr(start(key)), uintptr(len(key)), uintptr(first(value)), uintptr(len(value)), ms(ttl), ms(grace), uintptr(start(t)), uintptr(len(t))))
}

// CacheDelete removes a value, if there is one. ErrFailed: the tenant has no
// cache.
func CacheDelete(key string) error { return done(named(SysCacheDelete, key)) }

func ms(d time.Duration) uintptr { return uintptr(d / time.Millisecond) }
