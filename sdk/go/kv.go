package fishplate

import (
	"strings"
	"time"
	"unsafe"
)

// KVGet returns the value of a key in the tenant's storage, which all copies of
// the program share. ErrNone: there is no such key.
func KVGet(key string) ([]byte, error) { return askNamed(SysKVGet, key) }

// KVSet stores a value for a time, 0 for good, and returns its version. Keys have
// up to 1 KiB, values up to 1 MiB. ErrInvalid: the key is empty, or either too
// long; ErrLimit: the storage is full.
func KVSet(key string, value []byte, ttl time.Duration) (version int, err error) {
	return count(Call(SysKVSet, uintptr(start(key)), uintptr(len(key)), uintptr(first(value)), uintptr(len(value)), ms(ttl)))
}

// KVVersion returns the version of a key. ErrNone: there is no such key.
func KVVersion(key string) (int, error) { return count(named(SysKVVersion, key)) }

// KVSwap stores a value when the key has that version still, 0 when there is no
// such key, and else fails with ErrConflict. Other errors are KVSet's.
func KVSwap(key string, value []byte, version int, ttl time.Duration) (int, error) {
	return count(record(SysKVCas, uintptr(start(key)), uintptr(len(key)), uintptr(first(value)), uintptr(len(value)), uintptr(version), ms(ttl)))
}

// KVAdd adds to a number and returns the sum. The value is decimal digits, 0 when
// there is no such key; the time to live counts from the first. ErrInvalid: the
// value is no number, or would overflow; ErrLimit as KVSet.
func KVAdd(key string, delta int32, ttl time.Duration) (int64, error) {
	sum := new(int64)
	n := Call(SysKVAdd, uintptr(start(key)), uintptr(len(key)), uintptr(delta), ms(ttl), uintptr(unsafe.Pointer(sum)))
	return *sum, done(n)
}

// KVDelete removes a key. ErrNone: there was none.
func KVDelete(key string) error { return done(named(SysKVDelete, key)) }

// KVList returns the keys with a prefix. They are sorted.
func KVList(prefix string) ([]string, error) {
	b, err := askNamed(SysKVList, prefix)
	return strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' }), err
}

// KVStat tells how many bytes are used, their bound, and how many keys there are.
func KVStat() (used, limit, keys int, err error) {
	var r [3]int
	err = done(Call(SysKVStat, uintptr(unsafe.Pointer(&r))))
	return r[0], r[1], r[2], err
}
