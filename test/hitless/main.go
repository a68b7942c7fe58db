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
	Slow    []Stall            `json:"slow,omitempty"` // the worst
	Round   int                `json:"round"`
	Before  Footprint          `json:"before"` // with next to nothing done
	Middle  Footprint          `json:"middle"` // when the clients of the first half have left
	After   Footprint          `json:"after"`  // when those of the second half have
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
	rounds := flag.Int("rounds", 1, "how often all systems are tested, by turns")
	big := flag.Bool("full", false, "1,000 requests and 500 connections a second, 500 changes in five minutes")
	s := usual
	length := flag.Duration("time", 0, "of each system; 0 is a minute, or five of -full")
	upgrades := flag.Int("upgrades", -1, "of our binary, to itself; -1 is none, or 20 of -full")
	flag.Parse()
	if *big {
		s = full
	}
	if *length > 0 {
		s.Time = *length
	}
	if *upgrades >= 0 {
		s.Upgrades = *upgrades
	}
	if err := run(s, *rounds, *binary, *program, *systems, *results); err != nil {
		fmt.Fprintln(os.Stderr, "hitless:", err)
		os.Exit(1)
	}
}

func run(s size, rounds int, binary, program, names, results string) error {
	binary, program = abs(binary), abs(program)
	var list []*Result
	turns := slices.Repeat(strings.Split(names, ","), rounds)
	for i, name := range turns {
		made := map[string]func() *system{"fishplate": func() *system { return fishplate(binary, program) }, "nginx": nginx, "haproxy": haproxy}[name]
		if made == nil {
			return fmt.Errorf("there is no system %q", name)
		}
		r, err := try(made(), s)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Round = 1 + i*rounds/len(turns)
		list = append(list, r)
		r.print()
	}
	compare(list)
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
	sys.dir, sys.diary, sys.r = dir, &diary{begin: time.Now()}, rand.New(rand.NewPCG(1, 2))
	if sys.origins, err = startOrigins(self, 3); err != nil {
		return nil, err
	}
	defer sys.origins.stop()
	if err := sys.begin(); err != nil {
		return nil, err
	}
	defer sys.end()
	loaded := func() *load {
		return &load{size: s, origins: sys.origins, plain: sys.plain, secure: sys.secure, sticky: sys.name != "nginx", tenant: sys.program != "", diary: sys.diary}
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

	r.Load = map[string]*Counts{}
	sys.diary = &diary{begin: time.Now()}
	list := sys.churns(s)
	half := len(list) / 2
	r.half(sys, loaded(), s, list[:half], 0)
	r.Middle = sys.quiet(r.Before)
	r.half(sys, loaded(), s, list[half:], half)
	r.After = sys.quiet(r.Middle)
	r.Slow = sys.diary.stalls(12, 100*time.Millisecond)
	return r, nil
}

// half runs half of the load with half of the changes.
func (r *Result) half(sys *system, l *load, s size, changes []string, version int) {
	ctx, stop := context.WithTimeout(context.Background(), s.Time/2)
	defer stop()
	l.start(ctx)
	r.churn(ctx, sys, s.Time/2, changes, version)
	<-ctx.Done()
	for kind, c := range l.outcome() {
		if r.Load[kind] == nil {
			r.Load[kind] = c
			continue
		}
		r.Load[kind].add(c)
	}
}

// quiet waits until what leaves has finished: old workers, drained connections, idle
// ones, collected memory. It returns what is left when that is no more than before,
// or does not become less any more.
func (s *system) quiet(before Footprint) (f Footprint) {
	for still := 0; still < 12; still++ {
		now := s.footprint()
		if now.Processes <= before.Processes && now.Descriptors <= before.Descriptors && now.RSS <= before.RSS {
			return now
		}
		if now.Processes < f.Processes || now.Descriptors < f.Descriptors || now.RSS < f.RSS-1<<20 {
			still = 0
		}
		f = now
		time.Sleep(time.Second)
	}
	return f
}

// leaks says what there is more of than after the first half. Pools differ, of 64
// pipes and of idle connections, and so do threads that waited for the kernel.
func (r *Result) leaks() (list []string) {
	m, a := r.Middle, r.After
	if a.Processes > m.Processes {
		list = append(list, fmt.Sprintf("%d processes, %d before", a.Processes, m.Processes))
	}
	if a.Descriptors > m.Descriptors+192 {
		list = append(list, fmt.Sprintf("%d descriptors, %d before", a.Descriptors, m.Descriptors))
	}
	if a.Threads > m.Threads+16 {
		list = append(list, fmt.Sprintf("%d threads, %d before", a.Threads, m.Threads))
	}
	return list
}

// grew says that more is resident than after the first half, by more than a heap that
// was collected at another moment. The race detector's memory is another matter.
func (r *Result) grew() bool { return r.After.RSS > r.Middle.RSS+r.Middle.RSS/4+8<<20 }

// churns are all changes, in random order.
func (s *system) churns(size size) (list []string) {
	for kind, n := range map[string]int{"change": size.Changes, "broken": size.Broken, "certificate": size.Swaps, "kill": size.Kills, "upgrade": size.Upgrades} {
		if kind == "upgrade" && s.name != "fishplate" {
			continue
		}
		list = append(list, slices.Repeat([]string{kind}, n)...)
	}
	slices.Sort(list)
	s.r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// churn spreads changes over the time.
func (r *Result) churn(ctx context.Context, sys *system, whole time.Duration, list []string, version int) {
	begin := time.Now()
	for i, kind := range list {
		due := begin.Add(whole * time.Duration(i) / time.Duration(len(list)+1))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			r.Wrong = append(r.Wrong, fmt.Sprintf("%d changes were not made in time", len(list)-i))
			return
		}
		version++
		began := time.Now()
		if err := sys.do(kind, version); err != nil {
			r.Wrong = append(r.Wrong, fmt.Sprintf("%s %d: %v", kind, version, err))
			continue
		}
		sys.diary.did(kind, began)
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
	fmt.Printf("before %+v\nmiddle %+v\nafter  %+v\n", r.Before, r.Middle, r.After)
	for _, stall := range r.Slow {
		fmt.Println("slow:", stall)
	}
	for _, l := range r.leaks() {
		fmt.Println("leak:", l)
	}
	if r.grew() {
		fmt.Printf("leak: %d MiB resident, %d before\n", r.After.RSS>>20, r.Middle.RSS>>20)
	}
	for _, w := range r.Wrong {
		fmt.Println("wrong:", w)
	}
}

// compare prints the slowest thousandth of each kind, of each round, side by side.
func compare(list []*Result) {
	var systems, kinds []string
	for _, r := range list {
		if !slices.Contains(systems, r.System) {
			systems = append(systems, r.System)
		}
		for kind := range r.Load {
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	slices.Sort(kinds)
	fmt.Printf("\np99.9 in ms, by rounds\n%-12s", "")
	for _, name := range systems {
		fmt.Printf(" %24s", name)
	}
	for _, kind := range kinds {
		fmt.Printf("\n%-12s", kind)
		for _, name := range systems {
			var all []string
			for _, r := range list {
				if c := r.Load[kind]; r.System == name && c != nil {
					all = append(all, fmt.Sprintf("%.1f", c.P999))
				}
			}
			fmt.Printf(" %24s", strings.Join(all, " "))
		}
	}
	fmt.Println()
}
