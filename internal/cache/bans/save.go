package bans

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// stateHead begins the saved text and names its version.
const stateHead = "fishplate bans 1\n"

// AppendState writes the list for a later process: what outlives it on disk has
// to be tested against the same bans under the same numbers. The text is
// complete only with its last line, and is written anew after every Add.
func (l *List) AppendState(dst []byte) []byte {
	l.mu.Lock()
	list, newest := *l.active.Load(), l.newest.Load()
	l.mu.Unlock()
	last := len(list) - 1
	dst = append(dst, stateHead...)
	dst = fmt.Appendf(dst, "newest %d\npassed %d\n", newest, list[last].Number)
	for _, b := range list[:last] {
		kind := "hard"
		if b.Soft {
			kind = "soft"
		}
		dst = fmt.Appendf(dst, "ban %d %s %d %q\n", b.Number, kind, b.Added, b.Expression.text)
	}
	return fmt.Appendf(dst, "end %d\n", last)
}

// Restore reads what AppendState wrote into a list that has had no ban yet. On
// an error the list is as before.
func (l *List) Restore(state []byte) error {
	rest, ok := bytes.CutPrefix(state, []byte(stateHead))
	if !ok {
		return errors.New("restore bans: not a list of bans, or of another version")
	}
	newest, passed, count := uint32(0), uint32(0), -1
	var list []*Ban
	for s := bufio.NewScanner(bytes.NewReader(rest)); s.Scan() && count < 0; {
		b, line, err := (*Ban)(nil), s.Text(), error(nil)
		switch {
		case scan(line, "newest %d", &newest), scan(line, "passed %d", &passed), scan(line, "end %d", &count):
		default:
			b, err = restored(line)
		}
		if err != nil {
			return fmt.Errorf("restore bans: line %q: %w", line, err)
		}
		if b != nil {
			list = append(list, b)
		}
	}
	if count != len(list) {
		return errors.New("restore bans: the text is cut off")
	}
	if passed > newest {
		return fmt.Errorf("restore bans: %d is passed, and the newest is %d", passed, newest)
	}
	above := uint64(newest) + 1
	for _, b := range list {
		if uint64(b.Number) >= above || b.Number <= passed {
			return fmt.Errorf("restore bans: number %d is out of order", b.Number)
		}
		above = uint64(b.Number)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newest.Load() != 0 {
		return errors.New("restore bans: the list has had bans already")
	}
	list = append(list, &Ban{Number: passed})
	l.active.Store(&list)
	l.newest.Store(newest)
	return nil
}

func scan(line, format string, into any) bool {
	n, err := fmt.Sscanf(line, format, into)
	return n == 1 && err == nil
}

func restored(line string) (*Ban, error) {
	b, kind, text := &Ban{}, "", ""
	if _, err := fmt.Sscanf(line, "ban %d %s %d %q", &b.Number, &kind, &b.Added, &text); err != nil {
		return nil, err
	}
	if b.Soft = kind == "soft"; !b.Soft && kind != "hard" {
		return nil, errors.New("neither hard nor soft: " + strconv.Quote(kind))
	}
	var err error
	b.Expression, err = compile(text, 8)
	return b, err
}

// Resume makes numbers go on above those of objects that come from another
// process, for when its list is lost.
func (l *List) Resume(above uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if above > l.newest.Load() {
		l.newest.Store(above)
	}
}
