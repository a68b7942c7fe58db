package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"fishplate/cmd/fishplate/show"
	"fishplate/internal/desk"
	"fishplate/internal/file"
	"fishplate/internal/tenant"
)

// tenantDebugVerbs look into what a tenant's program does.
func tenantDebugVerbs() []verb {
	return []verb{
		{
			name: "tenant logs", form: "NAME [--follow] [-n N] [--json]", min: 1, max: 1, live: true, run: runTenantLogs,
			short:   "Print what a tenant's program wrote",
			long:    "The process remembers the last 256 lines of each tenant. What exceeded the tenant's rate of lines is not among them.",
			example: "fishplate tenant logs shop.example --follow",
			flags: func(f *pflag.FlagSet) {
				jsonFlag(f)
				f.BoolP("follow", "f", false, "go on with new lines")
				f.IntP("lines", "n", 256, "at most so many lines of the past")
			},
		},
		{
			name: "tenant records", form: "NAME [ID -o FILE] [--json]", min: 1, max: 2, live: true, run: runTenantRecords,
			short: "List the calls of a tenant that were recorded, or keep one as a file",
			long: "debug { record = \"1%\" } in the tenant's block records a share of its requests, debug { on_fault = true } those that failed:\n" +
				"all that the program saw, the program too. With ID one of them is written to a file, for tenant replay on any machine.",
			example: "fishplate tenant records shop.example\nfishplate tenant records shop.example 5f3a9c0011aa22bb -o slow.calls",
			flags: func(f *pflag.FlagSet) {
				jsonFlag(f)
				f.StringP("output", "o", "", "the file to write (default ID.calls, in this folder)")
			},
		},
		{
			name: "tenant replay", form: "NAME ID [--save FILE] | FILE [--program PROG] [--gdb ADDR] [--entry NAME] [--trace] [--jit=off] [--json]", min: 1, max: 2, live: true, run: runTenantReplay,
			short: "Run a recorded request again, here",
			long: "The same program ends at the same instruction with the same registers and bytes, whatever the clock says now; what was not\n" +
				"as it was is printed. With --program another one meets the same request and the same answers of the host. FILE is what\n" +
				"tenant records wrote, or --save: then no process is asked.",
			example: "fishplate tenant replay shop.example 5f3a9c0011aa22bb\nfishplate tenant replay slow.calls --program shop.cpp --trace\n" +
				"fishplate tenant replay slow.calls --gdb 127.0.0.1:1234",
			exits: "1 also when something was not as it was recorded.",
			flags: func(f *pflag.FlagSet) {
				jsonFlag(f)
				f.String("program", "", "run this one instead: an ELF file or sources")
				f.String("gdb", "", "wait for gdb at this address; - is stdin and stdout")
				f.String("entry", "", "the call that gdb gets: on_recv, forge, … (default the first)")
				f.Bool("trace", false, "print each call to the host")
				f.String("jit", "auto", "auto or off")
				f.String("save", "", "keep the recording as a file, too")
			},
		},
		{
			name: "tenant profile", form: "NAME [--for 10s] [-o FILE]", min: 1, max: 1, live: true, run: runTenantProfile,
			short: "Count the instructions of a tenant's calls for pprof",
			long: "Counts the instructions of calls that begin within the time, none left out: exact numbers by function, line and call stack.\n" +
				"One call is counted at a time, and runs slower; the others, and other tenants', run as ever. Open the file with \"go tool pprof\".",
			example: "fishplate tenant profile shop.example --for 10s -o shop.pprof\ngo tool pprof -top shop.pprof",
			flags: func(f *pflag.FlagSet) {
				f.String("for", "10s", "how long")
				f.StringP("output", "o", "", "the file to write (default NAME.pprof, in this folder)")
			},
		},
		{
			name: "tenant gdb", form: "NAME [--where EXPR] [--entry NAME] [--wait D] [--listen ADDR] | --connect ADDR --token T", max: 1, live: true, run: runTenantGDB,
			short: "Let gdb control a tenant's program in one request",
			long: "Waits for a request for which EXPR is true (a predicate as in a route's when), stops it at the beginning of its call, and\n" +
				"prints what connects gdb-multiarch. All other requests go on. --connect is for gdb's \"target remote |\":\n" +
				"it brings gdb's connection to the one that waits, with the token that was printed. With - for ADDR gdb is at our own stdin\n" +
				"and stdout. What the debugger changes, only this request sees.",
			example: "fishplate tenant gdb shop.example --where 'path == \"/cart\"'\ngdb-multiarch -ex 'target remote | fishplate tenant gdb shop.example --listen -' shop.elf",
			exits:   "130 by Ctrl-C.",
			flags: func(f *pflag.FlagSet) {
				f.String("where", "", "the request; default the next one")
				f.String("entry", "", "the call: on_recv, forge, … (default the first)")
				f.String("wait", "10m", "for a request that fits")
				f.String("listen", "127.0.0.1:0", "where gdb connects, on this host; - is stdin and stdout")
				f.String("connect", "", "be gdb's connection to the fishplate tenant gdb that waits there")
				f.String("token", "", "what that one printed")
			},
		},
	}
}

