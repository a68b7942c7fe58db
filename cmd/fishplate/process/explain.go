package process

import (
	"context"
	"fmt"
	"log/slog"

	"fishplate/cmd/fishplate/reading"
	"fishplate/internal/admin"
	"fishplate/internal/cache"
	"fishplate/internal/cert"
	"fishplate/internal/control"
	"fishplate/internal/file"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/program"
	"fishplate/internal/proxy"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// Explain compiles a configuration as Serve does, up to the point where
// something would be opened, and asks it where a request would go. Errors that
// wrap admin.ErrInvalid are about the question.
func Explain(ctx context.Context, cfg *model.Config, q admin.ExplainRequest) (*proxy.Explanation, error) {
	req, err := requestOf(q)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", admin.ErrInvalid, err)
	}
	logger := slog.New(slog.DiscardHandler)
	e := estate{
		logger: logger, proxy: proxy.NewEstate(),
		backends: upstream.NewSet(upstream.Options{Logger: logger}),
		tenants:  tenant.NewSet(tenant.Options{Logger: logger, ReadFile: programs(cfg.State.Dir, logger).Read}),
		certs:    cert.NewStore(cert.Options{}),
		caches:   cache.New(cache.Options{Logger: logger}),
	}
	defer e.close()
	unprobed(cfg)
	t := &control.Transaction{ID: 1, Next: cfg}
	parts := proxy.Parts{ID: 1, Config: cfg, Options: predicate.Options{FS: file.Tree(), Lists: &predicate.Lists{}}, Estate: e.proxy, ProxyName: proxyName}
	for _, prepare := range []func(context.Context, *control.Transaction, *proxy.Parts) error{e.prepareCerts, e.prepareTenants, e.prepareCaches} {
		if err := prepare(ctx, t, &parts); err != nil {
			return nil, err
		}
	}
	u, err := e.backends.Prepare(cfg.Backends)
	if err != nil {
		return nil, err
	}
	parts.Backends = u.Backends()
	u.Commit()
	g, err := proxy.Compile(parts)
	if err != nil {
		return nil, err
	}
	answer := g.Explain(ctx, req)
	return &answer, nil
}

// Compare compares two files or folders, of which none need run.
func Compare(ctx context.Context, from, to string) (control.Plan, error) {
	c := control.New(control.Options{Load: new(reading.Reader).FromDisk, Diff: diffConfig, Digest: program.Fingerprint})
	return c.Compare(ctx, from, to), nil
}

// unprobed takes checks and discovery out of a configuration that is only
// asked: no server hears of it, and each counts as healthy.
func unprobed(cfg *model.Config) {
	for _, c := range cfg.Caches {
		c.Disk = nil // it belongs to the process that runs
	}
	for _, b := range cfg.Backends {
		b.Check, b.Discover = nil, nil
	}
}
