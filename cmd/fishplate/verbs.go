package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/pflag"

	"fishplate/cmd/fishplate/binder"
	"fishplate/cmd/fishplate/checkup"
	"fishplate/cmd/fishplate/measure"
	"fishplate/cmd/fishplate/process"
	"fishplate/sdk/examples"
)

// verbs returns the table, in the order of help.
func verbs() []verb {
	return slices.Concat(serveVerbs(), changeVerbs(), upgradeVerbs(), editVerbs(), seeVerbs(), cacheVerbs(), tenantVerbs(), demoVerbs(), guestVerbs(), benchVerbs(), deskVerbs())
}

// changeVerbs are about configurations and what runs.
func changeVerbs() []verb {
	return []verb{
		{
			name: "check", form: "FILE|DIR [--no-programs] [--json]", min: 1, max: 1, run: runCheck,
			short: "Print every error and warning of a configuration",
			long: "Each is printed as file:line:col with the line, a caret and a suggestion. Warnings alone are no failure. FILE may be a tenants file.\n\n" +
				"When the text is in order tenants' programs are compiled, started and warmed up, as serve does: what keeps one from starting is told,\n" +
				"and each regular expression that RE2 cannot match, which costs the tenant more.",
			example: "fishplate check /etc/fishplate\nfishplate check site.hcl --json",
			flags: func(f *pflag.FlagSet) {
				jsonFlag(f)
				f.Bool("no-programs", false, "do not compile and start the tenants' programs")
			},
		},
		{
			name: "plan", form: "FILE|DIR [--json]", min: 1, max: 1, live: true, run: runPlan,
			short:   "Compare a configuration with what runs, and say what each change disturbs",
			example: "fishplate plan site.hcl",
			exits:   "0 there are no changes, 2 there are changes, 1 it would be refused.",
			flags:   jsonFlag,
		},
		{
			name: "apply", form: "FILE|DIR [--comment TEXT] [--confirm D] [--canary P [--for D] [--until EXPR]] [--match N] [--force] [--json]", min: 1, max: 1, live: true, run: runApply,
			short: "Plan, prepare and commit a configuration",
			long: "Returns after the commit or the refusal. A refused configuration changes nothing. With --confirm the change is undone after\n" +
				"that time unless fishplate confirm was called: also when whoever made it cannot reach the process any more.\n" +
				"With --canary it serves that share of the clients first, and then all or none of them, as --until says.",
			example: "fishplate apply site.hcl --comment 'more weight for b'\nfishplate apply site.hcl --confirm 60s && curl -f http://shop.example/ && fishplate confirm\n" +
				"fishplate apply site.hcl --canary 10% --for 5m --until 'errors < 1% && p99 < 250ms'",
			flags: func(f *pflag.FlagSet) {
				changeFlags(f)
				f.Bool("force", false, "also in place of a change that was not confirmed and cannot be gone back from")
				f.String("canary", "", "try it with this share of the clients")
				f.String("for", "5m", "decide after that time")
				f.String("until", "errors < 1%", "commit it if this holds: errors, p99 and requests, compared, joined by &&")
			},
		},
		{
			name: "reload", form: "[--comment TEXT] [--confirm D] [--match N] [--force] [--json]", live: true, run: runReload,
			short: "Apply the path that serve was started with",
			long: "The same as SIGHUP, but with an answer: it returns after the commit or the refusal. After a rollback the files hold what\n" +
				"was gone back from: then it wants --force.",
			example: "fishplate reload",
			flags: func(f *pflag.FlagSet) {
				changeFlags(f)
				f.Bool("force", false, "undo a rollback")
			},
		},
		{
			name: "confirm", form: "[--json]", live: true, run: runConfirm,
			short:   "Make the change that waits for it stay",
			example: "fishplate confirm",
			exits:   "3 none waits, or its time was over.",
			flags:   jsonFlag,
		},
		{
			name: "rollback", form: "[ID] [--comment TEXT] [--confirm D] [--match N] [--json]", max: 1, live: true, run: runRollback,
			short: "Make an earlier configuration run again",
			long: "What ran after the change with that ID runs again; without ID, what ran before the last change. It is a change of its own,\n" +
				"which can be rolled back. The files that serve reads stay as they are.",
			example: "fishplate rollback\nfishplate rollback 17 --comment 'as on Friday'",
			flags:   changeFlags,
		},
		{
			name: "history", form: "[-n N] [--json]", live: true, run: runHistory,
			short:   "List the changes, the newest first",
			long:    "They are kept in the state folder and outlive the process: the last 1,000.",
			example: "fishplate history -n 5",
			flags: func(f *pflag.FlagSet) {
				jsonFlag(f)
				f.IntP("lines", "n", 20, "at most so many; 0 is all")
			},
		},
		{
			name: "diff", form: "A B [--json]", min: 2, max: 2, live: true, run: runDiff,
			short:   "Compare two configurations",
			long:    "Each is \"running\", the ID of a change, or a file or folder. Two files are compared without a process.",
			example: "fishplate diff running site.hcl\nfishplate diff 17 running",
			exits:   "0 they mean the same, 2 they differ, 1 one of them cannot be read.",
			flags:   jsonFlag,
		},
		{
			name: "export", form: "[ID]", max: 1, live: true, run: runExport,
			short: "Print the running configuration, or an earlier one, as one file",
			long: "It holds the changes made by the API, joins all files, names files by absolute paths and has the values of locals and of\n" +
				"the environment. Applying it changes nothing.",
			example: "fishplate export > site.hcl\nfishplate export 17 | diff - site.hcl",
		},
	}
}

