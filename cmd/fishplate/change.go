package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"fishplate/cmd/fishplate/process"
	"fishplate/cmd/fishplate/show"
	"fishplate/internal/admin"
	"fishplate/internal/config"
	"fishplate/internal/control"
)

func runPlan(c *call) error {
	path, err := absolute(c.args[0])
	if err != nil {
		return err
	}
	p, err := c.client().Plan(c.ctx, path)
	if err != nil {
		return err
	}
	return c.printPlan(p)
}

// printPlan prints a difference; the exit code says whether there is one.
func (c *call) printPlan(p control.Plan) (err error) {
	if c.flag("json") {
		err = c.printJSON(p)
	} else {
		show.Problems(c.stderr, p.Errors, p.Warnings)
		if len(p.Errors) == 0 {
			err = show.Changes(c.stdout, p)
		}
	}
	switch {
	case err != nil:
		return err
	case len(p.Errors) > 0:
		return exit{code: exitRefused}
	case len(p.Changes) > 0:
		return exit{code: exitChanges}
	}
	return nil
}

func runApply(c *call) error {
	path, err := absolute(c.args[0])
	if err != nil {
		return err
	}
	q := admin.ChangeRequest{Path: path, Canary: c.text("canary"), Force: c.flag("force")}
	if q.Canary == "" {
		if c.flags.Changed("for") || c.flags.Changed("until") {
			return usagef("apply: --for and --until go with --canary")
		}
		return c.change("apply", q)
	}
	d, err := config.Duration(c.text("for"))
	if err != nil || d <= 0 {
		return usagef("apply: --for is a time such as 5m, not %q", c.text("for"))
	}
	q.For, q.Until = d.String(), c.text("until")
	return c.change("apply", q)
}

func runReload(c *call) error {
	return c.change("reload", admin.ChangeRequest{Force: c.flag("force")})
}

// change asks for a transaction and prints what it did.
func (c *call) change(what string, q admin.ChangeRequest) error {
	var err error
	q.Comment = c.text("comment")
	if q.Match, err = c.flags.GetUint64("match"); err != nil {
		return err
	}
	if c.flags.Lookup("confirm") != nil && c.text("confirm") != "" {
		d, err := config.Duration(c.text("confirm"))
		if err != nil || d <= 0 {
			return usagef("%s: --confirm is a time such as 60s, not %q", what, c.text("confirm"))
		}
		q.Confirm = d.String()
	}
	r, err := c.client().Change(c.ctx, what, q)
	if err != nil {
		return err
	}
	if err := c.outcome(r); err != nil || q.Confirm == "" || !r.Committed || c.flag("json") {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, "it is undone in %s, unless: fishplate confirm\n", c.text("confirm"))
	return err
}

// outcome prints what a transaction did.
func (c *call) outcome(r control.Result) error {
	if c.flag("json") {
		if err := c.printJSON(r); err != nil {
			return err
		}
	} else {
		show.Problems(c.stderr, r.Errors, r.Warnings)
	}
	if len(r.Errors) > 0 {
		if !c.flag("json") {
			fmt.Fprintf(c.stderr, "refused: generation %d serves on\n", r.Generation)
		}
		if r.Busy {
			return exit{code: exitBusy}
		}
		return exit{code: exitRefused}
	}
	if c.flag("json") {
		return nil
	}
	if r.Canary != 0 {
		return c.tried(r)
	}
	if !r.Committed {
		_, err := fmt.Fprintf(c.stdout, "nothing to do: generation %d is the same\n", r.Generation)
		return err
	}
	if len(r.Changes) > 0 {
		if err := show.Changes(c.stdout, r.Plan); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(c.stdout, "generation %d committed in %.0f ms\n", r.Generation, r.Seconds*1000)
	return err
}

// tried prints that a trial begins, or ends for nobody.
func (c *call) tried(r control.Result) error {
	if len(r.Changes) == 0 {
		_, err := fmt.Fprintf(c.stdout, "change %d is undone: generation %d serves all\n", r.Canary, r.Generation)
		return err
	}
	if err := show.Changes(c.stdout, r.Plan); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.stdout, "change %d serves %s of the clients for %s; then all, if %s, or none\nsooner: fishplate confirm (all), fishplate rollback (none)\n",
		r.Canary, c.text("canary"), c.text("for"), c.text("until"))
	return err
}

func runConfirm(c *call) error {
	r, err := c.client().Confirm(c.ctx)
	if err != nil {
		return refused("confirm", err)
	}
	if c.flag("json") {
		return c.printJSON(r)
	}
	_, err = fmt.Fprintf(c.stdout, "change %d stays\n", r.ID)
	return err
}

// idOf reads the optional ID of a change; 0 is none.
func (c *call) idOf(verb string) (uint64, error) {
	if len(c.args) == 0 {
		return 0, nil
	}
	id, err := strconv.ParseUint(c.args[0], 10, 64)
	if err != nil || id == 0 {
		return 0, usagef("%s: the ID of a change is a number, not %q: fishplate history lists them", verb, c.args[0])
	}
	return id, nil
}

