package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A table is one file of testdata.
type table struct {
	file     string
	profiles []profile
	cases    []*history
}

// A profile is a configuration that cases run under: blocks and attributes of
// a virtual host.
type profile struct{ name, text string }

// A history is one case: what happens on one host, from an empty cache.
type history struct {
	name, section, profile string
	where                  string // file:line
	id                     int    // which makes the host's name
	steps                  []*step
}

// A step is one request of a client, or one command of an operator, and all
// that must follow from it.
type step struct {
	where   string
	command []string // an operator's, in place of ask
	ask     message
	poll    bool   // asked again until the answer is as wanted
	source  string // the client's address, "" for any
	answers []*answer
	want    *message
}

// An answer is what the origin says to one request, which must arrive.
type answer struct {
	message
	path    string   // of the request, "" for any
	asked   *message // what the request must be like, nil when nothing is said
	spare   bool     // it need not be asked for
	number  int      // of all answers of the case, from 1
	chunked bool     // sent in chunks, without a length
	close   bool     // the connection is closed after it
	drop    bool     // the connection is closed within the head
	cut     int      // only so many bytes of the body are sent, then closed; -1 for all
}

// A message is a request or a response as written in a table, or what one must
// be like.
type message struct {
	first  string   // method, or status
	target string   // of a request
	from   int      // the body is that of the answer of this number
	fields []string // "Name: value"
	absent []string
	status []string // parameters of our member of Cache-Status
	body   *string
	broken bool // the body must end before its time, visibly
}

// load reads every table of testdata.
func load(t *testing.T) []*table {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	var list []*table
	id := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tab, err := parse(filepath.Base(file), string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range tab.cases {
			id++
			c.id = id
		}
		list = append(list, tab)
	}
	return list
}

var title = regexp.MustCompile(`^== ([a-z0-9][a-z0-9.+-]*) \[([^\]]+)\](?: ([a-z0-9-]+))?$`)

func parse(file, text string) (*table, error) {
	tab := &table{file: file}
	names := map[string]bool{}
	inProfile := false
	for i, line := range strings.Split(text, "\n") {
		where := fmt.Sprintf("%s:%d", file, i+1)
		switch {
		case inProfile && strings.HasPrefix(line, "  "):
			p := &tab.profiles[len(tab.profiles)-1]
			p.text += line + "\n"
			continue
		case line == "" || line[0] == '#':
			continue
		case strings.HasPrefix(line, "profile "):
			tab.profiles = append(tab.profiles, profile{name: line[len("profile "):]})
			inProfile = true
			continue
		}
		inProfile = false
		if m := title.FindStringSubmatch(line); m != nil {
			if names[m[1]] {
				return nil, fmt.Errorf("%s: second case %q", where, m[1])
			}
			names[m[1]] = true
			c := &history{name: m[1], section: m[2], profile: m[3], where: where}
			if c.profile == "" {
				c.profile = "plain"
			}
			tab.cases = append(tab.cases, c)
			continue
		}
		if len(tab.cases) == 0 {
			return nil, fmt.Errorf("%s: a line before the first case", where)
		}
		if err := tab.cases[len(tab.cases)-1].add(where, line); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
	}
	return tab, nil
}

// add takes one line of a case.
func (c *history) add(where, line string) error {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case ">", ">>":
		m, flags, err := parseMessage(rest, true)
		s := &step{where: where, ask: m, poll: kind == ">>"}
		for _, f := range flags {
			source, ok := strings.CutPrefix(f, "source ")
			if !ok {
				return fmt.Errorf("unknown flag %q", f)
			}
			s.source = source
		}
		c.steps = append(c.steps, s)
		return err
	case "$":
		c.steps = append(c.steps, &step{where: where, command: strings.Fields(rest)})
		return nil
	}
	if len(c.steps) == 0 {
		return fmt.Errorf("%q before the first step", kind)
	}
	s := c.steps[len(c.steps)-1]
	switch kind {
	case "@", "@?":
		a, err := parseAnswer(rest)
		a.spare = kind == "@?"
		a.number = 1 + c.answers()
		s.answers = append(s.answers, a)
		return err
	case "?":
		m, _, err := parseMessage(rest, true)
		if len(s.answers) == 0 {
			return fmt.Errorf("? without an answer")
		}
		s.answers[len(s.answers)-1].asked = &m
		return err
	case "<":
		m, flags, err := parseMessage(rest, false)
		s.want = &m
		for _, f := range flags {
			if m.broken = f == "broken"; !m.broken {
				return fmt.Errorf("unknown flag %q", f)
			}
		}
		return err
	}
	return fmt.Errorf("unknown line %q", kind)
}

