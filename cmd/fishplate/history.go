package main

import (
	"fmt"
	"strconv"

	"fishplate/cmd/fishplate/show"
	"fishplate/internal/admin"
)

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
	if c.flag("json") {
		return c.printJSON(list)
	}
	return show.History(c.stdout, list)
}

func runDiff(c *call) error {
	sides := [2]string{}
	for i, side := range c.args {
		sides[i] = side
		if _, err := strconv.ParseUint(side, 10, 64); err == nil || side == "running" {
			continue
		}
		path, err := absolute(side)
		if err != nil {
			return err
		}
		sides[i] = path
	}
	p, err := c.client().Compare(c.ctx, sides[0], sides[1])
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
