package main

import (
	"fmt"

	"fishplate/cmd/fishplate/show"
	"fishplate/internal/admin"
	"fishplate/internal/config/schema"
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
	return c.change("apply", admin.ChangeRequest{Path: path})
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
		d, err := schema.Duration(c.text("confirm"))
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
		return exit{code: exitRefused}
	}
	if c.flag("json") {
		return nil
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
