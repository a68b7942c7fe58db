package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"fishplate/cmd/fishplate/binder"
	"fishplate/cmd/fishplate/notify"
	"fishplate/cmd/fishplate/process"
	"fishplate/cmd/fishplate/reading"
	"fishplate/cmd/fishplate/show"
	"fishplate/cmd/fishplate/wanted"
	"fishplate/internal/admin"
	"fishplate/internal/config"
)

// serveVerbs is the row of the verb serve.
func serveVerbs() []verb {
	return []verb{{
		name: "serve", form: "FILE|DIR [--check-only] [--socket PATH] | TENANTS.json --backend ADDR [--bind ADDR] [--socket PATH]", min: 1, max: 1, run: runServe,
		short: "Run with a configuration",
		long: "SIGHUP reloads the same path, SIGUSR2 upgrades, SIGTERM drains (at most 30 s; a second one ends at once). A tenants file alone needs\n" +
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
	var reader reading.Reader
	from, failed := process.Inherit()
	line, err := binder.Inherit()
	if err := errors.Join(failed, err); err != nil {
		return err
	}
	load, parse := reading.Load(reader.FromDisk).Judged(wanted.Apart), reading.Parse(reader.Parse).Judged(wanted.Apart)
	if backend := c.text("backend"); backend != "" {
		if !strings.HasSuffix(path, ".json") {
			return usagef("serve: --backend is for a tenants file (.json)")
		}
		load = reader.TenantsFile(path, c.text("bind"), backend)
	} else if reading.IsTenantsFile(path) {
		return usagef("serve: %s is a tenants file: --backend ADDR names the server behind it", c.args[0])
	}
	if socket := c.text("socket"); socket != "" {
		if socket, err = absolute(socket); err != nil {
			return err
		}
		load, parse = load.At(socket), parse.At(socket)
	}
	o := process.Options{Path: path, Load: load, Parse: parse, Version: version(), Stderr: c.stderr, Ready: c.ready, From: from, Binder: line, Bound: c.bound}
	if from != nil { // what runs there runs here, whatever the files say meanwhile
		o.State = from.State()
		return c.serve(o)
	}
	cfg, errs, warnings := load(c.ctx, path)
	if cfg == nil || c.flag("check-only") {
		show.Problems(c.stderr, errs, warnings)
		if cfg == nil {
			return exit{code: notify.Find().Code(exitRefused)}
		}
		return nil
	}
	if err := binder.Drop(cfg, c.stderr); err != nil {
		return err
	}
	o.Load, o.State = load.First(path, cfg, errs, warnings), cfg.State.Dir
	return c.serve(o)
}

func (c *call) serve(o process.Options) error {
	err := process.Serve(c.ctx, o)
	if errors.Is(err, process.ErrRefused) {
		return exit{code: exitRefused}
	}
	return err
}

// upgradeVerbs is the row of the verb upgrade.
func upgradeVerbs() []verb {
	return []verb{{
		name: "upgrade", form: "[PATH] [--within D] [--force] [--json]", max: 1, live: true, run: runUpgrade,
		short: "Put a new binary in the place of the running process",
		long: "PATH, or the file that the process was started from, is started with the same arguments. It gets the listening sockets, the\n" +
			"admin socket, the keys of session tickets, the history and the configuration that runs, whatever the files say meanwhile;\n" +
			"prepares everything, tests itself, and takes over. The old process then finishes what it has: downloads and WebSockets go on\n" +
			"in it. When a step fails, the old process serves on, and the reason is printed. SIGUSR2 does the same without an answer.\n\nObjects of caches, persistence tables, what is known of servers, rates, and keys and values of tenants go over; counters begin at 0.",
		example: "fishplate upgrade\nfishplate upgrade /usr/local/bin/fishplate-2",
		flags: func(f *pflag.FlagSet) {
			jsonFlag(f)
			f.String("within", "2m", "give up when the new process is not ready by then")
			f.Bool("force", false, "although programs that came by the API are lost: only without a state folder")
		},
	}}
}

func runUpgrade(c *call) error {
	within, err := config.Duration(c.text("within"))
	if err != nil || within <= 0 {
		return usagef("upgrade: --within is a time such as 60s, not %q", c.text("within"))
	}
	q := admin.UpgradeRequest{Within: within.String(), Force: c.flag("force")}
	if len(c.args) == 1 {
		if q.Path, err = absolute(c.args[0]); err != nil {
			return err
		}
	}
	r, err := c.client().Upgrade(c.ctx, q)
	if err != nil {
		return err
	}
	if c.flag("json") {
		return c.printJSON(r)
	}
	_, err = fmt.Fprintf(c.stdout, "process %d serves, version %s, ready after %.0f ms; nobody accepted for %.0f ms\n", r.PID, r.Version, r.Seconds*1000, r.Pause*1000)
	return err
}
