package tenant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sort"
	"sync"
	"time"

	"fishplate/internal/file"
	"fishplate/internal/model"
	"fishplate/internal/tenant/kv"
	"fishplate/internal/tenant/permit"
	"fishplate/internal/tenant/text"
	"fishplate/riscv"
)

// Options are what a Set needs from outside. The zero value is usable.
type Options struct {
	ReadFile  func(ctx context.Context, path string) ([]byte, error) // nil: regular files of at most 1 GiB
	Logger    *slog.Logger                                           // nil: slog.Default
	Permits   int                                                    // calls beyond their first slice; 0: GOMAXPROCS-1, at least 1
	CacheLook CacheLook                                              // nil: programs find nothing
	Objects   Objects                                                // nil: programs store nothing in the cache
	Kept      func(sha256 string) ([]byte, error)                    // a program that came by the API; nil: there are none
}

// Set is every tenant that there is, by name, and the permits that they share.
// It is safe for concurrent use.
type Set struct {
	o        Options
	calls    *dispatchTable
	permits  *permit.Permits
	patterns text.Cache // expressions of every tenant

	mu      sync.Mutex
	tenants map[string]*Tenant
	stats   map[string]*stats // of the tenants, and of those that are prepared
	codes   *codes
	stores  map[string]*kv.Store
	sweeper kv.Sweeper // of stores

	histories map[string]*history
	models    map[string]*model.Tenant // of the last Commit
	left      map[string]bool          // tenants whose keys and versions wait for Settle
	playing   *player                  // of a repetition, for what main asks

	starts  *starts
	warmth  *warmth
	closing sync.Once
}

