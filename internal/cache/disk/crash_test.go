package disk

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fishplate/internal/cache/store"
)

// childVariable makes this test program the child of TestKill: it holds path,
// seed, first version and size.
const childVariable = "FISHPLATE_DISK_CHILD"

const (
	crashKeys  = 40
	crashTags  = 5
	crashKills = 200
)

func crashKey(i int) string { return fmt.Sprintf("http://h%d/%d", i%3, i) }

// crashSize is the length of the body of a version: mostly small.
func crashSize(version uint64) int {
	r := rand.New(rand.NewPCG(version, 1))
	if r.IntN(8) == 0 {
		return r.IntN(400 << 10)
	}
	return r.IntN(6 << 10)
}

// crashWrong says what is wrong with what Get returned, "" when nothing is. The
// object's Born is its version.
func crashWrong(f *Found, key string) string {
	version := uint64(f.Meta.Born)
	want := body(key, version, crashSize(version))
	got := make([]byte, f.Length)
	_, err := f.ReadAt(got, 0)
	switch {
	case errors.Is(err, ErrCorrupt):
		return "" // it says so, and serves nothing
	case err != nil:
		return err.Error()
	case !bytes.Equal(got, want):
		return fmt.Sprintf("version %d: %d bytes that are not what was written (%d)", version, len(got), len(want))
	}
	return ""
}

// crashChild offers, purges, flushes and reads until it is killed. It tells what
// it does before (small letters) and what is done after (capitals).
func crashChild() {
	var path string
	var seed, version uint64
	var size int64
	fmt.Sscanf(os.Getenv(childVariable), "%d %d %d %s", &seed, &version, &size, &path)
	t := &testing.T{}
	m := newMemory(t)
	d, err := Open(Options{Path: path, Size: size})
	if err != nil {
		fmt.Println("WRONG", err)
		return
	}
	fmt.Println("READY")
	r := rand.New(rand.NewPCG(seed, 2))
	purged := map[int]uint64{}
	for {
		if err := d.Fault(); err != nil {
			fmt.Println("WRONG", err)
		}
		i := r.IntN(crashKeys)
		key := crashKey(i)
		switch n := r.IntN(100); {
		case n < 60:
			version++
			x := thing{key: key, tags: []string{fmt.Sprint("t", i%crashTags)}, data: body(key, version, crashSize(version)), meta: store.Meta{Born: int64(version)}}
			if m.offer(t, d, "p", x) {
				fmt.Println("O", i, version)
			}
		case n < 80:
			f, err := d.Get(context.Background(), "p", []byte(key), nil)
			if err != nil {
				fmt.Println("WRONG", err)
			}
			if f != nil {
				if wrong := crashWrong(f, key); wrong != "" {
					fmt.Println("WRONG", key, wrong)
				}
				if v := uint64(f.Meta.Born); v <= purged[i] {
					fmt.Println("WRONG", key, "version", v, "is there, though all up to", purged[i], "were purged")
				}
				f.Close()
			}
		case n < 88:
			fmt.Println("k", i)
			if _, err := d.Purge(context.Background(), "p", Key([]byte(key)), false); err != nil {
				fmt.Println("WRONG", err)
			}
			purged[i] = version
			fmt.Println("K", i, version)
		case n < 92:
			fmt.Println("t", i)
			if _, err := d.Purge(context.Background(), All, Tag([]byte(fmt.Sprint("t", i%crashTags))), false); err != nil {
				fmt.Println("WRONG", err)
			}
			for j := i % crashTags; j < crashKeys; j += crashTags {
				purged[j] = version
			}
			fmt.Println("T", i, version)
		default:
			if err := d.Flush(context.Background()); err != nil {
				fmt.Println("WRONG", err)
			}
			fmt.Println("F")
		}
	}
}

// A ledger is what the parent knows of the child's life.
type ledger struct {
	offered map[int]uint64 // since the last flush
	durable map[int]uint64 // must be found, or a newer one
	purged  map[int]uint64 // must not be found, nor an older one
	version uint64
}