// changeFlags are those of every transaction.
func changeFlags(f *pflag.FlagSet) {
	jsonFlag(f)
	f.String("comment", "", "why, for the history")
	f.String("confirm", "", "undo the change after this time unless fishplate confirm is called")
	f.Uint64("match", 0, "only when this generation runs")
}

// seeVerbs show what a running process does.
func seeVerbs() []verb {
	return []verb{
		{
			name: "status", form: "[--json]", live: true, run: runStatus,
			short:   "Show the running generation and everything that stands on it",
			example: "fishplate status\nfishplate status --json | jq '.backends[].servers[] | select(.state != \"up\")'",
			flags:   jsonFlag,
		},
		{
			name: "top", form: "[--interval D]", live: true, run: runTop,
			short:   "Requests per second by vhost, backend, server and tenant, as they change",
			long:    "On a terminal: Tab changes the table, q ends. In a pipe it prints one snapshot over one interval.",
			example: "fishplate top",
			flags: func(f *pflag.FlagSet) {
				f.String("interval", "1s", "time between two looks")
			},
		},
		{
			name: "log", form: "[--follow] [--where EXPR] [--format json|text] [-n N]", live: true, run: runLog,
			short: "Print the access log of the running process",
			long: "Prints the lines that the process remembers, and with --follow those to come. EXPR is a predicate as in a route's\n" +
				"when, over method, host, path, client.ip, status, duration (seconds), vhost, route, backend, server.name and\n" +
				"tenant.name.",
			example: "fishplate log --follow --where 'status >= 500'\nfishplate log --where 'vhost == \"shop\" && duration > 0.5' --format text",
			flags: func(f *pflag.FlagSet) {
				f.BoolP("follow", "f", false, "go on with new lines")
				f.String("where", "", "print only lines for which this predicate is true")
				f.String("format", "json", "json or text")
				f.IntP("lines", "n", 1000, "at most so many lines of the past")
			},
		},
		{
			name: "explain", form: "METHOD URL [-H 'K: V']… [--client IP] [--config FILE] [--json]", min: 2, max: 2, live: true, run: runExplain,
			short: "Say where a request would go, and why, without sending it",
			long: "Prints every route that was tried with the value of each part of its predicate, the balancer's candidates and why each\n" +
				"is in or out, persistence and limits: of the running process, or with --config of a file. Of a file every server that it\n" +
				"names counts as healthy: nothing is probed, and no name is looked up.",
			example: "fishplate explain GET https://shop.example/cart -H 'Cookie: beta=1' --client 10.1.2.3\nfishplate explain GET http://shop.example/ --config new.hcl",
			flags: func(f *pflag.FlagSet) {
				jsonFlag(f)
				f.StringArrayP("header", "H", nil, "a header field, \"Name: value\"; may be repeated")
				f.String("client", "127.0.0.1", "the client's address")
				f.String("config", "", "ask this configuration instead of the running process")
			},
		},
	}
}

