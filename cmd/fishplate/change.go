package main

import (
	"fmt"

	"fishplate/cmd/fishplate/show"
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
	r, err := c.client().Apply(c.ctx, path, c.text("comment"))
	if err != nil {
		return err
	}
	return c.outcome(r)
}

func runReload(c *call) error {
	r, err := c.client().Reload(c.ctx)
	if err != nil {
		return err
	}
	return c.outcome(r)
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
