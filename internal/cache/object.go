package cache

import (
	"slices"

	"fishplate/internal/cache/bans"
	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
)

// Object is a stored answer, pinned by whoever has it.
type Object = store.Object

// Flags of an object that are the wing's own; the lower bits are those of rules.
const (
	flagMarker  = 1 << (16 + iota) // no answer: the key's answers are not stored; Meta.Encoding is the rules.Reason
	flagPartial                    // a part of a representation (RFC 9111 §3.3)
	flagGuest                      // made by a tenant's program
	flagVariant                    // another coding of the object that its key names
	flagFlushed                    // its bytes depend on when those of the base came: its tag is weak
)

// times are what the rules want to know of an object.
func times(m *store.Meta) rules.Times {
	return rules.Times{
		Born: m.Born, Fresh: m.Fresh, Grace: m.Grace, Keep: m.Keep, StaleIfError: m.StaleIfError,
		Flags: rules.Flags(m.Flags) & rules.OwnFlags,
	}
}

// banned lets ban expressions see an object.
type banned struct {
	o             *store.Object
	m             store.Meta
	h             message.Header
	tenant, vhost string

	// Of an object on the disk, where o is nil.
	key    []byte
	tags   []string
	length int64
	number uint32
}

func (b *banned) Header(name string, index int) ([]byte, bool) {
	for i := b.h.Find(name); i >= 0; i = b.h.FindFrom(name, i+1) {
		if index == 0 {
			return b.h.Value(i), true
		}
		index--
	}
	return nil, false
}

func (b *banned) Tag(tag string) bool {
	if b.o == nil {
		return slices.Contains(b.tags, tag)
	}
	return hasTag(b.o, []byte(tag))
}

func (b *banned) Key() []byte {
	if b.o == nil {
		return b.key
	}
	return b.o.KeyText()
}

func (b *banned) Owner() (tenant, vhost string) { return b.tenant, b.vhost }

func (b *banned) Number(n bans.Number) int64 {
	switch n {
	case bans.Status:
		return int64(b.m.Status)
	case bans.Size:
		if b.o == nil {
			return b.length
		}
		return b.o.Available()
	case bans.Hits:
		if b.o == nil {
			return 0
		}
		return int64(b.o.Hits())
	case bans.Born:
		return b.m.Born
	case bans.Passed:
		if b.o == nil {
			return int64(b.number)
		}
		return int64(b.o.Ban())
	}
	return b.m.Born + b.m.Fresh
}
