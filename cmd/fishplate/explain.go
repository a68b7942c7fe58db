package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"fishplate/cmd/fishplate/show"
	"fishplate/internal/admin"
	"fishplate/internal/cache"
	"fishplate/internal/cert"
	"fishplate/internal/control"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/proxy"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

func runExplain(c *call) error {
	q := admin.ExplainRequest{Method: c.args[0], URL: c.args[1], Client: c.text("client")}
	var err error
	if q.Headers, err = c.fields("explain"); err != nil {
		return err
	}
	raw, err := c.explanation(q)
	if err != nil {
		return err
	}
	if c.flag("json") {
		return c.printJSON(raw)
	}
	var e proxy.Explanation
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("read explanation: %w", err)
	}
	return show.Explanation(c.stdout, &e)
}

// fields are the request fields that -H names.
func (c *call) fields(verb string) (list [][2]string, err error) {
	lines, err := c.flags.GetStringArray("header")
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usagef("%s: -H wants \"Name: value\", not %q", verb, line)
		}
		list = append(list, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	return list, nil
}

// explanation asks the running process, or builds the configuration of
// --config without serving it.
func (c *call) explanation(q admin.ExplainRequest) (raw json.RawMessage, err error) {
	path := c.text("config")
	if path == "" {
		return raw, c.client().Explain(c.ctx, q, &raw)
	}
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
	defer cancel()
	answer, err := c.explainFile(ctx, path, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// explainFile compiles a configuration as serve does, up to the point where
// something would be opened, and asks it.
func (c *call) explainFile(ctx context.Context, path string, q admin.ExplainRequest) (*proxy.Explanation, error) {
	req, err := requestOf(q)
	if err != nil {
		return nil, usagef("explain: %w", err)
	}
	path, err = absolute(path)
	if err != nil {
		return nil, err
	}
	cfg, errs, warnings := loadConfig(os.DirFS("/"), path)
	if cfg == nil {
		show.Problems(c.stderr, errs, warnings)
		return nil, exit{code: exitRefused}
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
	parts := proxy.Parts{ID: 1, Config: cfg, Options: predicate.Options{FS: os.DirFS("/")}, Estate: e.proxy, ProxyName: proxyName}
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