func runRollback(c *call) error {
	id, err := c.idOf("rollback")
	if err != nil {
		return err
	}
	return c.change("rollback", admin.ChangeRequest{ID: id})
}

func runHistory(c *call) error {
	most, err := c.flags.GetInt("lines")
	if err != nil || most < 0 {
		return usagef("history: -n is a number of changes")
	}
	list, err := c.client().History(c.ctx)
	if err != nil {
		return err
	}
	if most > 0 && len(list) > most {
		list = list[:most]
	}
	return write(c, list, show.History)
}

func runDiff(c *call) error {
	sides, compare := slices.Clone(c.args), process.Compare
	for i, side := range sides {
		if _, err := strconv.ParseUint(side, 10, 64); err == nil || side == "running" {
			compare = c.client().Compare // only the process has it
		} else if sides[i], err = absolute(side); err != nil {
			return err
		}
	}
	p, err := compare(c.ctx, sides[0], sides[1])
	if err != nil {
		return err
	}
	return c.printPlan(p)
}

func runExport(c *call) error {
	id, err := c.idOf("export")
	if err != nil {
		return err
	}
	text, err := c.client().Export(c.ctx, id)
	if err != nil {
		return refused("export", err)
	}
	_, err = c.stdout.Write(text)
	return err
}

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
		group := verb{name: e.kind, short: "Change, add or remove a " + e.kind + " of what runs"}
		for _, op := range []struct{ name, short, example string }{
			{"set", "Change a " + e.kind + " of what runs", e.set}, {"add", "Add a " + e.kind + " to what runs", e.add}, {"remove", "Remove a " + e.kind + " from what runs", e.remove},
		} {
			v := verb{
				name: e.kind + " " + op.name, form: e.key + " NAME=VALUE… [--comment TEXT] [--confirm D] [--match N] [--json]", min: 2, max: 64, live: true,
				short: op.short, example: "fishplate " + e.kind + " " + op.name + " " + op.example,
				long: strings.TrimSpace("NAME is an attribute as in the configuration, or BLOCK.NAME; quotes may be left out, and NAME= takes it away. The change is\n" +
					"kept in the history and outlives the process, until the files change. " + e.long),
				flags: changeFlags,
				run:   func(c *call) error { return runEdit(c, op.name, e.kind) },
			}
			switch op.name {
			case "add":
				v.form, v.min = e.key+" NAME=VALUE… [--before NAME] [--comment TEXT] [--confirm D] [--match N] [--json]", 1
				v.flags = func(f *pflag.FlagSet) {
					changeFlags(f)
					f.String("before", "", "stand before that one; else the last")
				}
			case "remove":
				v.form, v.min, v.max = e.key+" [--comment TEXT] [--confirm D] [--match N] [--json]", 1, 1
				v.long = "Its requests finish. The change is kept in the history and outlives the process, until the files change."
			}
			group.sub = append(group.sub, v)
		}
		list = append(list, group)
	}
	return append(list, verb{
		name: "drain", form: "BACKEND/SERVER [--wait] [--comment TEXT] [--confirm D] [--match N] [--json]", min: 1, max: 1, live: true,
		short: "Give a server no new sessions",
		long: "Short for server set BACKEND/SERVER state=drain. Its requests finish; fishplate status shows what is left. With --wait the\n" +
			"command ends when nothing is: no request, and no session in the table of its persistence. Cookies that\n" +
			"the server's clients hold are in no table: of those, status says that their number is unknown.",
		example: "fishplate drain app/a --wait",
		flags: func(f *pflag.FlagSet) {
			changeFlags(f)
			f.Bool("wait", false, "until its requests and sessions have ended")
		},
		run: func(c *call) error {
			e := &config.Edit{Op: "set", Kind: "server", Key: c.args[0], Values: []config.EditValue{{Name: "state", Text: "drain"}}}
			if err := c.change("edit", admin.ChangeRequest{Edit: e}); err != nil || !c.flag("wait") {
				return err
			}
			return c.awaitDrained(c.args[0])
		},
	})
}

// awaitDrained returns when a server has no request and no session.
func (c *call) awaitDrained(key string) error {
	backend, server, _ := strings.Cut(key, "/")
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		st, err := c.client().Status(c.ctx)
		if err != nil || !busy(st, backend, server) {
			return err
		}
		select {
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-look.C:
		}
	}
}

// busy reports whether a server of that name has requests or sessions.
func busy(st admin.Status, backend, server string) bool {
	for _, b := range st.Backends {
		for _, s := range b.Servers {
			if b.Name == backend && s.Name == server && (s.Active > 0 || s.Sessions != nil && *s.Sessions > 0) {
				return true
			}
		}
	}
	return false
}

func runEdit(c *call, op, kind string) error {
	e := &config.Edit{Op: op, Kind: kind, Key: c.args[0]}
	for _, word := range c.args[1:] {
		name, text, ok := strings.Cut(word, "=")
		if !ok {
			return usagef("%s %s: %q is not NAME=VALUE", kind, op, word)
		}
		e.Values = append(e.Values, config.EditValue{Name: name, Text: text})
	}
	if op == "add" {
		e.Before = c.text("before")
	}
	return c.change("edit", admin.ChangeRequest{Edit: e})
}
