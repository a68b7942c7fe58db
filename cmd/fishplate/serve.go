package main

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"fishplate/cmd/fishplate/process"
	"fishplate/cmd/fishplate/show"
)

// serveVerbs is the row of the verb serve.
func serveVerbs() []verb {
	return []verb{{
		name: "serve", form: "FILE|DIR [--check-only] [--socket PATH] | TENANTS.json --backend ADDR [--bind ADDR] [--socket PATH]", min: 1, max: 1, run: runServe,
		short: "Run with a configuration",
		long: "SIGHUP reloads the same path, SIGTERM drains (at most 30 s; a second one ends at once). A tenants file alone needs\n" +
			"--backend: every name in it becomes a host whose program sees the requests on their way to that address.",
		example: "fishplate serve /etc/fishplate\nfishplate serve tenants.json --backend 127.0.0.1:9000",
		flags: func(f *pflag.FlagSet) {
			f.Bool("check-only", false, "load and check, do not run")
			f.String("backend", "", "address of the server behind a tenants file")
			f.String("bind", ":8080", "address to listen on, with a tenants file")
			f.String("socket", "", "admin socket, whatever the configuration says (default admin { socket }, $FISHPLATE_SOCKET, /run/fishplate.sock, the XDG runtime directory)")
		},
	}}
}

// runServe is the verb serve.
func runServe(c *call) error {
	path, err := absolute(c.args[0])
	if err != nil {
		return err
	}
	var reader process.Reader
	load := process.Load(reader.FromDisk)
	if backend := c.text("backend"); backend != "" {
		if !strings.HasSuffix(path, ".json") {
			return usagef("serve: --backend is for a tenants file (.json)")
		}
		load = reader.TenantsFile(path, c.text("bind"), backend)
	} else if process.IsTenantsFile(path) {
		return usagef("serve: %s is a tenants file: --backend ADDR names the server behind it", c.args[0])
	}
	if socket := c.text("socket"); socket != "" {
		if socket, err = absolute(socket); err != nil {
			return err
		}
		load = load.At(socket)
	}
	cfg, errs, warnings := load(path)
	if cfg == nil || c.flag("check-only") {
		show.Problems(c.stderr, errs, warnings)
		if cfg == nil {
			return exit{code: exitRefused}
		}
		return nil
	}
	err = process.Serve(c.ctx, process.Options{
		Path: path, Load: load.First(path, cfg, errs, warnings), Parse: reader.Parse, State: cfg.State.Dir, Version: version(), Stderr: c.stderr, Ready: c.ready,
	})
	if errors.Is(err, process.ErrRefused) {
		return exit{code: exitRefused}
	}
	return err
}