// NewSet returns a Set without tenants.
func NewSet(o Options) *Set {
	if o.ReadFile == nil {
		o.ReadFile = func(_ context.Context, path string) ([]byte, error) { return file.Read(path, 1<<30) }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Permits == 0 {
		o.Permits = runtime.GOMAXPROCS(0) - 1
	}
	backing, err := riscv.NewBacking()
	if err != nil {
		o.Logger.Warn("every guest needs a file of its own", "error", err)
		backing = nil
	}
	return &Set{
		o: o, calls: newDispatchTable(), permits: permit.New(o.Permits), starts: newStarts(), warmth: &warmth{backing: backing, most: warmParts},
		tenants: map[string]*Tenant{}, stats: map[string]*stats{}, codes: newCodes(), stores: map[string]*kv.Store{}, histories: map[string]*history{},
	}
}

// Update is a prepared change of a Set. Exactly one of Commit and Abort ends it.
type Update struct {
	set      *Set
	ctx      context.Context // of Prepare
	next     map[string]*Tenant
	made     []*Tenant // what Abort must undo
	origins  map[string]origin
	warnings []error
	starters []*starter // what Commit leaves to the background
	swaps    []swap     // of programs of tenants that stay
	models   map[string]*model.Tenant
	started  int               // programs of tenants files
	took     time.Duration     // to start those
	read     map[string]origin // by path: many tenants have one program
}

// origin is where a prepared tenant's program is from.
type origin struct {
	code      *code
	signature []byte
	number    int // of the version that came by the API; 0: it is in the file
}

// Trouble is what keeps a tenant's program, or its candidate, from running.
type Trouble struct {
	Tenant *model.Tenant
	Err    error
}

func (t *Trouble) Error() string { return t.Err.Error() }

// Unwrap is for errors.Is.
func (t *Trouble) Unwrap() error { return t.Err }

// Prepare loads and starts the tenants that are new or changed; one whose model
// and file are unchanged is taken over as it is. Nothing visible changes before
// Commit. A tenant of a tenants file never refuses the rest: when it cannot be
// loaded its old program stays, or it answers 503, and Warnings has the reason.
// When many of them are new or changed, most are started behind Commit.
// On errors the Update is nil and everything is undone. What is compiled or runs
// ends with ctx, which is an error for every tenant that is not ready by then.
func (s *Set) Prepare(ctx context.Context, tenants []*model.Tenant) (*Update, []error) {
	return s.prepareAll(ctx, tenants, nil, false)
}

// PrepareFirst is Prepare at the start of a process: a program that came by the API
// and does not start, or not any more, refuses nothing. Its tenant answers 503 until
// it has another one, and Warnings has the reason.
func (s *Set) PrepareFirst(ctx context.Context, tenants []*model.Tenant) (*Update, []error) {
	return s.prepareAll(ctx, tenants, nil, true)
}

// PrepareOthers is Prepare that looks at no file of a tenant whose model is the very
// one that was committed last: the change is about others.
func (s *Set) PrepareOthers(ctx context.Context, tenants []*model.Tenant) (*Update, []error) {
	s.mu.Lock()
	same := s.models
	s.mu.Unlock()
	return s.prepareAll(ctx, tenants, same, false)
}

func (s *Set) prepareAll(ctx context.Context, tenants []*model.Tenant, same map[string]*model.Tenant, first bool) (*Update, []error) {
	u := &Update{
		set: s, ctx: ctx, next: make(map[string]*Tenant, len(tenants)), origins: make(map[string]origin, len(tenants)), read: map[string]origin{},
		models: make(map[string]*model.Tenant, len(tenants)),
	}
	var errs []error
	for _, t := range tenants {
		old := s.Tenant(t.Name)
		u.models[t.Name] = t
		if old != nil && same[t.Name] == t {
			u.next[t.Name] = old
			continue
		}
		made, err := u.prepare(t, old)
		switch {
		case err == nil && made == old:
			u.next[t.Name] = old
			continue
		case err != nil && !(first && t.Given != nil) && (!t.FromFile || old != nil && u.set.isGiven(t)):
			errs = append(errs, &Trouble{t, err})
			continue
		case err != nil:
			u.warnings = append(u.warnings, &Trouble{t, err})
			delete(u.origins, t.Name)
			if old != nil && old.current.Load() != nil {
				old.setTrouble(err)
				u.next[t.Name] = old
				continue
			}
			made = newTenant(t, nil, s.statsOf(t.Name))
			made.setTrouble(err)
		}
		u.next[t.Name] = made
		if made.starting.Load() == nil {
			u.made = append(u.made, made)
		}
	}
	if len(errs) > 0 {
		u.Abort()
		return nil, errs
	}
	return u, nil
}

// prepare returns old when it need not change.
func (u *Update) prepare(t *model.Tenant, old *Tenant) (*Tenant, error) {
	s := u.set
	o, err := u.origin(t)
	if err != nil {
		return nil, fmt.Errorf("load guest %q: %w", t.Name, err)
	}
	c := o.code
	u.origins[t.Name] = o
	var before *image
	if old != nil {
		before = old.current.Load()
	}
	if before != nil && before.code == c && equal(old.model, t) {
		old.setTrouble(nil)
		return old, nil
	}
	_, given := s.Given(t.Name)
	if before != nil && old.starting.Load() == nil && (given || o.number > 0) && equal(old.model, t) {
		return old, u.swapTo(t, old, c)
	}
	if old != nil && equal(old.model, t) && old.starts(c) {
		return old, nil
	}
	st := s.statsOf(t.Name)
	if t.FromFile {
		if u.started++; u.started > startsAtOnce || u.took > s.starts.within {
			return u.later(old, newTenant(t, nil, st), c), nil
		}
	}
	began := time.Now()
	err = s.warmUp(u.ctx, t, c)
	var im *image
	if err == nil {
		im, err = newImage(u.ctx, t, c, s, st, s.storeOf(t), before.handsOver())
	}
	if t.FromFile {
		u.took += time.Since(began)
	}
	if err != nil {
		return nil, err
	}
	if before.handsOver() && im.takesOver() {
		// Calls into the new storage wait until Commit has asked the old one.
		<-im.storage.turn
		im.storage.gated = true
	}
	made := newTenant(t, im, st)
	if sh := s.newShadow(u.ctx, t); sh != nil {
		made.shadow.Store(sh)
		if sh.report.Error != "" {
			u.warnings = append(u.warnings, &Trouble{t, errors.New(sh.report.Error)})
		}
	}
	return made, nil
}

// isGiven says that a tenant is to get another program by the API than it has.
func (s *Set) isGiven(t *model.Tenant) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.Given != nil && s.historyOf(t.Name).given != t.Given.SHA256
}

