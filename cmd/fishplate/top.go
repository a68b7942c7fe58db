package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	tea "charm.land/bubbletea/v2"

	"fishplate/internal/admin"
)

// runTop shows rates: on a terminal until q, in a pipe once.
func runTop(c *call) error {
	interval, err := time.ParseDuration(c.text("interval"))
	if err != nil || interval < 100*time.Millisecond {
		return usagef("top: --interval is a duration of at least 100ms, not %q", c.text("interval"))
	}
	client := c.client()
	before, err := look(c.ctx, client)
	if err != nil {
		return err
	}
	if isTerminal(c.stdout) {
		_, err := tea.NewProgram(topModel{
			ctx: c.ctx, client: client, interval: interval, last: before, subject: "vhost",
		}, tea.WithContext(c.ctx), tea.WithOutput(c.stdout)).Run()
		return err
	}
	select {
	case <-time.After(interval):
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
	after, err := look(c.ctx, client)
	if err != nil {
		return err
	}
	for i, subject := range topSubjects() {
		if i > 0 {
			fmt.Fprintln(c.stdout)
		}
		if err := printRates(c.stdout, subject, rates(before, after, subject), 0); err != nil {
			return err
		}
	}
	return nil
}

func topSubjects() []string { return []string{"vhost", "backend", "server", "tenant"} }

// sight is all counters at one moment.
type sight struct {
	at       time.Time
	counters []admin.Counters
}

func look(ctx context.Context, client *admin.Client) (sight, error) {
	list, err := client.Counters(ctx)
	return sight{time.Now(), list}, err
}

// rate is one line of top.
type rate struct {
	name     string
	requests float64 // per second
	errors   float64 // 5xx and stops, per second
	out      float64 // bytes per second
	active   float64 // now
}

// rates compares two sights of one kind of thing; what is new counts from zero.
// The busiest comes first.
func rates(before, after sight, subject string) []rate {
	old := make(map[string]map[string]float64)
	for _, c := range before.counters {
		if c.Subject == subject {
			old[strings.Join(c.Labels, "/")] = c.Values
		}
	}
	seconds := after.at.Sub(before.at).Seconds()
	prefix := "fishplate_" + subject
	var list []rate
	for _, c := range after.counters {
		if c.Subject != subject {
			continue
		}
		name := strings.Join(c.Labels, "/")
		per := func(metric string) float64 {
			delta := c.Values[prefix+metric] - old[name][prefix+metric]
			if delta < 0 || seconds <= 0 {
				return 0 // the counter began anew between the sights
			}
			return delta / seconds
		}
		r := rate{name: name, requests: per("_requests_total"), errors: per("_responses_total{5xx}")}
		switch subject {
		case "vhost":
			r.out = per("_sent_bytes_total")
		case "server":
			for _, why := range []string{"connect", "connect_timeout", "tls", "reset", "first_byte_timeout", "idle_timeout", "malformed"} {
				r.errors += per("_faults_total{" + why + "}")
			}
			r.active = c.Values[prefix+"_active"]
		case "backend":
			r.active = c.Values[prefix+"_queue"]
		case "tenant":
			r.active = c.Values[prefix+"_active"]
			for _, why := range []string{"budget", "time", "memory", "fault"} {
				r.errors += per("_stops_total{" + why + "}")
			}
		}
		list = append(list, r)
	}
	sort.SliceStable(list, func(i, j int) bool {
		if list[i].requests != list[j].requests {
			return list[i].requests > list[j].requests
		}
		return list[i].name < list[j].name
	})
	return list
}

// printRates writes one table; limit bounds its lines, 0 does not.
func printRates(w io.Writer, subject string, list []rate, limit int) error {
	t := tabwriter.NewWriter(w, 10, 4, 2, ' ', tabwriter.AlignRight)
	active := "ACTIVE"
	if subject == "backend" {
		active = "QUEUED"
	}
	fmt.Fprintf(t, "REQ/S\tERR/S\tBYTES/S\t%s\t  %s\n", active, strings.ToUpper(subject))
	total := rate{name: "(all)"}
	for i, r := range list {
		total.requests += r.requests
		total.errors += r.errors
		total.out += r.out
		total.active += r.active
		if limit == 0 || i < limit {
			r.print(t)
		}
	}
	total.print(t)
	return t.Flush()
}

func (r rate) print(w io.Writer) {
	fmt.Fprintf(w, "%.1f\t%.1f\t%.0f\t%.0f\t  %s\n", r.requests, r.errors, r.out, r.active, r.name)
}

// topModel is the terminal form: one table at a time.
type topModel struct {
	ctx      context.Context
	client   *admin.Client
	interval time.Duration
	subject  string
	last     sight
	now      sight
	height   int
	err      error
}

type sightMsg struct {
	sight sight
	err   error
}

// Init implements tea.Model.
func (m topModel) Init() tea.Cmd { return m.wait() }

func (m topModel) wait() tea.Cmd {
	return tea.Tick(m.interval, func(time.Time) tea.Msg {
		s, err := look(m.ctx, m.client)
		return sightMsg{s, err}
	})
}

// Update implements tea.Model.
func (m topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.height = msg.Height
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return m, tea.Quit
		case "tab", "right":
			m.subject = next(topSubjects(), m.subject)
		}
	case sightMsg:
		m.err = msg.err
		if msg.err == nil {
			if len(m.now.counters) > 0 {
				m.last = m.now
			}
			m.now = msg.sight
		}
		return m, m.wait()
	}
	return m, nil
}

// View implements tea.Model.
func (m topModel) View() tea.View {
	var b strings.Builder
	fmt.Fprintf(&b, "fishplate top · %s · Tab: next table · q: end\n\n", m.subject)
	switch {
	case m.err != nil && !errors.Is(m.err, context.Canceled):
		fmt.Fprintf(&b, "%v\n", m.err)
	case len(m.now.counters) == 0:
		b.WriteString("…\n")
	default:
		// A strings.Builder takes every write.
		_ = printRates(&b, m.subject, rates(m.last, m.now, m.subject), max(m.height-6, 5))
	}
	v := tea.NewView(b.String())
	v.AltScreen = true
	return v
}

func next(list []string, word string) string {
	for i, w := range list {
		if w == word {
			return list[(i+1)%len(list)]
		}
	}
	return list[0]
}
