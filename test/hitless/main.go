package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// size is how much happens. The defaults are for two processors that the origins
// and the clients share with what is tested; -full is for a machine of its own.
type size struct {
	Time      time.Duration `json:"time_ns"`
	Rate      int           `json:"requests_per_second"`
	Conns     int           `json:"connections"`
	Short     int           `json:"short_connections_per_second"`
	Sockets   int           `json:"websockets"`
	Downloads int           `json:"downloads"`
	Sessions  int           `json:"sessions"`
	Changes   int           `json:"changes"`
	Broken    int           `json:"broken_changes"`
	Swaps     int           `json:"certificate_swaps"`
	Kills     int           `json:"killed_origins"`
	Upgrades  int           `json:"binary_upgrades"`
}

var (
	usual = size{60 * time.Second, 300, 50, 60, 50, 15, 25, 120, 24, 6, 3, 0}
	full  = size{300 * time.Second, 1000, 200, 500, 200, 50, 100, 500, 100, 20, 5, 20}
	brief = size{20 * time.Second, 100, 16, 20, 10, 4, 8, 16, 3, 2, 1, 0}
)

// Result is what one system did.
type Result struct {
	System  string             `json:"system"`
	Load    map[string]*Counts `json:"load"`
	Changes map[string]int     `json:"changes"` // that were made, by kind
	Wrong   []string           `json:"wrong,omitempty"`
	Before  Footprint          `json:"before"`
	After   Footprint          `json:"after"` // when the clients have left
}

func main() {
	if addr := os.Getenv("HITLESS_ORIGIN"); addr != "" {
		fmt.Fprintln(os.Stderr, runOrigin(addr, os.Getenv("HITLESS_NAME")))
		os.Exit(1)
	}
	binary := flag.String("fishplate", "bin/fishplate", "the binary under test")
	program := flag.String("tenant", "sdk/examples/hello.elf", "program of the tenant")
	systems := flag.String("systems", "fishplate,nginx,haproxy", "what is tested")
	results := flag.String("results", "test/bench/results", "folder of the figures; empty is none")
	big := flag.Bool("full", false, "1,000 requests and 500 connections a second, 500 changes in five minutes")
	s := usual
	flag.DurationVar(&s.Time, "time", s.Time, "of each system")
	flag.IntVar(&s.Upgrades, "upgrades", s.Upgrades, "of our binary, to itself")
	flag.Parse()
	if *big {
		s = full
	}
	if err := run(s, *binary, *program, *systems, *results); err != nil {
		fmt.Fprintln(os.Stderr, "hitless:", err)
		os.Exit(1)
	}
}

func run(s size, binary, program, names, results string) error {
	binary, program = abs(binary), abs(program)
	var list []*Result
	for _, name := range strings.Split(names, ",") {
		made := map[string]func() *system{"fishplate": func() *system { return fishplate(binary, program) }, "nginx": nginx, "haproxy": haproxy}[name]
		if made == nil {
			return fmt.Errorf("there is no system %q", name)
		}
		r, err := try(made(), s)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, r)
		r.print()
	}
	if results == "" {
		return nil
	}
	text, err := json.MarshalIndent(map[string]any{
		"date": time.Now().UTC().Format(time.RFC3339), "commit": commit(), "processors": runtime.NumCPU(), "kernel": kernel(), "size": s, "systems": list,
	}, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(results, "hitless-"+time.Now().UTC().Format("20060102-150405")+".json")
	fmt.Println(path)
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func abs(path string) string {
	if a, err := filepath.Abs(path); err == nil {
		return a
	}
	return path
}

func commit() string {
	out, _ := exec.Command("git", "rev-parse", "--short", "HEAD").Output() // outside a repository there is none
	return strings.TrimSpace(string(out))
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(text))
}

// try runs one system under load and changes.
func try(sys *system, s size) (*Result, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "hitless")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	sys.dir, sys.r = dir, rand.New(rand.NewPCG(1, 2))
	if sys.origins, err = startOrigins(self, 3); err != nil {
		return nil, err
	}
	defer sys.origins.stop()
	if err := sys.begin(); err != nil {
		return nil, err
	}
	defer sys.end()
	loaded := func() *load {
		return &load{size: s, origins: sys.origins, plain: sys.plain, secure: sys.secure, sticky: sys.name != "nginx", tenant: sys.program != ""}
	}
	r := &Result{System: sys.name, Changes: map[string]int{}}
	// One round of everything, so that "before" has what a working server has.
	warm, stop := context.WithTimeout(context.Background(), 2*time.Second)
	first := loaded()
	first.start(warm)
	first.outcome()
	stop()
	time.Sleep(time.Second)
	r.Before = sys.footprint()

	ctx, stop := context.WithTimeout(context.Background(), s.Time)
	defer stop()
	l := loaded()
	l.start(ctx)
	r.churn(ctx, sys, s)
	<-ctx.Done()
	r.Load = l.outcome()
	// What leaves finishes: old workers, drained connections, collected memory.
	for range 20 {
		if r.After = sys.footprint(); r.After.Descriptors <= r.Before.Descriptors+16 && r.After.Processes <= r.Before.Processes {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	return r, nil
}

// churn spreads all changes over the time, in random order.
func (r *Result) churn(ctx context.Context, sys *system, s size) {
	var list []string
	for kind, n := range map[string]int{"change": s.Changes, "broken": s.Broken, "certificate": s.Swaps, "kill": s.Kills, "upgrade": s.Upgrades} {
		if kind == "upgrade" && sys.name != "fishplate" {
			continue
		}
		list = append(list, slices.Repeat([]string{kind}, n)...)
	}
	slices.Sort(list)
	sys.r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	begin, version := time.Now(), 0
	for i, kind := range list {
		due := begin.Add(s.Time * time.Duration(i) / time.Duration(len(list)+1))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			r.Wrong = append(r.Wrong, fmt.Sprintf("%d changes were not made in time", len(list)-i))
			return
		}
		version++
		if err := sys.do(kind, version); err != nil {
			r.Wrong = append(r.Wrong, fmt.Sprintf("%s %d: %v", kind, version, err))
			continue
		}
		r.Changes[kind]++
	}
}

func (s *system) do(kind string, version int) error {
	switch kind {
	case "kill":
		return s.origins.kill(s.r.IntN(len(s.origins.addrs)))
	case "upgrade":
		return s.run(s.binary, "upgrade")
	case "certificate":
		if err := s.certificate(); err != nil {
			return err
		}
	case "broken":
		if err := s.write(version, true); err != nil {
			return err
		}
		if err := s.reload(s); err == nil {
			return fmt.Errorf("a broken configuration was taken")
		}
		return nil
	}
	if err := s.write(version, false); err != nil {
		return err
	}
	return s.reload(s)
}

func (r *Result) print() {
	fmt.Printf("\n%s: %v\n%-12s %9s %7s %7s %7s %9s %9s\n", r.System, r.Changes, "", "done", "failed", "apart", "closed", "p50 ms", "p99.9 ms")
	var names []string
	for name := range r.Load {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c := r.Load[name]
		fmt.Printf("%-12s %9d %7d %7d %7d %9.2f %9.2f", name, c.Done, c.Failed, c.Apart, c.Closed, c.P50, c.P999)
		if c.Failed > 0 {
			fmt.Printf("  %v", c.Why)
		}
		fmt.Println()
	}
	fmt.Printf("before %+v\nafter  %+v\n", r.Before, r.After)
	for _, w := range r.Wrong {
		fmt.Println("wrong:", w)
	}
}