// starts says whether a tenant is about to start that program.
func (t *Tenant) starts(c *code) bool {
	st := t.starting.Load()
	return st != nil && st.code == c
}

// origin is Set.read, once for the tenants that have the same file, or what came
// by the API.
func (u *Update) origin(t *model.Tenant) (origin, error) {
	if t.Given != nil {
		return u.set.given(t)
	}
	if t.Key != "" {
		return u.set.read(u.ctx, t)
	}
	if o, ok := u.read[t.Program]; ok {
		return o, nil
	}
	o, err := u.set.read(u.ctx, t)
	if err == nil {
		u.read[t.Program] = o
	}
	return o, err
}

// read reads the program that the configuration names, and its signature if the
// tenant has a key.
func (s *Set) read(ctx context.Context, t *model.Tenant) (o origin, err error) {
	elf, err := s.o.ReadFile(ctx, t.Program)
	if err != nil {
		return o, err
	}
	if t.Key != "" {
		if o.signature, err = s.signatureOf(ctx, t, t.Program); err != nil {
			return o, err
		}
		if err = verify(t, elf, o.signature); err != nil {
			return o, err
		}
	}
	if o.code, err = s.codes.load(elf); err != nil {
		err = fmt.Errorf("%s is no program that runs here: %w%s", t.Program, err, Remedy(elf))
	}
	return o, err
}

// storeOf returns the key-value storage of a tenant, nil when it has none.
func (s *Set) storeOf(t *model.Tenant) *kv.Store {
	if t.Storage <= 0 {
		return nil
	}
	return s.storeNamed(t.Name, t.Storage)
}

func (s *Set) storeNamed(name string, limit int64) *kv.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	store := s.stores[name]
	if store == nil {
		store = kv.New(limit)
		store.SweptBy(&s.sweeper)
		s.stores[name] = store
	}
	return store
}

// drop forgets what belongs to tenants that there are not, or that have no storage
// any more, but for those that wait for Settle. The Set is locked.
func (s *Set) drop() {
	for name, store := range s.stores {
		if t := s.tenants[name]; !s.left[name] && (t == nil || t.model.Storage <= 0) {
			s.sweeper.Forget(store)
			delete(s.stores, name)
		}
	}
	for name, st := range s.stats {
		if s.tenants[name] == nil && !s.left[name] {
			close(st.gone)
			delete(s.stats, name)
		}
	}
}

// Settle lets go of what the last Commit set aside: the keys, versions, counters and
// lines of tenants that it removed, and the keys of those that have no storage any
// more. Until then a Commit that has them again gives them back.
func (s *Set) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.left {
		if s.tenants[name] == nil {
			delete(s.histories, name)
		}
	}
	s.left = nil
	s.drop()
}

// equal compares all that a running image depends on; where it was written is
// not part of that.
func equal(a, b *model.Tenant) bool {
	return a.Name == b.Name && a.Program == b.Program && slices.Equal(a.Arguments, b.Arguments) &&
		a.Memory == b.Memory && a.Instructions == b.Instructions && a.Time == b.Time &&
		a.Concurrency == b.Concurrency && a.QueueLimit == b.QueueLimit && a.Share == b.Share &&
		slices.Equal(a.Backends, b.Backends) && a.Storage == b.Storage && a.OnFault == b.OnFault && a.JIT == b.JIT &&
		a.FromFile == b.FromFile && a.Rate == b.Rate && a.Forks == b.Forks && a.Fetches == b.Fetches && a.Response == b.Response &&
		a.LogRate == b.LogRate && a.Key == b.Key && a.Update == b.Update && a.Debug == b.Debug && equalShadow(a.Shadow, b.Shadow) &&
		slices.EqualFunc(a.Tokens, b.Tokens, func(x, y model.Token) bool { return x.Name == y.Name && x.Hash == y.Hash })
}

func equalShadow(a, b *model.Shadow) bool {
	return a == b || a != nil && b != nil && a.Program == b.Program && a.Share == b.Share
}

func (s *Set) statsOf(name string) *stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats[name]
	if st == nil {
		st = newStats(name, s.o.Logger)
		s.stats[name] = st
	}
	return st
}

// Tenant returns a tenant by name from what Commit made visible last, or nil.
func (s *Set) Tenant(name string) *Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tenants[name]
}

