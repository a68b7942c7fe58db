package doctor

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"fishplate/internal/doctor/cfg"
	"fishplate/internal/doctor/cpu"
	"fishplate/internal/doctor/fw"
	"fishplate/internal/doctor/nic"
	"fishplate/internal/doctor/see"
	"fishplate/internal/doctor/sys"
	"fishplate/internal/doctor/tcp"
	"fishplate/internal/doctor/virt"
)

// Catalogue lists the checks in the order in which they are reported.
func Catalogue() []see.Row {
	var rows []see.Row
	for _, group := range []func() []see.Row{
		virt.Rows, cpu.Rows, tcp.Rows, nic.Rows, fw.Rows, sys.Rows, cfg.Rows,
	} {
		rows = append(rows, group()...)
	}
	return rows
}

// Select returns the checks that only names, all when it names none, without
// those that skip names. Both hold patterns of ids ("tcp.*") and names of groups
// ("tcp"). A pattern that fits nothing is an error.
func Select(only, skip []string) ([]see.Row, error) {
	all := Catalogue()
	for _, p := range slices.Concat(only, skip) {
		if _, err := path.Match(p, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", p, err)
		}
		if !slices.ContainsFunc(all, func(r see.Row) bool { return fits(p, r) }) {
			return nil, fmt.Errorf("no check fits %q: --list prints them", p)
		}
	}
	var rows []see.Row
	for _, r := range all {
		named := func(p string) bool { return fits(p, r) }
		if (len(only) == 0 || slices.ContainsFunc(only, named)) && !slices.ContainsFunc(skip, named) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func fits(pattern string, r see.Row) bool {
	if pattern == r.Group() {
		return true
	}
	ok, err := path.Match(pattern, r.ID)
	return err == nil && ok
}

// Lookup returns one check.
func Lookup(id string) (see.Row, error) {
	for _, r := range Catalogue() {
		if r.ID == id {
			return r, nil
		}
	}
	return see.Row{}, fmt.Errorf("no check %q: --list prints them", strings.TrimSpace(id))
}
