package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"fishplate/internal/bench"
	"fishplate/internal/bench/report"
)

// A UsageError is a command line that makes no sense.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UsageError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Desk is where the person sits.
type Desk struct {
	In       io.Reader
	Out, Err io.Writer
	Terminal bool // Err is looked at by a person
	Version  string
	Program  []byte // of the tenant that is measured
	// Serve runs the product with that configuration until ctx ends. It writes what
	// it has to say to log, and calls ready with its address once it answers.
	Serve func(ctx context.Context, path string, log io.Writer, ready func(address string)) error
}

// Workloads lists the names, and a text of a line for each.
func Workloads() (names []string, text string) {
	text = "Workloads:"
	for _, w := range bench.Workloads() {
		names = append(names, w.Name)
		text += fmt.Sprintf("\n  %-15s %s", w.Name, w.Does)
	}
	return names, text
}

// tenant is the workload whose server is the product itself.
const tenant = "tenant"

// Flags declares those of a workload.
func Flags(f *pflag.FlagSet) {
	f.Bool("loopback", false, "against a server of our own, a process on this machine (the default)")
	f.String("server", "", "against this address, host:port")
	f.IntP("connections", "c", 0, "connections in flight: a closed loop, for the capacity (default 256)")
	f.Float64("rate", 0, "transactions a second, due at fixed times: an open loop, for latencies")
	f.Duration("duration", bench.DefaultDuration, "of one measurement")
	f.Int("repeat", bench.DefaultRepeat, "measurements at most; they end when the mean is known to ±2.5 % at 95 %, after three at least")
	serverFlags(f)
	f.Int("threads", 0, "of the client (default one for each processor)")
	f.Int("sources", bench.DefaultSources, "loopback addresses to connect from, each with its own ports; 0 leaves it to the kernel")
	f.Bool("reset", false, "close by RST: cheaper, and not what clients do")
	f.Duration("timeout", 5*time.Second, "of one transaction")
	f.String("path", "/", "to ask for, with HTTP")
	f.String("host", "bench.example", "to ask, with HTTP")
	f.Bool("json", false, "print JSON: fishplate.bench/1")
	f.String("plot", "", "draw latencies, and rate over time, into this file: .svg, or .html with the text")
}

func serverFlags(f *pflag.FlagSet) {
	f.Bool("single-acceptor", false, "our server: one thread accepts for all")
	f.Int("backlog", 0, "our server: the backlog of its listeners; 0 is the largest that the kernel allows")
	f.Bool("plain", false, "our server: threads and epoll, not the product's accept path")
}

// ServerFlags declares those of the server's side.
func ServerFlags(f *pflag.FlagSet) {
	f.String("bind", "127.0.0.1:7777", "address of the listener; port 0 takes a free one")
	serverFlags(f)
	f.Bool("until-eof", false, "end when the standard input does")
	f.Bool("json", false, "say where as JSON")
}

// Run measures a workload.
func Run(ctx context.Context, workload string, f *pflag.FlagSet, d Desk) error {
	o, err := options(workload, f)
	if err != nil {
		return err
	}
	o.Version, o.Stack = d.Version, stack(ctx)
	if workload == tenant && o.Params.Server == "" {
		if err := ofTheProduct(o.Params.Plain, o.Params.SingleAcceptor, o.Params.Backlog); err != nil {
			return err
		}
		if !f.Changed("host") {
			o.Params.Host = tenantHost
		}
		if !f.Changed("path") {
			o.Params.Path = tenantPath
		}
	}
	if d.Terminal {
		o.Progress = func(repetition int, t bench.Tick) {
			fmt.Fprintf(d.Err, "\r\x1b[K%s, measurement %d: %s a second, p99 %s", workload, repetition, report.Thousands(t.Rate), report.Nanos(int64(t.P99)))
		}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	r, err := bench.Run(ctx, o)
	if d.Terminal {
		fmt.Fprint(d.Err, "\r\x1b[K")
	}
	if r == nil {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled):
		err = errors.New("bench: interrupted: the figures are of the time until then")
	case err == nil && r.Totals.Transactions == 0:
		err = errors.New("bench: not one transaction succeeded")
	}
	return errors.Join(err, draw(r, text(f, "plot")), show(r, f, d))
}

