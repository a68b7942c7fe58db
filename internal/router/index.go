package router

import "slices"

// index finds the routes of a vhost whose path may match. Every path that a
// route names, exactly or as a prefix, is a node in a hash table; a node lists
// in file order all routes that can match a path for which it is the deepest
// node. So a look-up reads the path once, and then tests only those routes.
//
// The hash is FNV-1a, run along the path so that every prefix that ends in a
// slash has its hash on the way. The table holds the configuration's paths
// only, and a hit is compared, so a request can cost no more than its length.
type index struct {
	slots   []slot // a power of two long, at most half full
	lists   []uint16
	general span // for a path without a node
	deepest int  // bytes of the longest node
	slashes int  // slashes of the prefix that has the most
}

// slot is one node; an empty one has no pattern.
type slot struct {
	pattern string
	hash    uint32
	exact   bool
	routes  span
}

// span is a part of lists.
type span struct{ from, to uint32 }

const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

func hashOf(s string) uint32 {
	h := uint32(fnvOffset)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint32(s[i])) * fnvPrime
	}
	return h
}

// maxRoutes is how many routes of a vhost an index can tell apart.
const maxRoutes = 1 << 16

func newIndex(routes []*Route) *index {
	ix := &index{}
	type key struct {
		pattern string
		exact   bool
	}
	seen := map[key]bool{}
	var nodes []key
	for _, rt := range routes {
		k := key{rt.pattern, rt.form == exactPath}
		if rt.form != exactPath && rt.form != prefixPath || seen[k] {
			continue
		}
		seen[k] = true
		nodes = append(nodes, k)
		ix.deepest = max(ix.deepest, len(k.pattern))
		if !k.exact {
			ix.slashes = max(ix.slashes, count(k.pattern))
		}
	}
	if len(nodes) > 0 {
		size := 2
		for size < 2*len(nodes) {
			size *= 2
		}
		ix.slots = make([]slot, size)
	}
	same := map[string]span{}
	for _, k := range nodes {
		ix.put(slot{pattern: k.pattern, hash: hashOf(k.pattern), exact: k.exact,
			routes: ix.list(same, routes, func(t *matcher) bool {
				// A regex may match anything below the node, but one exact path it does or not.
				return t.form == anyPath || t.form == regexPath && (!k.exact || t.re.MatchString(k.pattern)) ||
					t.form == prefixPath && t.matchPath([]byte(k.pattern)) || t.form == exactPath && k.exact && t.pattern == k.pattern
			})})
	}
	ix.general = ix.list(same, routes, func(t *matcher) bool { return t.form == anyPath || t.form == regexPath })
	ix.lists = slices.Clip(ix.lists)
	return ix
}

// list gathers the routes that may match, in order, up to the first that
// always does: those after it can never be reached. Equal lists are shared.
func (ix *index) list(same map[string]span, routes []*Route, may func(*matcher) bool) span {
	from := uint32(len(ix.lists))
	var key []byte
	for i, rt := range routes {
		if rt.never || !may(rt.matcher) {
			continue
		}
		ix.lists = append(ix.lists, uint16(i))
		key = append(key, byte(i), byte(i>>8))
		if rt.form != regexPath && rt.free() {
			break
		}
	}
	if s, ok := same[string(key)]; ok {
		ix.lists = ix.lists[:from]
		return s
	}
	s := span{from, uint32(len(ix.lists))}
	same[string(key)] = s
	return s
}

func (ix *index) put(s slot) {
	mask := uint32(len(ix.slots) - 1)
	i := s.hash & mask
	for ix.slots[i].pattern != "" {
		i = (i + 1) & mask
	}
	ix.slots[i] = s
}

// find returns the candidates for a path, in file order.
func (ix *index) find(path []byte) []uint16 {
	found := ix.general
	if len(ix.slots) > 0 {
		h, slashes := uint32(fnvOffset), 0
		for i, c := range path {
			if i == ix.deepest {
				h = 0
				break
			}
			h = (h ^ uint32(c)) * fnvPrime
			if c == '/' && slashes < ix.slashes {
				slashes++
				if s := ix.at(h, path[:i+1], false); s != nil {
					found = s.routes
				}
			}
		}
		if len(path) <= ix.deepest {
			if s := ix.at(h, path, true); s != nil {
				found = s.routes
			}
		}
	}
	return ix.lists[found.from:found.to]
}

func (ix *index) at(h uint32, path []byte, exact bool) *slot {
	mask := uint32(len(ix.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s := &ix.slots[i]; {
		case s.pattern == "":
			return nil
		case s.hash == h && s.exact == exact && string(path) == s.pattern:
			return s
		}
	}
}

func count(s string) (slashes int) {
	for i := 0; i < len(s); i++ {
		if s[i] == '/' {
			slashes++
		}
	}
	return slashes
}
