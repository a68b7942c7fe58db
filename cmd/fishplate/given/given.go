package given

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"fishplate/internal/admin"
	"fishplate/internal/control"
	"fishplate/internal/model"
	"fishplate/internal/tenant"
	"fishplate/internal/tenant/shelf"
)

// maxShelf bounds the programs by the API that are kept, in bytes: those that run
// stay in any case, then those that tenants can be given back, then what the history
// names, the newest first.
const maxShelf = 1 << 30

// Programs implements control.Programs and admin.Programs.
type Programs struct {
	control *control.Controller
	tenants *tenant.Set
	shelf   *shelf.Shelf
}

// Open returns the programs that are kept in the state folder dir, or in memory
// when there is none. Connect must follow.
func Open(dir string, logger *slog.Logger) *Programs {
	if dir == "" {
		return &Programs{shelf: shelf.Memory()}
	}
	s, err := shelf.Open(filepath.Join(dir, "given"))
	if err != nil {
		logger.Warn("programs that come by the API are kept in memory only, and end with the process", "problem", err)
		s = shelf.Instead(err)
	}
	return &Programs{shelf: s}
}

// Connect tells whose changes they are part of, and whose tenants are given them.
func (g *Programs) Connect(c *control.Controller, s *tenant.Set) { g.control, g.tenants = c, s }

// Read returns a program by its SHA-256, for tenant.Options.Kept.
func (g *Programs) Read(sha256 string) ([]byte, error) { return g.shelf.Read(sha256) }

// Known implements control.Programs.
func (g *Programs) Known(history []control.Entry) {
	known := map[string][]tenant.Known{}
	for _, e := range history {
		n := e.Program
		if n == nil || e.State == control.RolledBack {
			continue
		}
		if n.Replaced != nil {
			known[n.Tenant] = append(known[n.Tenant], knownOf(n.Replaced))
		}
		v := n.ProgramVersion
		v.Time = e.Time
		known[n.Tenant] = append(known[n.Tenant], knownOf(&v))
	}
	for name, list := range known {
		g.tenants.Remember(name, list)
	}
}

func knownOf(v *control.ProgramVersion) tenant.Known {
	return tenant.Known{
		Version: tenant.Version{
			Number: v.Version, Time: v.Time, Hash: fmt.Sprintf("%.16s", v.SHA256), Size: v.Size, Source: v.Source, Author: v.Author, Comment: v.Comment,
		},
		SHA256: v.SHA256, Signature: v.Signature,
	}
}

func noteOf(k *tenant.Known) control.ProgramVersion {
	return control.ProgramVersion{
		Version: k.Number, SHA256: k.SHA256, Size: k.Size, Source: k.Source, Time: k.Time, Author: k.Author, Comment: k.Comment, Signature: k.Signature,
	}
}

// Fit implements control.Programs.
func (g *Programs) Fit(t *model.Tenant) error { return g.tenants.Fit(t) }

// Lasting implements control.Programs.
func (g *Programs) Lasting() bool { return g.shelf.Lasting() }

// Held implements control.Programs.
func (g *Programs) Held() []string { return g.shelf.Held() }

// Sweep implements control.Programs.
func (g *Programs) Sweep(must, may []string) {
	g.shelf.Sweep(must, append(g.tenants.Wanted(), may...), maxShelf)
}

// Update implements admin.Programs.
func (g *Programs) Update(ctx context.Context, name string, elf []byte, o tenant.UpdateOptions, a control.ApplyOptions) (tenant.Version, uint64, error) {
	offer, err := g.tenants.Offer(name, elf, o)
	if err != nil {
		return tenant.Version{}, 0, fmt.Errorf("update guest %q: %w", name, err)
	}
	v, change, err := g.give(ctx, offer, a)
	if err != nil {
		err = fmt.Errorf("update guest %q: %w", name, err)
	}
	return v, change, err
}

// Rollback implements admin.Programs.
func (g *Programs) Rollback(ctx context.Context, name string, number int, o tenant.UpdateOptions, a control.ApplyOptions) (tenant.Version, uint64, error) {
	offer, err := g.tenants.OfferBack(name, number, o)
	var v tenant.Version
	var change uint64
	if err == nil {
		v, change, err = g.give(ctx, offer, a)
	}
	if err != nil {
		err = fmt.Errorf("roll guest %q back to version %d: %w", name, number, err)
	}
	return v, change, err
}

// give makes a change of an offer: it is on disk, and in the history, before
// anybody meets it.
func (g *Programs) give(ctx context.Context, offer *tenant.Offer, a control.ApplyOptions) (v tenant.Version, change uint64, err error) {
	a.Comment = offer.Version.Comment
	r := g.control.Give(ctx, control.Gift{Tenant: offer.Tenant, Make: func(over string) (*model.Given, *control.ProgramNote, error) {
		if err := offer.May(); err != nil {
			return nil, nil, err
		}
		before, elf := g.tenants.Expect(offer)
		note := &control.ProgramNote{Tenant: offer.Tenant, ProgramVersion: noteOf(&tenant.Known{Version: offer.Version, SHA256: offer.SHA256, Signature: offer.Signature})}
		if before != nil { // one can go back to what is replaced, also when it was a file's
			if _, err := g.shelf.Keep(elf); err != nil {
				return nil, nil, err
			}
			was := noteOf(before)
			note.Replaced = &was
		}
		if _, err := g.shelf.Keep(offer.ELF()); err != nil {
			return nil, nil, err
		}
		return offer.Given(over), note, nil
	}}, a)
	if len(r.Errors) > 0 {
		return v, 0, &admin.Refused{Result: r, Match: a.Match}
	}
	v, _ = g.tenants.Given(offer.Tenant)
	v.Current = true
	return v, r.Generation, nil
}