// Status describes every tenant, by name.
func (s *Set) Status() []Status {
	s.mu.Lock()
	list := make([]*Tenant, 0, len(s.tenants))
	for _, t := range s.tenants {
		list = append(list, t)
	}
	s.mu.Unlock()
	sort.Slice(list, func(i, j int) bool { return list[i].Name() < list[j].Name() })
	out := make([]Status, len(list))
	for i, t := range list {
		out[i] = t.Status()
	}
	return out
}

// Close retires every tenant, and returns when their candidates have ended.
// Calls in flight finish.
func (s *Set) Close() {
	s.starts.close()
	s.mu.Lock()
	old := s.tenants
	s.mu.Unlock()
	u := &Update{set: s, next: map[string]*Tenant{}}
	u.Commit()
	s.Settle()
	for _, t := range old {
		t.shadow.Load().wait()
	}
	s.sweeper.Close()
	if b := s.warmth.backing; b != nil {
		s.closing.Do(b.Close)
	}
}

// Tenants returns the tenants of the coming generation by name. It must not be
// changed.
func (u *Update) Tenants() map[string]*Tenant { return u.next }

// Warnings returns why tenants of tenants files could not be loaded.
func (u *Update) Warnings() []error { return u.warnings }

// Commit makes the update the Set's state. It cannot fail. Calls of replaced
// tenants that are in flight finish on the old image. Settle is due behind it, when
// it will not be undone any more. Storage state is handed
// over as live updates do; a program that cannot take it begins without, unless it
// came by the API: then Prepare has seen to it.
func (u *Update) Commit() {
	s := u.set
	s.mu.Lock()
	old := s.tenants
	s.tenants, s.models = u.next, u.models
	for name, t := range u.next {
		if o := u.origins[name]; o.code != nil {
			s.historyOf(name).runs(o.code, o.number, signatureText(o.signature))
		}
		if store := s.stores[name]; store != nil && t.model.Storage > 0 {
			store.SetLimit(t.model.Storage)
		}
	}
	if s.left == nil {
		s.left = map[string]bool{}
	}
	for name := range old {
		if t := u.next[name]; t == nil || t.model.Storage <= 0 {
			s.left[name] = true
		}
	}
	s.mu.Unlock()
	for i := range u.swaps {
		u.swaps[i].commit()
	}
	u.swaps = nil
	for name, t := range old {
		next := u.next[name]
		if next == t {
			continue
		}
		if st := t.starting.Load(); st != nil {
			st.dropped.Store(true)
		}
		if next != nil {
			if im := t.current.Load(); im != nil && next.current.Load() == im {
				continue // it runs on until the new one is started
			}
			next.inherit(t)
		}
		t.retire()
	}
	s.starts.add(u.starters)
}

// inherit takes the storage's state over from the tenant that t replaces.
func (t *Tenant) inherit(old *Tenant) {
	im, before := t.current.Load(), old.current.Load()
	if im == nil || !im.storage.gated && !im.storage.tried {
		return
	}
	im.storage.admit()
	if before == nil || !before.storage.used.Load() {
		return // what it has is what main left, and the new one has that too
	}
	if err := im.succeed(context.Background(), before, func() {}); err != nil {
		t.setTrouble(err)
		t.stats.log.Error("guest state lost", "tenant", t.Name(), "error", err)
	}
}

// Try lets the update's programs serve beside those that are committed. A storage
// that is to take state over begins without it; at Commit the state that the
// running one has takes the place of what it made meanwhile.
func (u *Update) Try() {
	for _, t := range u.made {
		if im := t.current.Load(); im != nil && im.storage.gated {
			im.storage.admit()
			im.storage.tried = true
		}
	}
}

// admit lets calls into a storage that nobody was to use before the commit.
func (s *storage) admit() {
	if s.gated {
		s.gated = false
		s.leave()
	}
}

// Abort undoes what Prepare made.
func (u *Update) Abort() {
	for _, t := range u.made {
		if im := t.current.Load(); im != nil {
			im.discard()
		}
	}
	for i := range u.swaps {
		u.swaps[i].abort()
	}
	u.made, u.swaps = nil, nil
	u.set.mu.Lock()
	u.set.drop()
	u.set.mu.Unlock()
}
