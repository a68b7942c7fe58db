package persist

import (
	"slices"

	"fishplate/internal/model"
)

// UsesTable reports whether a kind of persistence keeps a table.
func UsesTable(m *model.Persist) bool {
	return m != nil && (m.Kind != "cookie" || m.Mode == "passive")
}

// Stateless reports whether nothing here knows how many clients a kind of
// persistence has pinned.
func Stateless(m *model.Persist) bool { return m != nil && !UsesTable(m) }

// OnDown is what becomes of a client whose server is down.
func OnDown(m *model.Persist) string {
	if m.OnDown == "" {
		return "rebalance"
	}
	return m.OnDown
}

// Qualified is what cookies call a server of whose name there is another one.
func Qualified(name, address string) string { return name + "@" + address }

// Gone are names and addresses of servers that are gone and were qualified, since
// cookies may still name them: the last thousand.
type Gone [][2]string

// With returns the list with one more server.
func (g Gone) With(name, address string) Gone {
	return append(slices.Clone(g[max(0, len(g)-goneKept+1):]), [2]string{name, address})
}

const goneKept = 1000
