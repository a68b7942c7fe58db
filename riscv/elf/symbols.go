package elf

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// Symbol is a named address. Size may be 0 when the file does not tell.
type Symbol struct {
	Name string
	Addr uint64
	Size uint64
	Func bool
}

const (
	maxSections = 4096
	maxName     = 4096 // bytes; symbols with longer names are left out
)

// symbols reads the symbol table, if there is one. A table that is there but
// points outside the file is an error.
func symbols(b []byte) ([]Symbol, error) {
	le := binary.LittleEndian
	n := uint64(le.Uint16(b[60:]))
	if n == 0 || le.Uint64(b[40:]) == 0 {
		return nil, nil
	}
	if n > maxSections || le.Uint16(b[58:]) != shentSize {
		return nil, errors.New("bad section header size or count")
	}
	heads, ok := part(b, le.Uint64(b[40:]), n*shentSize)
	if !ok {
		return nil, errors.New("truncated section headers")
	}
	for h := heads; len(h) > 0; h = h[shentSize:] {
		if le.Uint32(h[4:]) != sectSymtab {
			continue
		}
		table, ok := part(b, le.Uint64(h[24:]), le.Uint64(h[32:]))
		link := uint64(le.Uint32(h[40:]))
		if !ok || link >= n {
			return nil, errors.New("truncated symbol table")
		}
		s := heads[link*shentSize:]
		names, ok := part(b, le.Uint64(s[24:]), le.Uint64(s[32:]))
		if !ok {
			return nil, errors.New("truncated symbol names")
		}
		return readSymbols(table, names), nil
	}
	return nil, nil
}

// readSymbols keeps defined, named symbols that are functions, objects or plain
// labels.
func readSymbols(table, names []byte) []Symbol {
	le := binary.LittleEndian
	var list []Symbol
	all := string(names) // one copy that all names share
	for ; len(table) >= symSize; table = table[symSize:] {
		kind := table[4] & 15
		if kind > 2 || le.Uint16(table[6:]) == 0 {
			continue
		}
		at := uint64(le.Uint32(table))
		if at >= uint64(len(names)) {
			continue
		}
		name := all[at:min(uint64(len(all)), at+maxName)]
		end := strings.IndexByte(name, 0)
		if end <= 0 || name[0] == '$' {
			continue // no name, or a mapping symbol of the assembler
		}
		list = append(list, Symbol{
			Name: name[:end], Func: kind == 2,
			Addr: le.Uint64(table[8:]), Size: le.Uint64(table[16:]),
		})
	}
	slices.SortStableFunc(list, func(x, y Symbol) int { return cmp.Compare(x.Addr, y.Addr) })
	return list
}
