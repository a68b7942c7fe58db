package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"fishplate/cmd/fishplate/show"
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
		if err := show.RateTable(c.stdout, subject, show.Rates(before, after, subject), 0); err != nil {
			return err
		}
	}
	return nil
}

func topSubjects() []string { return []string{"vhost", "backend", "server", "tenant"} }

func look(ctx context.Context, client *admin.Client) (show.Sight, error) {
	list, err := client.Counters(ctx)
	return show.Sight{At: time.Now(), Counters: list}, err
}

// topModel is the terminal form: one table at a time.
type topModel struct {
	ctx      context.Context
	client   *admin.Client
	interval time.Duration
	subject  string
	last     show.Sight
	now      show.Sight
	height   int
	err      error
}

type sightMsg struct {
	sight show.Sight
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
			if len(m.now.Counters) > 0 {
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
	case len(m.now.Counters) == 0:
		b.WriteString("…\n")
	default:
		// A strings.Builder takes every write.
		_ = show.RateTable(&b, m.subject, show.Rates(m.last, m.now, m.subject), max(m.height-6, 5))
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
