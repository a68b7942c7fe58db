package linux

import (
	"fmt"
	"io"
	"sort"
)

// args are the six arguments of a call; on RV32 each is zero-extended.
type args [6]uint64

// int returns an argument that is an int.
func (a *args) int(i int) int { return int(int32(a[i])) }

// row describes one system call. Rows that only one width has name it.
type row struct {
	number  uint64
	only    uint8 // XLEN that has it; 0 is both
	name    string
	args    string // names, separated by spaces; a trace shows each by its name
	serve   func(p *Process, a *args) (uint64, Errno)
	outside bool   // its result comes from outside: recorded and replayed
	address bool   // its result is an address
	doc     string // what is particular about it here
}

// lookup finds a call by its number.
func lookup(n uint64, word int) *row {
	xlen := uint8(8 * word)
	i := sort.Search(len(calls), func(i int) bool { return calls[i].number >= n })
	for ; i < len(calls) && calls[i].number == n; i++ {
		if calls[i].only == 0 || calls[i].only == xlen {
			return &calls[i]
		}
	}
	return nil
}

// Reference writes the table of the system calls as Markdown.
func Reference(w io.Writer) error {
	if _, err := fmt.Fprint(w, "| number | call | particular |\n|---|---|---|\n"); err != nil {
		return err
	}
	for i := range calls {
		r := &calls[i]
		doc := r.doc
		if r.only != 0 {
			doc = fmt.Sprintf("RV%d. %s", r.only, doc)
		}
		if _, err := fmt.Fprintf(w, "| %d | `%s` | %s |\n", r.number, r.name, doc); err != nil {
			return err
		}
	}
	return nil
}
