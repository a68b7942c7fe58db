package fishplate

// Backend is one of the backends that the tenant's block names, by its name.
// Way chooses it for the request; so do Index and SetBackend.
type Backend string

// Choose sends the request there: in Receive, Hit, Miss and Fetch.
func (b Backend) Choose() error { return done(named(SysChooseBackend, string(b))) }

// ChooseServer names the server of it that is asked first, too.
func (b Backend) ChooseServer(server string) error {
	return done(pair(SysChooseServer, string(b), server))
}

// State is like "2/3": servers that take requests, and all.
func (b Backend) State() (string, error) {
	s, err := askNamed(SysBackendState, string(b))
	return string(s), err
}

// Index is its place in the tenant's block.
func (b Backend) Index() (int, error) { return count(named(SysBackendIndex, string(b))) }

// Backends returns how many the tenant's block names.
func Backends() int { return Call(SysBackendCount) }

// SetBackend chooses one by its place.
func SetBackend(i int) error { return done(Call(SysSetBackend, uintptr(i))) }

// Ban takes objects that an expression describes out of the tenant's own part of
// the cache.
func Ban(expression string) error {
	return done(named(SysBan, expression+"\x00"))
}

// Purge removes what is stored for the request's URL and returns how many
// objects that were.
func Purge() (int, error) { return count(Call(SysPurge)) }

// PurgeTag removes what carries the tag, or makes it stale.
func PurgeTag(tag string, soft bool) (int, error) {
	return count(named(SysCachePurgeTag, tag, flag(soft)))
}
