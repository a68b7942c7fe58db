package predicate

import (
	"fmt"
	"io/fs"
	"iter"
	"strings"

	"github.com/gaissmai/bart"
)

// maxLists is how many bytes the files of one configuration have together.
const maxLists = 256 << 20

// Lists are the files that expressions of one configuration look things up in: each
// is read once, and what is looked up in is made once, for all that are compiled
// with them, one after the other.
type Lists struct {
	Uses  int // of files, by expressions
	size  int // bytes of all
	files map[string]*list
}

// list is one file, and what was made of its lines where that was asked for: what is
// not blank, and does not begin with "#".
type list struct {
	text    string
	words   map[string]struct{}
	numbers map[float64]struct{}
	nets    *bart.Lite
}

// read returns a file, which is read when it is asked for the first time.
func (l *Lists) read(files fs.FS, name string) (*list, error) {
	if l == nil {
		l = &Lists{}
	}
	l.Uses++
	if file := l.files[name]; file != nil {
		return file, nil
	}
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	if l.size += len(text); l.size > maxLists {
		return nil, fmt.Errorf("the files of all lists have more than %d bytes together", maxLists)
	}
	if l.files == nil {
		l.files = map[string]*list{}
	}
	l.files[name] = &list{text: string(text)}
	return l.files[name], nil
}

func (l *list) lines() iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(l.text) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' && !yield(line) {
				return
			}
		}
	}
}

// has returns the look-up of a text.
func (l *list) has() func(string) bool {
	if l.words == nil {
		l.words = map[string]struct{}{}
		for line := range l.lines() {
			l.words[line] = struct{}{}
		}
	}
	words := l.words
	return func(s string) bool { _, ok := words[s]; return ok }
}

// values returns the numbers, or the first line that is none.
func (l *list) values() (set map[float64]struct{}, bad string) {
	if l.numbers == nil {
		numbers := map[float64]struct{}{}
		for line := range l.lines() {
			v, ok := parseNumber(line)
			if !ok {
				return nil, line
			}
			numbers[v] = struct{}{}
		}
		l.numbers = numbers
	}
	return l.numbers, ""
}

// networks returns the networks, or the first line that is none.
func (l *list) networks() (nets *bart.Lite, bad string) {
	if l.nets == nil {
		nets := new(bart.Lite)
		for line := range l.lines() {
			p, err := parsePrefix(line)
			if err != nil {
				return nil, line
			}
			nets.Insert(p)
		}
		l.nets = nets
	}
	return l.nets, ""
}
