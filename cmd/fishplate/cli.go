package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fishplate/cmd/fishplate/process"
	"fishplate/internal/admin"
)

// verb is one row of the table from which the command line, its help, the
// completions, the man page and docs/reference/cli.md come.
type verb struct {
	name    string
	form    string // what follows the name
	short   string // one line, without a full stop
	long    string // further paragraphs
	example string // command lines, one a line
	exits   string // exit codes beyond 0, 1 and 64
	min     int    // arguments
	max     int    // -1: any number
	hidden  bool
	live    bool // talks to a running process: has --socket
	words   []string
	flags   func(f *pflag.FlagSet)
	run     func(c *call) error
	sub     []verb // verbs below this one, named in full ("guest run"); run is what else may follow
}

// call is one invocation of a verb.
type call struct {
	ctx    context.Context
	args   []string
	flags  *pflag.FlagSet
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	// ready is called once serve answers; nil is nothing.
	ready func(p *process.Process)
	bound string // process.Options.Bound
}

// newRoot makes the cobra command of the table.
func newRoot(rows []verb, stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "fishplate VERB",
		Short: "A multi-tenant, programmable layer-7 switch",
		Long: "A multi-tenant, programmable layer-7 switch.\n\nA first look: fishplate demo. A site of your own: fishplate check FILE, then fishplate serve FILE.\n" +
			"Exit codes: 0 done, 1 refused or failed, 2 plan and diff: there are changes, 3 another change is not decided yet, 64 the command line is wrong.",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},

		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return unknownVerb(c, args[0])
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit{exitUsage, err} })
	root.SetHelpCommand(helpCommand(root))
	root.SetUsageFunc(printUsage)
	for _, v := range rows {
		root.AddCommand(v.command(stdin, stdout, stderr))
	}
	return root
}

// unknownVerb is the error of a verb that is not in the table of c: the whole
// command's, or that of a verb with verbs of its own.
func unknownVerb(c *cobra.Command, name string) error {
	of := ""
	if c.HasParent() {
		of = " of " + c.Name()
	}
	// Of a short word most letters must be right: everything is near to it.
	c.SuggestionsMinimumDistance = max(1, len(name)/3)
	if like := c.SuggestionsFor(name); len(like) > 0 {
		slices.Sort(like)
		return usagef("unknown verb %q%s: did you mean %s?", name, of, strings.Join(like, " or "))
	}
	if of != "" {
		return usagef("unknown verb %q%s: %q prints those that there are", name, of, "fishplate "+c.Name())
	}
	return usagef("unknown verb %q", name)
}

// printUsage writes the lower part of a help text.
func printUsage(c *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", c.UseLine())
	if c.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\nVerbs:\n")
		for _, s := range c.Commands() {
			if s.IsAvailableCommand() || s.Name() == "help" {
				fmt.Fprintf(&b, "  %-10s  %s\n", s.Name(), s.Short)
			}
		}
	}
	if c.HasAvailableLocalFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", c.LocalFlags().FlagUsages())
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\n\"fishplate help VERB\" or \"fishplate VERB --help\" says more about one of them.\n")
	}
	_, err := io.WriteString(c.OutOrStdout(), b.String())
	return err
}

// helpCommand prints the help of a verb; one that does not exist is an error,
// unlike with cobra's own.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [VERB]", Short: "Help about a verb",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownVerb(root, strings.Join(args, " "))
			}
			return c.Help()
		},
	}
}

// flat lists the rows that can be run, with those below them.
func flat(rows []verb) (list []verb) {
	for _, v := range rows {
		if v.run != nil {
			list = append(list, v)
		}
		list = append(list, flat(v.sub)...)
	}
	return list
}

func (v verb) command(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	c := &cobra.Command{
		Use:                   strings.TrimSpace(v.name[strings.LastIndexByte(v.name, ' ')+1:] + " " + v.form),
		Short:                 v.short,
		Long:                  v.help(),
		Example:               indent(v.example),
		Hidden:                v.hidden,
		DisableFlagsInUseLine: true,
		ValidArgs:             v.words,
	}
	if v.flags != nil {
		v.flags(c.Flags())
	}
	if v.live {
		c.Flags().String("socket", "", "admin socket of the process (default $FISHPLATE_SOCKET, /run/fishplate.sock, the XDG runtime directory)")
	}
	for _, s := range v.sub {
		c.AddCommand(s.command(stdin, stdout, stderr))
	}
	if v.sub != nil && v.run == nil {
		c.Use = v.name + " VERB"
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return unknownVerb(c, args[0])
		}
		return c
	}
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) < v.min || v.max >= 0 && len(args) > v.max {
			return usagef("%s: arguments given: %d; the form is: fishplate %s %s", v.name, len(args), v.name, v.form)
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		return v.run(&call{ctx: c.Context(), args: args, flags: c.Flags(), stdin: stdin, stdout: stdout, stderr: stderr})
	}
	return c
}

func (v verb) help() string {
	text := v.short + "."
	if v.long != "" {
		text += "\n\n" + v.long
	}
	if v.exits != "" {
		text += "\n\nExit codes: " + v.exits
	}
	return text
}

func indent(text string) string {
	if text == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}

func (c *call) text(flag string) string {
	s, err := c.flags.GetString(flag)
	if err != nil {
		panic(err) // the row does not declare the flag that its function reads
	}
	return s
}

func (c *call) flag(name string) bool {
	b, err := c.flags.GetBool(name)
	if err != nil {
		panic(err)
	}
	return b
}

// client returns the client of the process that the verb talks to.
func (c *call) client() *admin.Client { return admin.NewClient(admin.FindSocket(c.text("socket"))) }

// printJSON writes v indented: what --json prints is read by people too.
func (c *call) printJSON(v any) error {
	e := json.NewEncoder(c.stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// write prints what a verb has found: as JSON when that is asked for, else for people.
func write[T any](c *call, found T, show func(io.Writer, T) error) error {
	if c.flag("json") {
		return c.printJSON(found)
	}
	return show(c.stdout, found)
}

// isTerminal reports whether a person looks at w.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// colored reports whether w wants colour (https://no-color.org).
func colored(w io.Writer) bool { return isTerminal(w) && os.Getenv("NO_COLOR") == "" }

// absolute makes path independent of the working directory, for a process that
// has another one.
func absolute(path string) (string, error) {
	if path == "" { // it would be the working directory, which nobody meant
		return "", usagef("the name of a file is empty: is a variable of the shell not set?")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", path, err)
	}
	return abs, nil
}
