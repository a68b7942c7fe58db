package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"fishplate/internal/bench/outcome"
	"fishplate/internal/letters"
)

// JSON writes the document.
func JSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(letters.JSON(b.Bytes()))
	return err
}

// Line writes the document in one line.
func Line(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// Text writes a result for people.
func Text(w io.Writer, r *outcome.Result) error {
	var b strings.Builder
	p := r.Params
	load := fmt.Sprintf("%d connections in flight", p.Connections)
	if p.Rate > 0 {
		load = fmt.Sprintf("%s a second, due at fixed times, at most %d in flight", Thousands(p.Rate), p.Connections)
	}
	fmt.Fprintf(&b, "%s against %s (%s): %s loop, %s, %d × %s\n", p.Workload, r.Server.Address, p.Server, p.Loop(), load, len(r.Reps), p.Duration)
	if r.Server.PID != 0 {
		fmt.Fprintf(&b, "server   %s\n", serverText(r))
	}
	fmt.Fprintf(&b, "rate     %s a second%s\n", Thousands(r.Rate.Mean), spread(r))
	for _, l := range []struct {
		name string
		l    outcome.Latency
	}{{"connect", r.Latency.Connect}, {"first", r.Latency.First}, {"total", r.Latency.Total}} {
		if l.l.Count > 0 {
			fmt.Fprintf(&b, "%-8s p50 %s  p90 %s  p99 %s  p99.9 %s  max %s\n", l.name,
				Nanos(l.l.P50), Nanos(l.l.P90), Nanos(l.l.P99), Nanos(l.l.P999), Nanos(l.l.Max))
		}
	}
	if p.Rate > 0 {
		b.WriteString("         (latencies count from when a transaction was due)\n")
	}
	fmt.Fprintf(&b, "cpu      client %s, server %s\n", sideText(r.CPU.Client), sideText(r.CPU.Server))
	fmt.Fprintf(&b, "machine  %s\n", machineText(r))
	if len(r.Errors) > 0 {
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(r.Errors)) {
			parts = append(parts, fmt.Sprintf("%s %d", k, r.Errors[k]))
		}
		fmt.Fprintf(&b, "errors   %s\n", strings.Join(parts, ", "))
	}
	fmt.Fprintf(&b, "counters %s\n", countersText(r))
	for _, d := range r.Diagnosis {
		fmt.Fprintf(&b, "\n%s: %s\n  %s\n  Try: %s.\n", d.ID, d.Title, wrap(sentence(d.Text), "  "), wrap(d.Advice, "       "))
	}
	if len(r.Diagnosis) == 0 {
		b.WriteString("\nNothing stands out.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func serverText(r *outcome.Result) string {
	if r.Server.Listeners == 0 {
		return fmt.Sprintf("a process of its own, %d", r.Server.PID)
	}
	kind := "the product's accept path"
	if r.Params.Plain {
		kind = "plain threads"
	}
	acceptors := "an acceptor for each"
	if r.Server.Listeners == 1 {
		acceptors = "one acceptor"
	}
	text := fmt.Sprintf("%s, %d listening, %s", kind, r.Server.Listeners, acceptors)
	if r.Server.Backlog > 0 {
		text += fmt.Sprintf(", backlog %d", r.Server.Backlog)
	}
	return text
}

func spread(r *outcome.Result) string {
	half, ok := r.Rate.Half()
	if !ok {
		return ", one measurement: no interval"
	}
	few := ""
	if r.Rate.N == 2 {
		few = "; two measurements are too few, --repeat 3 or more"
	}
	return fmt.Sprintf(" ± %.1f %% (95 %%: %s to %s%s)", half*100, Thousands(r.Rate.Low), Thousands(r.Rate.High), few)
}

func sideText(s outcome.Side) string {
	if !s.Known {
		return "unknown"
	}
	return fmt.Sprintf("%.1f µs a transaction (%.2f processors, busiest thread %.0f %%)", s.Micros, s.Share, s.Busiest*100)
}

func machineText(r *outcome.Result) string {
	var all outcome.Share
	n := float64(max(len(r.Processors), 1))
	for _, p := range r.Processors {
		all.User += p.User / n
		all.System += p.System / n
		all.Softirq += (p.Softirq + p.Irq) / n
		all.Steal += p.Steal / n
		all.Idle += p.Idle / n
	}
	text := fmt.Sprintf("%d processors: user %.0f %%, system %.0f %%, softirq %.0f %%, steal %.1f %%, idle %.0f %%",
		len(r.Processors), all.User*100, all.System*100, all.Softirq*100, all.Steal*100, all.Idle*100)
	if e := r.Host.Environment(); e != "" {
		text += "; " + e
	}
	if h := r.Host; h.Probe.Syscall > 0 {
		text += fmt.Sprintf("; a system call %d ns, a wake-up and back %s on one processor, %s across", h.Probe.Syscall, Nanos(h.Probe.WakeSame), Nanos(h.Probe.WakeCross))
	}
	return text
}

// countersText has the counters that explain most; JSON has all.
func countersText(r *outcome.Result) string {
	var parts []string
	for _, c := range []struct{ group, name string }{
		{"tcpext", "ListenOverflows"}, {"tcpext", "ListenDrops"}, {"tcpext", "SyncookiesSent"}, {"tcp", "RetransSegs"}, {"tcpext", "TWRecycled"},
		{"softnet", "dropped"}, {"softnet", "time_squeeze"}, {"interrupts", "RES"}, {"stat", "ctxt"}, {"cgroup", "nr_throttled"},
	} {
		parts = append(parts, fmt.Sprintf("%s %d", c.name, r.Counters[c.group][c.name]))
	}
	return strings.Join(parts, ", ")
}

func sentence(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// wrap breaks a text into lines of some hundred characters.
func wrap(text, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+len(word) > 110:
			b.WriteString("\n" + indent)
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// Thousands writes a number without decimals, its thousands apart; one below ten
// keeps two digits.
func Thousands(v float64) string {
	if v < 10 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	s := fmt.Sprintf("%.0f", v)
	head := len(s) % 3
	if head == 0 {
		head = 3
	}
	if len(s) <= 3 {
		return s
	}
	parts := []string{s[:head]}
	for i := head; i < len(s); i += 3 {
		parts = append(parts, s[i:i+3])
	}
	return strings.Join(parts, ",")
}

// Nanos writes a time with three digits.
func Nanos(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%.0f ms", float64(ns)/1e6)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(ns)/1e6)
	case d >= 100*time.Microsecond:
		return fmt.Sprintf("%.0f µs", float64(ns)/1e3)
	}
	return fmt.Sprintf("%.1f µs", float64(ns)/1e3)
}
