package show

import (
	"fmt"
	"io"
	"strings"

	"fishplate/internal/control"
)

// Problems writes problems as people read them.
func Problems(w io.Writer, errs, warnings []control.Problem) {
	for _, list := range [][]control.Problem{errs, warnings} {
		for _, p := range list {
			if p.Text != "" {
				fmt.Fprint(w, lines(p.Text))
			} else {
				fmt.Fprintln(w, lines(p.String()))
			}
		}
	}
}

// Changes writes a plan: a sign, what changes, and below it what that
// disturbs.
func Changes(w io.Writer, p control.Plan) error {
	var b strings.Builder
	switch {
	case len(p.Changes) > 0:
	case p.Generation == 0:
		b.WriteString("no changes: both mean the same\n")
	default:
		printf(&b, "no changes: generation %d runs this\n", p.Generation)
	}
	for _, c := range p.Changes {
		printf(&b, "%s %s %q\n", sign(c.Action), c.Kind, c.Key)
		printFields(&b, c)
		printf(&b, "    → %s\n", impactText(c.Impact))
		if stay := c.Impact.Stays; stay != (control.Stays{}) {
			printf(&b, "    = %s stay\n", counted(stay.Connections, stay.Sessions, stay.Objects, 0))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// planWidth is where a list of attributes is broken, in bytes.
const planWidth = 110

// printFields writes what of a thing changes, a line each. What is new is told
// as a list; what goes away is told by its name alone.
func printFields(b *strings.Builder, c control.Change) {
	switch c.Action {
	case "remove":
		return
	case "add":
		line := "   "
		for i, f := range c.Fields {
			text := " " + f.Name + ": " + f.New
			if i < len(c.Fields)-1 {
				text += ";"
			}
			if len(line)+len(text) > planWidth && line != "   " {
				printf(b, "%s\n", line)
				line = "   "
			}
			line += text
		}
		if line != "   " {
			printf(b, "%s\n", line)
		}
		return
	}
	gone := "" // a block that goes away takes its attributes along
	for _, f := range c.Fields {
		if gone != "" && f.New == "" && strings.HasPrefix(f.Name, gone+".") {
			continue
		}
		printf(b, "    %s: %s\n", f.Name, fieldText(f))
		if f.Old == "on" && f.New == "" {
			gone = f.Name
		}
	}
}

func sign(action string) string {
	switch action {
	case "add":
		return "+"
	case "remove":
		return "-"
	}
	return "~"
}

func fieldText(f control.Field) string {
	switch {
	case f.Old == "":
		return f.New
	case f.New == "":
		return f.Old + " → (none)"
	}
	return f.Old + " → " + f.New
}

func impactText(i control.Impact) string {
	hit := counted(i.Connections, i.Sessions, i.Objects, i.Tenants)
	if hit == "" {
		return i.Text
	}
	return hit + ": " + i.Text
}

// counted lists the figures that are not zero.
func counted(connections, sessions, objects, tenants int64) string {
	var words []string
	for _, n := range []struct {
		count int64
		what  string
	}{{connections, "connection"}, {sessions, "pinned session"}, {objects, "cached object"}, {tenants, "restarted tenant"}} {
		if n.count > 0 {
			words = append(words, Count(int(n.count), n.what))
		}
	}
	return strings.Join(words, ", ")
}