func (l *ledger) note(line string) (wrong string) {
	word, rest, _ := strings.Cut(line, " ")
	number, value, _ := strings.Cut(rest, " ")
	i, _ := strconv.Atoi(number)
	v, _ := strconv.ParseUint(value, 10, 64)
	l.version = max(l.version, v)
	group := func(fn func(int)) {
		for j := range crashKeys {
			if j%crashTags == i%crashTags {
				fn(j)
			}
		}
	}
	lose := func(j int) { delete(l.offered, j); delete(l.durable, j) }
	switch word {
	case "O":
		l.offered[i] = v
	case "F":
		for j, v := range l.offered {
			l.durable[j] = v
		}
		clear(l.offered)
	case "k":
		lose(i)
	case "t":
		group(lose)
	case "K":
		l.purged[i] = v
	case "T":
		group(func(j int) { l.purged[j] = v })
	case "WRONG":
		return line
	}
	return ""
}

// TestKill kills a process that writes, reads and purges, at moments of its own
// choice, and reads what it left. Nothing wrong may be served, nothing that was
// purged, and what was flushed must be there.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache")
	l := &ledger{offered: map[int]uint64{}, durable: map[int]uint64{}, purged: map[int]uint64{}}
	r := rand.New(rand.NewPCG(7, 7))
	found, kills := 0, crashKills
	if testing.Short() {
		kills = 20
	}
	for n := range kills {
		size := int64(512 << 20)
		if n >= kills/2 {
			size = MinSize // from here on segments are dropped
			clear(l.durable)
		}
		killOne(t, l, r, path, size, uint64(n))
		if n >= kills/2 {
			clear(l.durable)
		}
		found += inspect(t, l, path, size)
	}
	if found < kills {
		t.Errorf("after %d kills only %d objects were found", kills, found)
	}
	t.Logf("%d kills, %d objects found and right", kills, found)
}

// killOne runs a child until it has told a random number of lines.
func killOne(t *testing.T, l *ledger, r *rand.Rand, path string, size int64, seed uint64) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %d %s", childVariable, seed, l.version+1000, size, path))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	clear(l.offered)
	lines := bufio.NewReader(out)
	for left := r.IntN(250); ; left-- {
		if left <= 0 {
			c.Process.Kill()
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a line that was cut says nothing
		}
		if wrong := l.note(strings.TrimSpace(line)); wrong != "" {
			t.Errorf("child %d: %s", seed, wrong)
		}
	}
	c.Wait()
	l.version += 1000
}

// inspect opens what is left and reads everything.
func inspect(t *testing.T, l *ledger, path string, size int64) (found int) {
	t.Helper()
	d := openTier(t, Options{Path: path, Size: size})
	defer closeTier(t, d)
	for i := range crashKeys {
		key := crashKey(i)
		f, err := d.Get(context.Background(), "p", []byte(key), nil)
		if err != nil {
			t.Fatal(err)
		}
		if f == nil {
			if v, ok := l.durable[i]; ok {
				t.Fatalf("%s: version %d was flushed and is gone", key, v)
			}
			continue
		}
		found++
		version := uint64(f.Meta.Born)
		if wrong := crashWrong(f, key); wrong != "" {
			t.Fatalf("%s: %s", key, wrong)
		}
		if p, ok := l.purged[i]; ok && version <= p {
			t.Fatalf("%s: version %d came back, though all up to %d were purged", key, version, p)
		}
		if v, ok := l.durable[i]; ok && version < v {
			t.Fatalf("%s: version %d, though %d was flushed", key, version, v)
		}
		f.Close()
	}
	if err := d.Fault(); err != nil {
		t.Fatal(err)
	}
	if corrupt := d.Stats().Corrupt; corrupt != 0 {
		t.Fatalf("%d entries led to what is not their object", corrupt)
	}
	return found
}
