package process

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"fishplate/internal/config"
	"fishplate/internal/model"
	"fishplate/internal/program"
	"fishplate/internal/tenant"
	"fishplate/sdk"
)

// maxTried bounds how many programs Programs starts: a file of ten thousand
// tenants is checked while somebody waits.
const maxTried = 256

// Programs compiles and starts the tenants' programs of a configuration, and asks
// them their warm-up requests, one after the other. It returns what is wrong with
// them, at the places of the tenants, with file names as seen from the folder base.
// What it compiles is kept in dir. Tenants that start the same program in the same
// way are tried once.
//
// What would keep Serve from starting is an error. A program of a tenants file
// keeps nothing from starting but itself: it is a warning.
func Programs(ctx context.Context, cfg *model.Config, base, dir string) (found config.Diagnostics) {
	said := map[string]string{} // of the compiler, by path
	builder := program.New(dir, sdk.Headers, nil)
	read := func(ctx context.Context, path string) ([]byte, error) {
		r, err := builder.Build(ctx, path)
		if err != nil {
			return nil, err
		}
		said[path] = r.Warnings
		return r.ELF, nil
	}
	set := tenant.NewSet(tenant.Options{Logger: slog.New(slog.DiscardHandler), ReadFile: read})
	defer set.Close()
	tried := map[string]bool{}
	for _, m := range cfg.Tenants {
		one := *m
		t := &one
		t.At = cfg.Places.Range(m.At)
		way := fmt.Sprintf("%q %q %d %d %q %q", t.Program, t.Arguments, t.Memory, t.Instructions, t.Key, t.WarmUp)
		if t.Key == "" && tried[way] {
			continue
		}
		if len(tried) == maxTried || ctx.Err() != nil {
			found = append(found, findingAt(t, config.Warning, fmt.Sprintf("tenant %q and those after it: their programs were not tried, only %d were", t.Name, len(tried))))
			break
		}
		tried[way] = true
		found = append(found, try(ctx, set, t)...)
		if text := said[t.Program]; text != "" {
			found = append(found, findingAt(t, config.Warning, fmt.Sprintf("compile %s: the compiler warns\n%s", t.Program, text)))
			delete(said, t.Program)
		}
	}
	for i := range found {
		found[i].File = config.Show(base, found[i].File)
	}
	return found
}

// try starts one tenant's program, and stops it.
func try(ctx context.Context, set *tenant.Set, m *model.Tenant) (found config.Diagnostics) {
	alone := *m
	alone.Given = nil      // it lies with a process
	alone.FromFile = false // so that a program that does not start is told as an error
	u, errs := set.Prepare(ctx, []*model.Tenant{&alone})
	for _, err := range errs {
		severity := config.Error
		if m.FromFile {
			severity = config.Warning
		}
		found = append(found, findingAt(m, severity, err.Error()))
	}
	if u == nil {
		return found
	}
	defer u.Abort()
	for _, w := range u.Warnings() {
		found = append(found, findingAt(m, config.Warning, w.Error()))
	}
	for _, text := range u.Tenants()[m.Name].Status().RegexFallbacks {
		found = append(found, findingAt(m, config.Warning,
			fmt.Sprintf("tenant %q: a regular expression is matched by backtracking, whose steps are charged: %s", m.Name, text)))
	}
	return found
}

// findingAt places a text at the tenant: its first line is the summary.
func findingAt(t *model.Tenant, severity config.Severity, text string) config.Diagnostic {
	summary, detail, _ := strings.Cut(strings.TrimRight(text, "\n"), "\n")
	return config.Diagnostic{
		Severity: severity, File: t.At.Filename, Line: t.At.Start.Line, Column: t.At.Start.Column,
		Summary: summary, Detail: detail, Range: t.At,
	}
}