// benchVerbs measure.
func benchVerbs() []verb {
	names, list := measure.Workloads()
	return []verb{{
		name: "bench", form: "WORKLOAD [--loopback|--server ADDR] [-c N|--rate R] [--duration D] [--single-acceptor] [--backlog N] [--json] [--plot F]",
		min: 1, max: 1, words: names, flags: measure.Flags,
		short: "Measure a server, and say what bounds the result",
		long: list + "\n\nMeasures until the mean is known to ±2.5 %, and prints it with its interval, latencies, the processor time that each side\n" +
			"used for a transaction, what the kernel counted, and a diagnosis that cites these numbers. With -c each connection begins\n" +
			"anew when it has its answer: that finds the capacity. With --rate transactions are due at fixed times, and latencies count\n" +
			"from then: that finds what clients feel.",
		example: "fishplate bench accept --loopback --single-acceptor --backlog 128\nfishplate bench crr -c 1\nfishplate bench http-close --server 10.0.0.7:80 --rate 5000 --json",
		run:     func(c *call) error { return benchError(measure.Run(c.ctx, c.args[0], c.flags, c.desk())) },
		sub: []verb{
			{
				name: "bench server", form: "WORKLOAD [--bind ADDR] [--single-acceptor] [--backlog N] [--plain] [--json]", min: 1, max: 1,
				short:   "Serve a workload's other side, to be measured from another machine",
				example: "fishplate bench server crr --bind 0.0.0.0:7777",
				words:   names, flags: measure.ServerFlags,
				run: func(c *call) error { return benchError(measure.Serve(c.ctx, c.args[0], c.flags, c.desk())) },
			},
			{
				name: "bench compare", form: "A B [--ab [--pairs N]] [--json]", min: 2, max: 2, flags: measure.CompareFlags,
				short: "Compare two saved results, or two commands",
				long: "Each is what bench --json wrote. They must have measured the same, or they are refused: the workload, the connections, the\n" +
					"rate, the client's options. Servers, their options and machines may differ, and are listed. With --ab: commands.",
				example: "fishplate bench compare a.json b.json\nfishplate bench compare --ab 'accept --single-acceptor' accept",
				run:     func(c *call) error { return benchError(measure.Compare(c.ctx, c.args, c.flags, c.desk())) },
			},
			{
				name: "bench ab", form: "CMD1 CMD2 [--pairs N] [--json]", min: 2, max: 2, flags: measure.PairFlags,
				short: "Run two commands in turn, and compare them in pairs",
				long: "What drifts over minutes drops out of each pair. A command that begins with a workload is one of bench's; every other one\n" +
					"is the shell's. A command that writes a result of bench is judged by its figures, every other one by the time it took.",
				example: "fishplate bench ab 'accept --single-acceptor' accept\nfishplate bench ab './old < input' './new < input' --pairs 20",
				run:     func(c *call) error { return benchError(measure.AB(c.ctx, c.args[0], c.args[1], c.flags, c.desk())) },
			},
		},
	}}
}

func (c *call) desk() measure.Desk {
	serve := func(ctx context.Context, path string, log io.Writer, ready func(address string)) error {
		s := c.serving(path, func(p *process.Process) { ready(p.Addresses()["web"][0]) })
		s.ctx, s.stderr = ctx, log
		return runServe(s)
	}
	return measure.Desk{In: c.stdin, Out: c.stdout, Err: c.stderr, Terminal: isTerminal(c.stderr), Version: version(), Program: examples.Hello, Serve: serve}
}

// benchError tells a wrong command line from what failed.
func benchError(err error) error {
	var usage *measure.UsageError
	if errors.As(err, &usage) {
		return exit{exitUsage, usage}
	}
	return err
}

// deskVerbs need no running process.
func deskVerbs() []verb {
	return []verb{
		{
			name: "doctor", run: runDoctor, flags: checkup.Flags,
			form: checkup.Form, short: "Say what of this machine costs connections, and who can mend it",
			long: checkup.Long, example: checkup.Example, exits: checkup.Exits,
		},
		{
			name: "completion", form: "bash|zsh|fish|powershell", min: 1, max: 1, run: runCompletion,
			words:   []string{"bash", "zsh", "fish", "powershell"},
			short:   "Print the completion script of a shell",
			example: "fishplate completion bash > /etc/bash_completion.d/fishplate",
		},
		{
			name: "man", run: runMan,
			short:   "Print the manual page",
			example: "fishplate man > /usr/local/share/man/man8/fishplate.8",
		},
		{
			name: "version", form: "[--json]", run: runVersion,
			short:   "Print the version",
			example: "fishplate version",
			flags:   jsonFlag,
		},
		{
			name: "gen", form: "DIR", min: 1, max: 1, hidden: true, run: runGen,
			short:   "Write the generated pages of docs/reference into a folder",
			example: "fishplate gen docs/reference",
		},
		{
			name: binder.Verb, hidden: true, short: "Open ports below 1024 for serve, which starts this", example: "fishplate binder",
			run: func(*call) error { return binder.Run() },
		},
	}
}

func jsonFlag(f *pflag.FlagSet) { f.Bool("json", false, "print JSON") }

func runVersion(c *call) error {
	if c.flag("json") {
		return c.printJSON(map[string]string{"version": version()})
	}
	_, err := fmt.Fprintln(c.stdout, "fishplate", version())
	return err
}

func runDoctor(c *call) error {
	code, err := checkup.Run(c.ctx, c.flags, checkup.Output{Out: c.stdout, Err: c.stderr, Color: colored(c.stdout)})
	if errors.As(err, &checkup.Usage{}) {
		code = exitUsage
	}
	if code == exitDone {
		return err
	}
	return exit{code: code, err: err}
}

func runCompletion(c *call) error {
	root := newRoot(verbs(), c.stdin, c.stdout, c.stderr)
	switch c.args[0] {
	case "bash":
		return root.GenBashCompletionV2(c.stdout, true)
	case "zsh":
		return root.GenZshCompletion(c.stdout)
	case "fish":
		return root.GenFishCompletion(c.stdout, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(c.stdout)
	}
	return usagef("completion: unknown shell %q: bash, zsh, fish or powershell", c.args[0])
}
