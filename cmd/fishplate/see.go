package main

import (
	"fmt"
	"os/signal"
	"syscall"

	"fishplate/cmd/fishplate/show"
	"fishplate/internal/admin"
)

func runStatus(c *call) error {
	if c.flag("json") {
		raw, err := c.client().RawStatus(c.ctx)
		if err != nil {
			return err
		}
		return c.printJSON(raw)
	}
	s, err := c.client().Status(c.ctx)
	if err != nil {
		return err
	}
	return show.Status(c.stdout, &s)
}

func runLog(c *call) error {
	format := c.text("format")
	if format != "json" && format != "text" {
		return usagef("log: --format is json or text, not %q", format)
	}
	lines, err := c.flags.GetInt("lines")
	if err != nil || lines < 0 {
		return usagef("log: -n is a number of lines")
	}
	// Ctrl-C ends --follow as a reader who has seen enough: that is no failure.
	ctx, stop := signal.NotifyContext(c.ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	q := admin.LogRequest{Follow: c.flag("follow"), Where: c.text("where"), Format: format, Lines: lines}
	err = c.client().Log(ctx, q, func(line []byte) error {
		_, err := fmt.Fprintf(c.stdout, "%s\n", line)
		return err
	})
	if ctx.Err() != nil && c.ctx.Err() == nil {
		return nil
	}
	return err
}
