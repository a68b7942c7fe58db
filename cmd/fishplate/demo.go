package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"fishplate/cmd/fishplate/process"
	"fishplate/sdk/examples"
)

//go:embed demo.hcl
var demoConfig string

func demoVerbs() []verb {
	return []verb{{
		name: "demo", form: "[--bind ADDR] [--print-config]", run: runDemo,
		short:   "Run a small site with origins and tenants of its own, and say what to try",
		long:    "Three origins run in the process; two tenants' programs and the configuration are part of the binary. Ctrl-C ends it.",
		example: "fishplate demo\nfishplate demo --print-config",
		flags: func(f *pflag.FlagSet) {
			f.String("bind", "127.0.0.1:8080", "address of the listener")
			f.Bool("print-config", false, "print the configuration and end")
		},
	}}
}

// runDemo writes the embedded files into a folder of its own, starts the
// origins, and serves.
func runDemo(c *call) error {
	bind := c.text("bind")
	if c.flag("print-config") {
		_, err := io.WriteString(c.stdout, demoText(bind, "/tmp/demo", "/tmp/demo/admin.sock", [4]string{"127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003", "127.0.0.1:9180"}))
		return err
	}
	dir, err := os.MkdirTemp("", "fishplate-demo")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(dir)
	var addresses [4]string // of the origins, and of /metrics
	for i, name := range []string{"app-1", "app-2", "canary-1"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("start origin %s: %w", name, err)
		}
		addresses[i] = l.Addr().String()
		origin := &http.Server{Handler: demoOrigin(name)}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = origin.Serve(l) // ends with Close
		}()
		defer func() { _ = origin.Close(); <-done }()
	}
	if addresses[3], err = freeAddress(); err != nil {
		return err
	}
	socket := os.Getenv("FISHPLATE_SOCKET")
	if socket == "" {
		socket = filepath.Join(dir, "admin.sock")
	}
	path := filepath.Join(dir, "demo.hcl")
	err = errors.Join(
		os.WriteFile(path, []byte(demoText(bind, dir, socket, addresses)), 0o600),
		os.WriteFile(filepath.Join(dir, "hello.elf"), examples.Hello, 0o600),
		os.WriteFile(filepath.Join(dir, "shop.elf"), examples.Shop, 0o600),
	)
	if err != nil {
		return fmt.Errorf("write demo: %w", err)
	}
	s := c.serving(path, func(p *process.Process) { c.invite(p, path) })
	s.bound = "this is the demo, whose servers and files end with it: what fishplate serve runs can be upgraded"
	return runServe(s)
}

// freeAddress returns a loopback address whose port is free at the moment.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// serving returns the call of the verb serve for that path.
func (c *call) serving(path string, ready func(*process.Process)) *call {
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	serveVerbs()[0].flags(flags)
	return &call{ctx: c.ctx, args: []string{path}, flags: flags, stdin: c.stdin, stdout: c.stdout, stderr: c.stderr, ready: ready}
}

func demoText(bind, dir, socket string, addresses [4]string) string {
	return strings.NewReplacer(
		"@BIND@", bind, "@DIR@", dir, "@SOCKET@", socket, "@METRICS@", addresses[3],
		"@APP1@", addresses[0], "@APP2@", addresses[1], "@CANARY@", addresses[2],
	).Replace(demoConfig)
}

// demoOrigin answers with its own name and the request as it arrived.
func demoOrigin(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("X-Origin", name)
		fmt.Fprintf(w, "I am %s. You asked for %s %s of %s.\n", name, r.Method, r.URL.RequestURI(), r.Host)
		var fields strings.Builder
		_ = r.Header.Write(&fields) // a strings.Builder takes every write
		fmt.Fprint(w, strings.ReplaceAll(fields.String(), "\r\n", "\n"))
	})
}

// attempt is one thing to try in the demo.
type attempt struct{ args, shows string }

func demoAttempts() []attempt {
	return []attempt{
		{"URL/", "balancing: repeat it, app-1 and app-2 answer in turn"},
		{"URL/new/thing", "switching by path: the canary answers"},
		{"-H 'Cookie: group=canary' URL/", "switching by cookie: the same path, another backend"},
		{"-H 'Host: hello.example' -H 'X-Name: you' URL/hello", "by host, to a tenant: its C program makes the page itself"},
		{"-H 'Host: shop.example' URL/api/product/42", "another tenant: its C++ program answers its API with JSON"},
		{"-i -H 'Host: shop.example' -H 'Cookie: beta=1' URL/", "the C++ program chooses the canary, and edits both ways: see X-Shop-Group and X-Shop"},
		{"-i URL/cached/page", "the cache: ask twice, and look at Age and Cache-Status"},
	}
}

// invite prints what to try, once the listener answers.
func (c *call) invite(p *process.Process, path string) {
	url := c.text("bind")
	if open := p.Addresses()["web"]; len(open) > 0 {
		url = open[0]
	}
	url = "http://" + url
	self := invocation()
	socket, metrics := p.Admin()
	w := c.stdout
	fmt.Fprintf(w, "\nThe demo serves on %s with %s\nIts dashboard is at http://%s/\n\nTry:\n", url, path, metrics)
	for i, a := range demoAttempts() {
		fmt.Fprintf(w, "\n %d. %s:\n    curl %s\n", i+1, a.shows, strings.ReplaceAll(a.args, "URL", url))
	}
	fmt.Fprintf(w, "\nThen look, from another terminal:\n\n    export FISHPLATE_SOCKET=%s\n", socket)
	for _, l := range [][2]string{
		{self + " status", "everything that runs"},
		{self + " log", "each request with the time that every step took"},
		{self + " explain GET " + url + "/ -H 'Cookie: group=canary'", "why a request goes where"},
		{self + " explain GET " + url + "/cached/page", "what the cache has for it, and the arithmetic of its age"},
		{self + " purge --tag demo", "and it is forgotten"},
		{"curl http://" + metrics + "/metrics", "every counter"},
		{self + " top", "requests per second, as they change"},
		{"$EDITOR " + path + "; " + self + " plan " + path + "; " + self + " reload", "a change, and what it disturbs"},
	} {
		fmt.Fprintf(w, "    %s\n        %s\n", l[0], l[1])
	}
	fmt.Fprintln(w, "\nCtrl-C ends it.")
}

// invocation returns how this program was called, so that what is printed can
// be pasted: a binary that is on no PATH is named with its folder.
func invocation() string {
	if name := os.Args[0]; strings.HasSuffix(name, "fishplate") {
		return name
	}
	return "fishplate"
}
