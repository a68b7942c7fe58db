package control

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"fishplate/internal/control/journal"
	"fishplate/internal/crash"
	"fishplate/internal/model"
)

// Programs keeps the programs that tenants were given by the API.
type Programs interface {
	// Known tells what the history says of them, the oldest entry first.
	Known(history []Entry)
	// Fit says why a tenant cannot run what it was given.
	Fit(t *model.Tenant) error
	// Sweep forgets all but those that must be kept, and of those that may be, the
	// dearest first, as many as there is room for. They are named by their SHA-256.
	Sweep(must, may []string)
	// Held are all that are kept.
	Held() []string
	// Lasting says whether they outlive the process.
	Lasting() bool
}

// ProgramVersion is a program that a tenant had or was given.
type ProgramVersion struct {
	Version   int       `json:"version"`
	SHA256    string    `json:"sha256"`
	Size      int       `json:"size"`
	Source    string    `json:"source"` // "file", "update" or "rollback"
	Time      time.Time `json:"time"`
	Author    string    `json:"author,omitempty"`
	Comment   string    `json:"comment,omitempty"`
	Signature string    `json:"signature,omitempty"`
}

// ProgramNote is what the history says of a program that came by the API.
type ProgramNote struct {
	Tenant string `json:"tenant"`
	ProgramVersion
	Replaced *ProgramVersion `json:"replaced,omitempty"` // nil: nothing ran
}

// Gift is a program on its way to a tenant. Make is called when it is this change's
// turn: it puts the program where Programs finds it. over tells the program that
// the tenant names from others.
type Gift struct {
	Tenant string
	Make   func(over string) (*model.Given, *ProgramNote, error)
}

// Give makes a tenant run another program than it names: a change by the API.
func (c *Controller) Give(ctx context.Context, g Gift, o ApplyOptions) Result {
	begin := time.Now()
	ctx, end, err := c.begin(ctx, "update", o)
	if err != nil {
		return c.late(err)
	}
	defer end()
	r := c.mayChange(o)
	if len(r.Errors) == 0 {
		crash.At(crash.Plan)
		next, err := c.wrap(g, &o)
		if err != nil {
			r.Errors = problemsOf(err)
		} else {
			r.Plan, next = c.compare(r.Plan, next)
			running, _ := c.entry(r.Generation)
			o.Source, next.read = "api", running.Files
			was := c.running.Load()
			c.transact(ctx, &r, next, o)
			r.Warnings = was.unsaid(r.Warnings)
		}
		c.sweep() // also what was refused
	}
	r.Seconds = time.Since(begin).Seconds()
	c.report("api", &r)
	return r
}

// wrap makes what runs with a gift in it.
func (c *Controller) wrap(g Gift, o *ApplyOptions) (*state, error) {
	s := c.running.Load()
	if s == nil {
		return nil, fmt.Errorf("update: nothing runs")
	}
	at := slices.IndexFunc(s.config.Tenants, func(t *model.Tenant) bool { return t.Name == g.Tenant })
	if at < 0 {
		return nil, fmt.Errorf("update: there is no tenant %q", g.Tenant)
	}
	over, err := c.o.Digest(s.config.Tenants[at].Program)
	if err != nil {
		over = unreadable
	}
	given, note, err := g.Make(over)
	if err != nil {
		return nil, err
	}
	o.program = note
	next := &state{config: s.config, files: s.files, noted: s.noted} // nothing else is looked at
	c.bestow(next, map[string]*model.Given{g.Tenant: given})
	return next, nil
}

// bestow writes what tenants are given, nil is nothing, into a configuration of its
// own.
func (c *Controller) bestow(next *state, given map[string]*model.Given) {
	if len(given) == 0 {
		return
	}
	cfg := *next.config
	cfg.Tenants = slices.Clone(cfg.Tenants)
	for i, t := range cfg.Tenants {
		if g, ok := given[t.Name]; ok {
			changed := *t
			changed.Given = g
			cfg.Tenants[i] = &changed
		}
	}
	if c.o.Give != nil {
		cfg.Flat = c.o.Give(cfg.Flat, cfg.Tenants)
	}
	next.config = &cfg
}

// manner is where a configuration comes from, which decides what becomes of
// programs that came by the API.
type manner int

const (
	asIs     manner = iota // they are what it says
	fromFile               // they stay although a file does not have them
	edited                 // they go when the program that the tenant names has changed
	recalled               // they are wanted back, whatever that program is now
)

// settle decides which programs by the API a configuration has.
func (c *Controller) settle(next *state, m manner) (warnings []Problem) {
	switch s := c.running.Load(); {
	case m == fromFile && s != nil:
		return c.inherit(s.config, next)
	case m == fromFile || m == edited:
		return c.inherit(nil, next)
	case m == recalled:
		given := map[string]*model.Given{}
		for _, t := range next.config.Tenants {
			if is := next.programOf(t); t.Given != nil && is != unreadable && is != t.Given.Over {
				g := *t.Given
				g.Over = is
				given[t.Name] = &g
			}
		}
		c.bestow(next, given)
	}
	return nil
}

// programOf is the digest of the program that a tenant names.
func (s *state) programOf(t *model.Tenant) string {
	return s.files[reference{kind: "tenant", key: t.Name, name: "program"}.id()]
}

