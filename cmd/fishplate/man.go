package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"fishplate/cmd/fishplate/notify"
)

// runMan prints the manual page, in the man(7) macros, from the table.
func runMan(c *call) error {
	_, err := io.WriteString(c.stdout, manual(verbs()))
	return err
}

func manual(rows []verb) string {
	var b strings.Builder
	b.WriteString(".TH FISHPLATE 8 \"\" \"fishplate\" \"System Administration\"\n")
	b.WriteString(".SH NAME\nfishplate \\- a multi-tenant, programmable layer-7 switch\n")
	b.WriteString(".SH SYNOPSIS\n.B fishplate\n.I VERB\n[\\fIARGUMENTS\\fR]\n")
	b.WriteString(".SH DESCRIPTION\nAccepts connections, reads each request, decides by its content where it goes, runs the tenant's compiled\n" +
		"program for it in a sandbox, and is reconfigured while it works.\n.SH VERBS\n")
	for _, v := range flat(rows) {
		if v.hidden {
			continue
		}
		fmt.Fprintf(&b, ".SS \"%s %s\"\n%s.\n", roff(v.name), roff(v.form), roff(v.short))
		if v.long != "" {
			fmt.Fprintf(&b, ".PP\n%s\n", roff(v.long))
		}
		v.eachFlag(func(f *pflag.Flag) {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(flagName(f)), roff(f.Usage))
		})
		if v.exits != "" {
			fmt.Fprintf(&b, ".PP\nExit codes: %s\n", roff(v.exits))
		}
		fmt.Fprintf(&b, ".PP\nExample:\n.PP\n.nf\n.RS\n%s\n.RE\n.fi\n", roff(v.example))
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, e := range exitTable() {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", e.code, roff(e.text))
	}
	b.WriteString(".SH ENVIRONMENT\n.TP\n.B FISHPLATE_SOCKET\nThe admin socket: verbs look there for the running process when \\-\\-socket is not given, and serve answers there when\nthe configuration has no admin { socket }.\n")
	b.WriteString(".TP\n.B NO_COLOR\nNo colour on a terminal.\n")
	b.WriteString(".SH FILES\n.TP\n.I /run/fishplate.sock\nThe admin socket of a process of root; else it is in the XDG runtime directory.\n")
	return b.String()
}

type exitRow struct {
	code int
	text string
}

func exitTable() []exitRow {
	return []exitRow{
		{exitDone, "Done, or nothing to do. Warnings alone are 0."},
		{exitRefused, "Refused or failed; the reason is on stderr."},
		{exitChanges, "plan, diff: there are changes."},
		{exitBusy, "Another change is tried, waits to be confirmed, or was prepared for more than 30 s: nothing was changed."},
		{exitUsage, "The command line is wrong."},
		{notify.Broken, "serve, where a service manager is told how it is ($NOTIFY_SOCKET): the configuration is wrong, and no other start would mend that."},
	}
}

// roff escapes what troff would read as its own.
func roff(s string) string {
	s = strings.ReplaceAll(s, `\`, `\e`)
	s = strings.ReplaceAll(s, "-", `\-`)
	s = strings.ReplaceAll(s, "…", "...") // troff itself reads ASCII
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

// eachFlag calls f with the flags of the verb in the order of their names.
func (v verb) eachFlag(f func(*pflag.Flag)) {
	v.command(nil, nil, nil).Flags().VisitAll(f)
}

func flagName(f *pflag.Flag) string {
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	value, ok := map[string]string{"bool": "", "int": " N", "uint64": " N", "float64": " N", "duration": " D"}[f.Value.Type()]
	if !ok {
		value = " TEXT"
	}
	return name + value
}
