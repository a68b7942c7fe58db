package esi

// A Kind says what an Event is.
type Kind uint8

// The kinds of event. The brackets of try come balanced and properly nested,
// whatever the page holds: what a page leaves open is closed at its end.
const (
	Text       Kind = iota // bytes of the page that pass on
	Include                // something to fetch and put in this place
	Try                    // begins a choice between an attempt and an except
	Attempt                // begins what is to be sent when all of it can be had
	AttemptEnd             // ends it
	Except                 // begins what is to be sent otherwise
	ExceptEnd              // ends it
	TryEnd                 // ends the choice
)

// String returns the word of the kind.
func (k Kind) String() string {
	return [...]string{"text", "include", "try", "attempt", "/attempt", "except", "/except", "/try"}[k]
}

// An Event is a part of a page. Its slices are valid until the next call of the
// parser.
type Event struct {
	Kind Kind
	// Text is what passes on.
	Text []byte
	// Src and Alt are the references of an include, their entities resolved and
	// white space around them removed. They are what an origin wrote: only
	// Resolve makes something to ask for of them. Alt is nil when there is none.
	Src, Alt []byte
	// Continue is onerror="continue": an include that cannot be had is left out.
	Continue bool
	// At and Len are the place of the event in the page, in bytes: that of the
	// text, or of the tag.
	At, Len int64
}

// Counts is what a parser met on its way.
type Counts struct {
	Includes  int
	Removed   int64 // bytes that were dropped: tags, comments, removed text
	Malformed int   // tags that break the syntax, passed on as text
	Long      int   // tags longer than Options.MaxTag, passed on as text
	Unknown   int   // elements that are not ours, passed on as text
	Unclosed  int   // remove, try and <!--esi that the page leaves open
}

// Options set the bounds of a Parser.
type Options struct {
	// MaxTag is the longest tag in bytes, 0 for DefaultMaxTag.
	MaxTag int
}

// DefaultMaxTag holds a src of the longest target that a request head may have
// by default, and an alt of half that.
const DefaultMaxTag = 12 << 10
