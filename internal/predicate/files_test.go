package predicate

import (
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// counted counts what is read.
type counted struct {
	fstest.MapFS
	reads int
}

func (c *counted) ReadFile(name string) ([]byte, error) {
	c.reads++
	return c.MapFS.ReadFile(name)
}

// TestListsAreShared: a large file that many expressions look up in is read once, and
// takes memory once, for each way of looking.
func TestListsAreShared(t *testing.T) {
	var text strings.Builder
	for i := range 1 << 16 {
		fmt.Fprintf(&text, "10.%d.%d.%d\n", i>>14, i>>7&127, i&127)
	}
	for _, form := range []string{`one_of(path, file_set("/list"))`, `cidr(client.ip, file_set("/list"), "10.0.0.0/8")`, `one_of(client.ip, file_set("/list"))`} {
		o := Options{FS: &counted{MapFS: fstest.MapFS{"list": {Data: []byte(text.String())}}}, Lists: &Lists{}}
		made := func(uses int) uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range uses {
				if _, diags := CompileBool(expr(t, form), o); diags.HasErrors() {
					t.Fatal(diags)
				}
			}
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		once, more := made(1), made(50)
		if reads := o.FS.(*counted).reads; reads != 1 || more > once || o.Lists.Uses != 51 {
			t.Errorf("%s: %d reads; the first use makes %d bytes, 50 others %d", form, reads, once, more)
		}
	}
}

// TestListsAreBounded: each file may be large, and all of them together.
func TestListsAreBounded(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range []string{"a", "b", "c"} {
		files[name] = &fstest.MapFile{Data: make([]byte, maxLists/2)}
	}
	var l Lists
	for _, name := range []string{"a", "b", "a"} {
		if _, err := l.read(files, name); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.read(files, "c"); err == nil || !strings.Contains(err.Error(), "268435456 bytes together") {
		t.Error(err)
	}
	if _, err := l.read(files, "none"); err == nil || !strings.Contains(err.Error(), fs.ErrNotExist.Error()) {
		t.Error(err)
	}
}
