package main

import (
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

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
	return printStatus(c.stdout, &s)
}

// printStatus writes the status as tables, one for each kind of thing.
func printStatus(w io.Writer, s *admin.Status) error {
	fmt.Fprintf(w, "fishplate %s, process %d, up %s, generation %d, started with %s\n",
		s.Version, s.PID, (time.Duration(s.Uptime) * time.Second), s.Generation, s.Path)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	head := func(columns ...string) { fmt.Fprintf(t, "\n%s\n", strings.Join(columns, "\t")) }
	head("LISTENER", "BIND", "TLS", "CONNECTIONS", "ACCEPTED", "REQUESTS", "REFUSED")
	for _, l := range s.Listeners {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\n", l.Name, strings.Join(l.Bind, " "), yes(l.TLS), l.Connections, l.Accepted, l.Requests, l.Refused)
	}
	head("VHOST", "HOSTS", "TENANT", "ROUTES", "REQUESTS", "5XX")
	for _, v := range s.VHosts {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\n", v.Name, orDash(strings.Join(v.Hosts, " ")), orDash(v.Tenant), len(v.Routes), v.Requests, v.Errors)
	}
	head("BACKEND", "SERVER", "ADDRESS", "STATE", "WEIGHT", "CONNECTIONS", "SESSIONS", "REQUESTS", "ERRORS")
	for _, b := range s.Backends {
		for _, v := range b.Servers {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", b.Name, v.Name, v.Address, stateText(v), v.Weight, v.Connections, v.Sessions, v.Requests, v.Errors)
		}
	}
	if len(s.Tenants) > 0 {
		head("TENANT", "STATE", "ACTIVE", "WAITING", "REQUESTS", "STOPS", "REFUSED")
		for _, n := range s.Tenants {
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n", n.Name, n.State, n.Active, n.Waiting, n.Requests, n.Stops, n.Refused)
		}
	}
	printCache(t, head, s.Cache)
	if err := t.Flush(); err != nil {
		return err
	}
	for _, d := range s.Draining {
		fmt.Fprintf(w, "\ngeneration %d drains: %s\n", d.Generation, d.Part)
	}
	for _, f := range s.Findings {
		fmt.Fprintf(w, "\n%s: %s\n", f.Severity, f.Text)
	}
	return nil
}

func stateText(s admin.ServerStatus) string {
	if s.DrainingSince != nil {
		return s.State + " since " + s.DrainingSince.Format(time.TimeOnly)
	}
	return s.State
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
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
