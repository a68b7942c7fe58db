package main

import (
	"strings"

	"github.com/spf13/pflag"

	"fishplate/internal/admin"
	"fishplate/internal/config/revise"
)

// edited are the kinds of which one thing is changed at a time, with what a
// person writes of each.
var edited = []struct{ kind, key, set, add, remove, long string }{
	{"server", "BACKEND/SERVER", "app/a weight=50 state=drain", "app/c address=10.0.0.3:80", "app/c", "state is drain, maintenance, or nothing."},
	{"route", "VHOST/ROUTE", "shop/img 'when=header(\"X\") == \"1\"'", "shop/img 'path=/img/*' backend=app --before all", "shop/img", "Routes are tried in their order."},
	{"vhost", "NAME", "blog hosts=blog.example,www.blog.example", "blog hosts=blog.example backend=app", "blog", ""},
	{"backend", "NAME", "app balance=ewma timeouts.connect=2s", "static servers=10.0.0.8:80,10.0.0.9:80", "static", ""},
	{"certificate", "NAME", "shop cert=/etc/ssl/new.pem key=/etc/ssl/new.key", "blog cert=/etc/ssl/blog.pem key=/etc/ssl/blog.key", "blog", ""},
}

// editVerbs change one thing of what runs. Each is a transaction like any other.
func editVerbs() []verb {
	var list []verb
	for _, e := range edited {
		for _, op := range []string{"set", "add", "remove"} {
			v := verb{
				name: e.kind + " " + op, form: e.key + " NAME=VALUE… [--comment TEXT] [--confirm D] [--match N] [--json]", min: 2, max: 64, live: true,
				short: map[string]string{"set": "Change a " + e.kind + " of what runs", "add": "Add a " + e.kind + " to what runs", "remove": "Remove a " + e.kind + " from what runs"}[op],
				long: strings.TrimSpace("NAME is an attribute as in the configuration, or BLOCK.NAME; quotes may be left out, and NAME= takes it away. The change is\n" +
					"kept in the history and outlives the process, until the files change. " + e.long),
				example: "fishplate " + e.kind + " " + op + " " + map[string]string{"set": e.set, "add": e.add, "remove": e.remove}[op],
				flags:   changeFlags,
				run:     func(c *call) error { return runEdit(c, op, e.kind) },
			}
			switch op {
			case "add":
				v.form, v.min = e.key+" NAME=VALUE… [--before NAME] [--comment TEXT] [--confirm D] [--match N] [--json]", 1
				v.flags = func(f *pflag.FlagSet) {
					changeFlags(f)
					f.String("before", "", "stand before that one; else the last")
				}
			case "remove":
				v.form, v.min, v.max = e.key+" [--comment TEXT] [--confirm D] [--match N] [--json]", 1, 1
			}
			list = append(list, v)
		}
	}
	return append(list, verb{
		name: "drain", form: "BACKEND/SERVER [--comment TEXT] [--confirm D] [--match N] [--json]", min: 1, max: 1, live: true,
		short:   "Give a server no new sessions",
		long:    "Short for server set BACKEND/SERVER state=drain. Its requests finish; fishplate status shows what is left.",
		example: "fishplate drain app/a",
		flags:   changeFlags,
		run: func(c *call) error {
			return c.change("edit", admin.ChangeRequest{Edit: &revise.Edit{Op: "set", Kind: "server", Key: c.args[0], Values: []revise.Value{{Name: "state", Text: "drain"}}}})
		},
	})
}

func runEdit(c *call, op, kind string) error {
	e := &revise.Edit{Op: op, Kind: kind, Key: c.args[0]}
	for _, word := range c.args[1:] {
		name, text, ok := strings.Cut(word, "=")
		if !ok {
			return usagef("%s %s: %q is not NAME=VALUE", kind, op, word)
		}
		e.Values = append(e.Values, revise.Value{Name: name, Text: text})
	}
	if op == "add" {
		e.Before = c.text("before")
	}
	return c.change("edit", admin.ChangeRequest{Edit: e})
}