// draw writes the picture, if there is to be one.
func draw(r *bench.Result, path string) error {
	if path == "" {
		return nil
	}
	out, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	write := report.SVG
	if filepath.Ext(path) == ".html" {
		write = report.HTML
	}
	if err := errors.Join(write(out, r), out.Close()); err != nil {
		return fmt.Errorf("draw %s: %w", path, err)
	}
	return nil
}

// show prints a result as the flags say.
func show(r *bench.Result, f *pflag.FlagSet, d Desk) error {
	if asked(f, "json") {
		return report.JSON(d.Out, r)
	}
	return report.Text(d.Out, r)
}

func asked(f *pflag.FlagSet, name string) bool {
	on, err := f.GetBool(name)
	if err != nil {
		panic(err) // the row does not declare the flag that is read here
	}
	return on
}

func number(f *pflag.FlagSet, name string) int {
	n, err := f.GetInt(name)
	if err != nil {
		panic(err)
	}
	return n
}

func text(f *pflag.FlagSet, name string) string {
	s, err := f.GetString(name)
	if err != nil {
		panic(err)
	}
	return s
}

func duration(f *pflag.FlagSet, name string) time.Duration {
	v, err := f.GetDuration(name)
	if err != nil {
		panic(err)
	}
	return v
}

// blank reports whether a word would end the field of a request that it is put
// into.
func blank(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

func options(workload string, f *pflag.FlagSet) (o bench.Options, err error) {
	if err := bench.Known(workload); err != nil {
		return o, &UsageError{err}
	}
	if err := within(f); err != nil {
		return o, err
	}
	rate, err := f.GetFloat64("rate")
	if err != nil {
		panic(err)
	}
	o = bench.Options{
		Timeout: duration(f, "timeout"),
		Params: bench.Params{
			Workload: workload, Server: text(f, "server"), Connections: number(f, "connections"), Rate: rate,
			Duration: duration(f, "duration"), Repeat: number(f, "repeat"), SingleAcceptor: asked(f, "single-acceptor"),
			Backlog: number(f, "backlog"), Plain: asked(f, "plain"), Threads: number(f, "threads"), Sources: number(f, "sources"),
			Reset: asked(f, "reset"), Path: text(f, "path"), Host: text(f, "host"),
		},
	}
	if ext := filepath.Ext(text(f, "plot")); ext != "" && ext != ".svg" && ext != ".html" || ext == "" && text(f, "plot") != "" {
		return o, usagef("bench: --plot writes .svg or .html, not %q", text(f, "plot"))
	}
	if path := text(f, "plot"); path != "" {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return o, usagef("bench: --plot: %w", err) // better now than after a minute
		}
	}
	switch p := o.Params; {
	case asked(f, "loopback") && p.Server != "":
		return o, usagef("bench: --loopback or --server, not both")
	case p.Rate > 0 && p.Rate*p.Duration.Seconds() < 1:
		return o, usagef("bench: at --rate %g not one transaction is due in the %v of a measurement: ask for a --duration of %v, or for a larger rate",
			p.Rate, p.Duration, time.Duration(math.Ceil(1/p.Rate))*time.Second)
	case p.Server != "" && (p.Plain || p.SingleAcceptor || p.Backlog > 0):
		return o, usagef("bench: a foreign server has its own acceptors and backlog: --plain, --single-acceptor and --backlog want --loopback")
	case !strings.HasPrefix(p.Path, "/") || blank(p.Path):
		return o, usagef("bench: --path begins with / and has no blanks or control characters: %q", p.Path)
	case p.Host == "" || blank(p.Host):
		return o, usagef("bench: --host is a name without blanks or control characters: %q", p.Host)
	}
	return o, nil
}

