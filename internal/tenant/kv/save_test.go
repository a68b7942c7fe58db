package kv

import (
	"fmt"
	"testing"
	"time"

	"fishplate/internal/records"
)

// moved is a Store that took over what another has, by way of records.
func moved(t *testing.T, s *Store, limit int64, now time.Time) (next *Store) {
	t.Helper()
	var list []Entry
	s.Each(now, func(e Entry) bool {
		f := records.FieldsOf(e.Append(nil))
		got, ok := EntryOf(&f)
		if !ok {
			t.Errorf("entry %q is refused", e.Key)
		}
		list = append(list, got)
		return true
	})
	next = New(limit)
	next.Restore(list, s.Latest(), now)
	return next
}

func TestEntriesMove(t *testing.T) {
	s := New(1 << 20)
	for i := range 100 {
		if _, err := s.Set(fmt.Append(nil, "k", i), fmt.Append(nil, "v", i), time.Duration(i)*time.Second, epoch); err != nil {
			t.Fatal(err)
		}
	}
	version, err := s.Set([]byte("n"), []byte("41"), 0, epoch)
	if err != nil {
		t.Fatal(err)
	}
	s.Delete([]byte("k99"), epoch)
	now := epoch.Add(50*time.Second + 1)
	next := moved(t, s, 1<<20, now)
	if next.Stat().Keys != 50 { // k0 has no end, k1 to k50 have ended, k99 is deleted
		t.Errorf("%+v", next.Stat())
	}
	for i := range 100 {
		key := fmt.Append(nil, "k", i)
		for _, at := range []time.Time{now, epoch.Add(time.Minute), epoch.Add(time.Hour)} {
			was, wasVersion := s.Get(nil, key, at)
			if is, isVersion := next.Get(nil, key, at); string(is) != string(was) || isVersion != wasVersion {
				t.Errorf("%s at %v: %q %d became %q %d", key, at, was, wasVersion, is, isVersion)
			}
		}
	}
	if after, err := next.CompareAndSet([]byte("n"), []byte("42"), version, 0, now); err != nil || after <= version {
		t.Errorf("the version is %d behind %d: %v", after, version, err)
	}
	if sum, err := next.Add([]byte("n"), 1, 0, now); err != nil || sum != 43 {
		t.Error(sum, err)
	}
}

// TestARestoreLosesNothing: what lies beyond a limit that was lowered stays, and
// nothing more gets in.
func TestARestoreLosesNothing(t *testing.T) {
	s := New(1 << 20)
	for i := range 10 {
		if _, err := s.Set([]byte{byte('a' + i)}, make([]byte, 10), 0, epoch); err != nil {
			t.Fatal(err)
		}
	}
	next := moved(t, s, 3*(1+10+Overhead), epoch)
	if got := next.Stat(); got.Keys != 10 || got.Used != 10*(1+10+Overhead) || got.Limit != 3*(1+10+Overhead) {
		t.Errorf("%+v", got)
	}
	if _, err := next.Set([]byte("k"), nil, 0, epoch); err != ErrLimit {
		t.Error(err)
	}
}

func FuzzEntry(f *testing.F) {
	f.Add((&Entry{[]byte("k"), []byte("v"), 3, 0}).Append(nil))
	f.Fuzz(func(t *testing.T, record []byte) {
		fields := records.FieldsOf(record)
		e, ok := EntryOf(&fields)
		if !ok {
			return
		}
		s := New(1 << 20)
		s.Restore([]Entry{e}, 0, epoch)
		if v, version := s.Get(nil, e.Key, epoch); version != 0 && (string(v) != string(e.Value) || version != e.Version) {
			t.Errorf("%+v became %q %d", e, v, version)
		}
	})
}
