package doctor

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

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
			return nil, fmt.Errorf("no check fits %q: %s", p, instead(p, all))
		}
	}
	var rows []see.Row
	for _, r := range all {
		named := func(p string) bool { return fits(p, r) }
		if (len(only) == 0 || slices.ContainsFunc(only, named)) && !slices.ContainsFunc(skip, named) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("nothing is left to look at: --skip %s leaves out all that was asked for", strings.Join(skip, ","))
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
	all := Catalogue()
	for _, r := range all {
		if r.ID == id {
			return r, nil
		}
	}
	id = strings.TrimSpace(id)
	return see.Row{}, fmt.Errorf("no check %q: %s", id, instead(id, all))
}

// instead says what a word that names no check may have meant: the nearest id,
// with or without its group, or the nearest group, where no more than a quarter
// of its letters differ.
func instead(word string, rows []see.Row) string {
	best, bound := "", max(1, len(word)/4)+1
	for _, r := range rows {
		_, name, _ := strings.Cut(r.ID, ".")
		for _, c := range [...]struct{ form, meant string }{{r.ID, r.ID}, {name, r.ID}, {r.Group(), r.Group()}} {
			// Of two that are as near, the one that comes first in the catalogue stays.
			if d := levenshtein.Distance(strings.ToLower(word), c.form, nil); d < bound {
				best, bound = c.meant, d
			}
		}
	}
	if best == "" {
		return "--list prints them"
	}
	return fmt.Sprintf("did you mean %s? --list prints all", best)
}