func (c *history) answers() (n int) {
	for _, s := range c.steps {
		n += len(s.answers)
	}
	return n
}

func parseAnswer(text string) (*answer, error) {
	a := &answer{cut: -1}
	if text[0] == '/' {
		a.path, text, _ = strings.Cut(text, " ")
	}
	m, flags, err := parseMessage(text, false)
	a.message = m
	for _, f := range flags {
		name, value, _ := strings.Cut(f, " ")
		switch name {
		case "chunked":
			a.chunked = true
		case "close":
			a.close = true
		case "drop":
			a.drop = true
		case "cut":
			if a.cut, err = strconv.Atoi(value); err != nil {
				return a, err
			}
		default:
			return a, fmt.Errorf("unknown flag %q", f)
		}
	}
	return a, err
}

// parseMessage reads the parts of a line, divided by " | ".
func parseMessage(text string, request bool) (m message, flags []string, err error) {
	parts := strings.Split(text, " | ")
	words := strings.Fields(parts[0])
	switch {
	case request && len(words) == 2:
		m.first, m.target = words[0], words[1]
	case !request && len(words) == 1:
		m.first = words[0]
	case !request && len(words) == 3 && words[1] == "from":
		m.first = words[0]
		m.from, err = strconv.Atoi(words[2])
	default:
		return m, nil, fmt.Errorf("bad first part %q", parts[0])
	}
	for _, part := range parts[1:] {
		// A part that is empty or starts with one of the signs below says so.
		switch {
		case strings.HasPrefix(part, "= "), part == "=":
			body := strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(strings.TrimPrefix(part[1:], " "))
			m.body = &body
		case strings.HasPrefix(part, "! "):
			m.absent = append(m.absent, part[2:])
		case strings.HasPrefix(part, "# "):
			m.status = append(m.status, strings.Fields(part[2:])...)
		case fieldLine.MatchString(part):
			m.fields = append(m.fields, part)
		default:
			flags = append(flags, part)
		}
	}
	return m, flags, err
}

var fieldLine = regexp.MustCompile(`^[A-Za-z0-9-]+:( |$)`)

// TestTableIsWellFormed holds the table's own promises: its size, that every
// profile exists, and that every case names its section and expects something.
func TestTableIsWellFormed(t *testing.T) {
	sections := regexp.MustCompile(`^(RFC [0-9]{4} (§[0-9A-D]+(\.[0-9]+)*|abstract)(, §[0-9.]+)*|guide( [a-z/ -]+)?|ESI 1\.0)$`)
	n, profiles := 0, []string{}
	tables := load(t)
	for _, tab := range tables {
		for _, p := range tab.profiles {
			profiles = append(profiles, p.name)
		}
	}
	for _, tab := range tables {
		for _, c := range tab.cases {
			n++
			if !sections.MatchString(c.section) {
				t.Errorf("%s: %s names no section: %q", c.where, c.name, c.section)
			}
			if !slices.Contains(profiles, c.profile) {
				t.Errorf("%s: %s has an unknown profile %q", c.where, c.name, c.profile)
			}
			wants := 0
			for _, s := range c.steps {
				if s.want != nil {
					wants++
				} else if s.command == nil {
					t.Errorf("%s: the step expects nothing", s.where)
				}
			}
			if wants == 0 {
				t.Errorf("%s: %s expects nothing", c.where, c.name)
			}
		}
	}
	if n < 300 {
		t.Errorf("the table has %d cases, fewer than 300", n)
	}
}
