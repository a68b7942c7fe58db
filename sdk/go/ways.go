package fishplate

// Backend is one of the backends that the tenant's block names, by its name.
// Way chooses it for the request; so do Index and SetBackend.
type Backend string

// Choose sends the request there: in Receive, Hit, Miss and Fetch. ErrDenied: it
// is none of the tenant's; ErrStage: elsewhere.
func (b Backend) Choose() error { return done(named(SysChooseBackend, string(b))) }

// ChooseServer names the server of it that is asked first, too. ErrNone: there is
// no such server; ErrFailed: it takes no requests now; other errors are Choose's.
func (b Backend) ChooseServer(server string) error {
	return done(pair(SysChooseServer, string(b), server))
}

// State is like "2/3": servers that take requests, and all. ErrDenied: it is none
// of the tenant's.
func (b Backend) State() (string, error) {
	s, err := askNamed(SysBackendState, string(b))
	return string(s), err
}

// Index is its place in the tenant's block. ErrNone: it is none of the tenant's.
func (b Backend) Index() (int, error) { return count(named(SysBackendIndex, string(b))) }

// Backends returns how many the tenant's block names.
func Backends() int { return Call(SysBackendCount) }

// SetBackend chooses one by its place. ErrNone: there is none, or not in this
// function.
func SetBackend(i int) error { return done(Call(SysSetBackend, uintptr(i))) }

// Ban takes objects that an expression describes out of the tenant's own part of
// the cache. ErrNone: it is malformed or above 1,024 bytes, the tenant has no such
// part, or the request purged and banned 16 times.
func Ban(expression string) error {
	return done(named(SysBan, expression+"\x00"))
}

// Purge removes what is stored for the request's URL and returns how many objects
// that were. ErrNone: the tenant has no part of the cache, or the request purged
// and banned 16 times.
func Purge() (int, error) { return count(Call(SysPurge)) }

// PurgeTag removes what carries the tag, or makes it stale. ErrLimit: the request
// purged and banned 16 times; ErrDenied: the tenant has no part of the cache.
func PurgeTag(tag string, soft bool) (int, error) {
	return count(named(SysCachePurgeTag, tag, flag(soft)))
}