// ofTheProduct refuses what only the built-in server is asked.
func ofTheProduct(plain, single bool, backlog int) error {
	if plain || single || backlog > 0 {
		return usagef("bench: tenant is served by the product, which has its own acceptors and backlog: leave --plain, --single-acceptor and --backlog out")
	}
	return nil
}

// Serve is the server's side alone.
func Serve(ctx context.Context, workload string, f *pflag.FlagSet, d Desk) error {
	if err := bench.Known(workload); err != nil {
		return &UsageError{err}
	}
	if err := within(f); err != nil {
		return err
	}
	o := bench.ServerOptions{
		Address: text(f, "bind"), Workload: workload, Plain: asked(f, "plain"), SingleAcceptor: asked(f, "single-acceptor"), Backlog: number(f, "backlog"),
	}
	start := bench.StartServer
	if workload == tenant {
		if err := ofTheProduct(o.Plain, o.SingleAcceptor, o.Backlog); err != nil {
			return err
		}
		start = d.serveTenant
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	var in io.Reader
	if asked(f, "until-eof") {
		in = d.In
	}
	return bench.Serve(ctx, start, o, in, func(s bench.Server) error {
		if asked(f, "json") {
			return report.Line(d.Out, s)
		}
		more := ""
		if workload == tenant {
			more = " --host " + tenantHost + " --path " + tenantPath
		}
		_, err := fmt.Fprintf(d.Out, "serving %s on %s; ask it with: fishplate bench %s --server %s%s\n", workload, s.Address, workload, s.Address, more)
		return err
	})
}

// CompareFlags declares those of compare.
func CompareFlags(f *pflag.FlagSet) {
	f.Bool("ab", false, "the two are commands: run them in turn")
	PairFlags(f)
}

// Compare compares two saved results, or two commands.
func Compare(ctx context.Context, two []string, f *pflag.FlagSet, d Desk) error {
	a, b := two[0], two[1]
	switch {
	case asked(f, "ab"):
		return AB(ctx, a, b, f, d)
	case f.Changed("pairs"):
		return usagef("bench compare: --pairs is for commands: it wants --ab")
	}
	ra, err := bench.Read(a)
	if err != nil {
		return err
	}
	rb, err := bench.Read(b)
	if err != nil {
		return err
	}
	c, err := bench.Compare(a, b, ra, rb)
	if err != nil {
		return err
	}
	return showComparison(c, f, d)
}

func showComparison(c *bench.Comparison, f *pflag.FlagSet, d Desk) error {
	if asked(f, "json") {
		return report.JSON(d.Out, c)
	}
	return report.Comparison(d.Out, c)
}

// defaultPairs is enough for differences of some per cent.
const defaultPairs = 8

// PairFlags declares those of ab.
func PairFlags(f *pflag.FlagSet) {
	f.Int("pairs", defaultPairs, "how often each command runs")
	f.Bool("json", false, "print JSON: fishplate.bench.compare/1")
}

// AB runs two commands in turn.
func AB(ctx context.Context, a, b string, f *pflag.FlagSet, d Desk) error {
	if err := within(f); err != nil {
		return err
	}
	pairs := number(f, "pairs")
	ab := bench.AB{Commands: [2]string{a, b}, Pairs: pairs}
	if d.Terminal {
		ab.Progress = func(pair int, c *bench.Comparison) {
			if len(c.Figures) > 0 {
				fmt.Fprintf(d.Err, "\r\x1b[Kpair %d of %d: %s %+.1f %%", pair, pairs, c.Figures[0].Name, (c.Figures[0].Ratio-1)*100)
			}
		}
	}
	// The commands do not get what a terminal sends: they are groups of their own.
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup has it ignored
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(ctx, ends...)
	defer stop()
	c, err := ab.Run(ctx)
	if d.Terminal {
		fmt.Fprint(d.Err, "\r\x1b[K")
	}
	if c == nil {
		return err
	}
	return errors.Join(err, showComparison(c, f, d))
}
