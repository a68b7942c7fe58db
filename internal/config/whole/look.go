package whole

import (
	"io/fs"
	"time"

	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// Look is one look at a configuration.
type Look struct {
	Text
	Config   *model.Config
	Policies []*Policy // every cache block of a route, vhost or tenant
	FS       fs.FS     // rooted at "/"
	Lists    *predicate.Lists
	Now      time.Time // of the certificates' dates; zero: they are not looked at
	Leaves   *Leaves   // of the look before, and then of this one; nil: every pair is read anew
	Start    model.Range

	halves  int64 // bytes of certificates and keys
	guesses int   // what names that do not exist may have meant
}

// Text knows where things are written, and takes complaints. A place that cannot
// be found is that of the noun itself.
type Text interface {
	At(kind, name string, fallback model.Range, path ...string) model.Range
	RouteAt(v *model.VHost, r *model.Route, attr string) model.Range
	ServerAt(b *model.Backend, s *model.Server, attr string) model.Range
	Place(model.Range) string // for people, FILE:LINE
	Show(file string) string
	Errorf(at model.Range, summary, detail, suggestion string)
	Warnf(at model.Range, summary, detail, suggestion string)
	HasErrors() bool
	// Clean says, and remembers, that no route of a vhost is covered by one before.
	Clean(v *model.VHost) *bool
}

// Policy is a cache policy with the block that it came from.
type Policy struct {
	*model.CachePolicy
	Of    string                           // what the block belongs to, for a sentence: `vhost "shop"`
	More  bool                             // it says more than enabled
	Given func(path ...string) bool        // an attribute was written, and could be read
	At    func(path ...string) model.Range // of an attribute, or of the block
}

// mostGuesses is for how many names that do not exist it is said what they may have meant.
const mostGuesses = 100

// DefaultStore is the store of a policy that names none.
const DefaultStore = "main"