// interrupted runs f until it ends or Ctrl-C comes, which is no failure.
func (c *call) interrupted(f func(ctx context.Context) error) error {
	ctx, stop := signal.NotifyContext(c.ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := f(ctx)
	if ctx.Err() != nil && c.ctx.Err() == nil {
		return nil
	}
	return err
}

func runTenantLogs(c *call) error {
	lines, err := c.flags.GetInt("lines")
	if err != nil || lines < 0 {
		return usagef("tenant logs: -n is a number of lines")
	}
	return c.interrupted(func(ctx context.Context) error {
		err := c.client().TenantLogs(ctx, c.args[0], c.flag("follow"), lines, func(l tenant.Line) error {
			if c.flag("json") {
				return json.NewEncoder(c.stdout).Encode(l) // a line each
			}
			return show.Line(c.stdout, &l)
		})
		return refused("tenant logs", err)
	})
}

func runTenantRecords(c *call) error {
	if len(c.args) == 1 {
		if c.flags.Changed("output") {
			return usagef("tenant records: -o goes with ID")
		}
		list, err := c.client().TenantRecords(c.ctx, c.args[0])
		if err != nil {
			return refused("tenant records", err)
		}
		return write(c, list, show.Records)
	}
	rec, err := c.client().TenantRecord(c.ctx, c.args[0], c.args[1])
	if err != nil {
		return refused("tenant records", err)
	}
	return c.keep(rec, filepath.Base(c.args[1])+".calls")
}

// keep writes what was fetched to the file of -o.
func (c *call) keep(text []byte, name string) error {
	if to := c.text("output"); to != "" {
		name = to
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.stdout, "%s: %s\n", name, show.Count(len(text), "byte"))
	return err
}

func runTenantReplay(c *call) error {
	r := desk.Replay{
		Trace: c.flag("trace"), GDB: c.text("gdb"), Entry: c.text("entry"), JSON: c.flag("json"),
		Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr,
	}
	var err error
	if r.NoJIT, err = c.noJIT("tenant replay"); err != nil {
		return err
	}
	if len(c.args) == 1 {
		r.Recording, err = file.Read(c.args[0], 1<<30)
	} else {
		r.Recording, err = c.client().TenantRecord(c.ctx, c.args[0], c.args[1])
	}
	if err != nil {
		return refused("tenant replay", err)
	}
	if to := c.text("save"); to != "" {
		if err := os.WriteFile(to, r.Recording, 0o600); err != nil {
			return fmt.Errorf("keep recording: %w", err)
		}
	}
	if path := c.text("program"); path != "" {
		if r.Program, err = c.compile(path); err != nil {
			return err
		}
		r.Name = filepath.Base(path)
	}
	ctx, stop := signal.NotifyContext(c.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return ended(r.Do(ctx))
}

func runTenantProfile(c *call) error {
	d, err := time.ParseDuration(c.text("for"))
	if err != nil || d <= 0 {
		return usagef("tenant profile: --for is a time such as 10s, not %q", c.text("for"))
	}
	text, err := c.client().TenantProfile(c.ctx, c.args[0], d)
	if err != nil {
		return refused("tenant profile", err)
	}
	return c.keep(text, strings.ReplaceAll(c.args[0], string(filepath.Separator), "_")+".pprof")
}

func runTenantGDB(c *call) error {
	wait, err := time.ParseDuration(c.text("wait"))
	if err != nil || wait <= 0 {
		return usagef("tenant gdb: --wait is a time such as 10m, not %q", c.text("wait"))
	}
	ctx, stop := signal.NotifyContext(c.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if at := c.text("connect"); at != "" {
		if len(c.args) > 0 {
			return usagef("tenant gdb: --connect takes no NAME")
		}
		return desk.ConnectRemote(ctx, at, c.text("token"), c.stdin, c.stdout)
	}
	if len(c.args) == 0 {
		return usagef("tenant gdb: NAME is missing")
	}
	o := tenant.AttachOptions{Where: c.text("where"), Entry: c.text("entry"), Wait: wait}
	r := desk.Remote{
		Dial:   func(ctx context.Context) (io.ReadWriteCloser, error) { return c.client().TenantGDB(ctx, c.args[0], o) },
		Listen: c.text("listen"), Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr,
	}
	err = r.Do(ctx)
	if ctx.Err() != nil && c.ctx.Err() == nil {
		return exit{code: 130}
	}
	return refused("tenant gdb", err)
}