// inherit keeps what tenants of from were given, and drops what was given in place
// of a program that is another one now.
func (c *Controller) inherit(from *model.Config, next *state) (warnings []Problem) {
	had := map[string]*model.Tenant{}
	if from != nil {
		for _, t := range from.Tenants {
			if t.Given != nil {
				had[t.Name] = t
			}
		}
	}
	given := map[string]*model.Given{}
	for _, t := range next.config.Tenants {
		g, was := t.Given, had[t.Name]
		if g == nil && was != nil {
			g = was.Given
			given[t.Name] = g
		}
		if g == nil {
			continue
		}
		why := ""
		switch is := next.programOf(t); {
		case was != nil && t.Given == nil && was.Program != t.Program:
			why = "is another file"
		case is != unreadable && is != g.Over:
			why = "changed"
		case was != nil && was.Key != t.Key:
			fits := *t
			fits.Given = g
			if err := c.fit(&fits); err != nil {
				why = fmt.Sprintf("is taken (%v)", err)
			}
		}
		if why != "" {
			given[t.Name] = nil
			at := next.config.Places.Range(t.At)
			warnings = append(warnings, Problem{
				File: at.Filename, Line: at.Start.Line, Column: at.Start.Column,
				Summary: fmt.Sprintf("tenant %q: %s %s: it replaces version %d, which came by the API", t.Name, t.Program, why, g.Version),
			})
		}
	}
	c.bestow(next, given)
	return warnings
}

func (c *Controller) fit(t *model.Tenant) error {
	if c.o.Programs == nil {
		return fmt.Errorf("no programs are kept here")
	}
	return c.o.Programs.Fit(t)
}

// restore looks for the programs that a configuration of the history has, and
// drops those that cannot be had or that a file has overtaken; it returns whether
// there were any.
func (c *Controller) restore(s *state) (lost bool) {
	given := map[string]*model.Given{}
	for _, t := range s.config.Tenants {
		if t.Given == nil {
			continue
		}
		why := fmt.Sprintf("%s changed", t.Program)
		if is := s.programOf(t); is == unreadable || is == t.Given.Over {
			err := c.fit(t)
			if err == nil {
				continue
			}
			why = err.Error()
		}
		given[t.Name] = nil
		c.o.Logger.Error("a program that came by the API does not run again: the file's runs", "tenant", t.Name, "version", t.Given.Version, "program", t.Program, "problem", why)
	}
	c.bestow(s, given)
	return len(given) > 0
}

// named are the programs by the API that a configuration has.
func named(cfg *model.Config) map[string]bool {
	list := map[string]bool{}
	for _, t := range cfg.Tenants {
		if t.Given != nil {
			list[t.Given.SHA256] = true
		}
	}
	return list
}

// knowPrograms reads from the history what it says of programs.
func (c *Controller) knowPrograms() {
	if c.o.Programs == nil {
		return
	}
	list := c.History()
	slices.Reverse(list)
	c.o.Programs.Known(list)
	c.named = map[string]bool{}
	if last := c.last(); last.ID != 0 && slices.ContainsFunc(list, func(e Entry) bool { return e.Program != nil }) {
		c.named = nil // unknown
		if text, err := c.ledger.Text(last.ID); err == nil {
			if _, s := c.parse(last.ID, text, asIs); s != nil {
				c.named = named(s.config)
			}
		}
	}
	c.findStrangers()
}

// findStrangers looks for programs that nothing names, when that may be because the
// history is not what it was: who puts the journal back wants them.
func (c *Controller) findStrangers() {
	if c.gaps == none && c.named == nil {
		c.gaps = broken
	}
	if c.gaps == none {
		return
	}
	known := maps.Clone(c.named)
	if known == nil {
		known = map[string]bool{}
	}
	for _, e := range c.History() {
		for _, hash := range slices.Concat(e.Gone, e.Found) {
			known[hash] = true
		}
	}
	for _, hash := range c.o.Programs.Held() {
		if !known[hash] {
			c.found = append(c.found, hash)
		}
	}
	if len(c.found) > 0 {
		c.o.Logger.Warn("programs that came by the API are kept although no change names them", "why", c.gaps.String(), "programs", len(c.found))
	}
}

// sweep lets programs go that no entry names to which one could go back. Each entry
// says which ones it was the first not to name.
func (c *Controller) sweep() {
	s := c.running.Load()
	if c.o.Programs == nil || c.named == nil || s == nil {
		return
	}
	must := slices.AppendSeq(slices.Collect(maps.Keys(named(s.config))), maps.Keys(c.named))
	list := c.History()
	if !c.o.Programs.Lasting() {
		list = list[:min(len(list), journal.MemoryLength)]
	}
	var may []string
	for i, e := range list {
		if i < len(list)-1 { // what the oldest does not name nobody names
			may = append(may, e.Gone...)
		}
	}
	for _, e := range list {
		may = append(may, e.Found...)
	}
	may = append(may, c.found...)
	if c.gaps == unopened {
		must = append(must, c.found...) // the history that is not known may need any of them
	}
	c.o.Programs.Sweep(must, may)
}
