//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	"fishplate/test/bench/figures"
)

// A reading is one kernel on one engine in one round.
type reading struct {
	Kernel, Engine string
	Round          int
	MS             float64 // CPU milliseconds, start-up subtracted
	StartMS        float64 // the run with no work
	Instructions   uint64  // 0 where the engine does not count them
}

// ready is a kernel with the engines that can run it.
type ready struct {
	*kernel
	programs map[string]program
	outputs  [2]string // of native code, with no work and with all of it
}

// prepare loads a kernel into every engine, and runs it once on native code, whose
// output is the measure, and where code is compiled while it runs.
func prepare(b *binaries, k *kernel, engines []*engine) (*ready, error) {
	r := &ready{kernel: k, programs: map[string]program{}}
	for _, e := range engines {
		if e.target == wasm && k.noWasm != "" {
			continue
		}
		p, err := e.prepare(b.path(k, e.target))
		if err != nil {
			return r, fmt.Errorf("%s on %s: %w", k.name, e.name, err)
		}
		r.programs[e.name] = p
		if !e.warm {
			continue
		}
		if _, err := r.once(e, 0); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *ready) close() {
	for _, p := range r.programs {
		p.close()
	}
}

// once runs the kernel with no work and with all of it, and compares what it
// prints. The first engine that runs it, which is native code, sets the measure.
func (r *ready) once(e *engine, round int) (reading, error) {
	var samples [2]sample
	for i, work := range [2]int{0, r.work} {
		s, err := r.programs[e.name].run(work)
		if err != nil {
			return reading{}, fmt.Errorf("%s on %s: %w", r.name, e.name, err)
		}
		if r.outputs[i] == "" {
			r.outputs[i] = s.output
		}
		if s.output != r.outputs[i] {
			return reading{}, fmt.Errorf("%s %d on %s prints %q, native code %q", r.name, work, e.name, s.output, r.outputs[i])
		}
		samples[i] = s
	}
	took := samples[1].took - samples[0].took
	return reading{
		Kernel: r.name, Engine: e.name, Round: round, MS: milli(took), StartMS: milli(samples[0].took),
		Instructions: samples[1].instructions - samples[0].instructions,
	}, nil
}

func milli(d time.Duration) float64 { return float64(d) / 1e6 }

// measure lets the engines take turns on every kernel, round by round.
func measure(list []*ready, engines []*engine, rounds int) ([]reading, error) {
	var all []reading
	for round := range rounds {
		for _, k := range list {
			for _, e := range engines {
				if k.programs[e.name] == nil || round%e.every != 0 {
					continue
				}
				got, err := k.once(e, round)
				if err != nil {
					return nil, err
				}
				all = append(all, got)
			}
		}
	}
	return all, nil
}

// A record is the readings of one kernel on one engine, as they are kept.
type record struct {
	Kernel       string    `json:"kernel"`
	Engine       string    `json:"engine"`
	MS           []float64 `json:"ms"` // of the rounds that it took part in
	StartMS      []float64 `json:"startMs"`
	Instructions uint64    `json:"instructions,omitempty"`
}

// records groups readings.
func records(all []reading) []*record {
	var list []*record
	at := map[[2]string]*record{}
	for _, r := range all {
		key := [2]string{r.Kernel, r.Engine}
		if at[key] == nil {
			at[key] = &record{Kernel: r.Kernel, Engine: r.Engine, Instructions: r.Instructions}
			list = append(list, at[key])
		}
		at[key].MS = append(at[key].MS, r.MS)
		at[key].StartMS = append(at[key].StartMS, r.StartMS)
	}
	return list
}

// series are the readings of one kernel on one engine, by round.
type series map[int]reading

func pick(all []reading, kernel, engine string) series {
	s := series{}
	for _, r := range all {
		if r.Kernel == kernel && r.Engine == engine {
			s[r.Round] = r
		}
	}
	return s
}

func (s series) ms() float64 { return figures.Median(s.list(func(r reading) float64 { return r.MS })) }

// mips is how many million instructions a second of CPU the engine executed.
func (s series) mips() float64 {
	return figures.Median(s.list(func(r reading) float64 { return float64(r.Instructions) / r.MS / 1e3 }))
}

// million is how many million instructions each round executed.
func (s series) million() uint64 {
	for _, r := range s {
		return r.Instructions / 1e6
	}
	return 0
}

func (s series) list(of func(reading) float64) []float64 {
	var v []float64
	for _, r := range s {
		v = append(v, of(r))
	}
	return v
}

// ratios compares the rounds that both took part in, each with its own round.
func (s series) ratios(base series) []float64 {
	var v []float64
	for round, r := range s {
		if b, ok := base[round]; ok && b.MS > 0 {
			v = append(v, r.MS/b.MS)
		}
	}
	return v
}

// An overview is what one engine shows over all kernels.
type overview struct {
	Engine   string             `json:"engine"`
	Ratios   map[string]float64 `json:"ratios"` // median of the rounds' ratios to native code
	Mean     float64            `json:"mean"`   // geometric, of the kernels that every engine has
	Worst    string             `json:"worst"`
	MIPS     float64            `json:"mips,omitempty"` // geometric mean
	Measured int                `json:"kernels"`
}

func overviews(all []reading, list []*ready, engines []*engine) []overview {
	var views []overview
	for _, e := range engines {
		v := overview{Engine: e.name, Ratios: map[string]float64{}}
		var common, mips []float64
		for _, k := range list {
			if k.programs[e.name] == nil {
				continue
			}
			s := pick(all, k.name, e.name)
			ratio := figures.Median(s.ratios(pick(all, k.name, "native")))
			v.Ratios[k.name] = ratio
			v.Measured++
			if k.noWasm == "" {
				common = append(common, ratio)
			}
			if m := s.mips(); m > 0 {
				mips = append(mips, m)
			}
			if v.Worst == "" || ratio > v.Ratios[v.Worst] {
				v.Worst = k.name
			}
		}
		v.Mean, v.MIPS = figures.GeometricMean(common), figures.GeometricMean(mips)
		views = append(views, v)
	}
	return views
}

// printKernels prints milliseconds and ratios, one line a kernel, then means.
func printKernels(all []reading, list []*ready, engines []*engine, views []overview) {
	fmt.Printf("%-12s", "CPU ms (×)")
	for _, e := range engines {
		fmt.Printf("%18s", e.name)
	}
	fmt.Println()
	for _, k := range list {
		fmt.Printf("%-12s", k.name)
		for i, e := range engines {
			s := pick(all, k.name, e.name)
			switch {
			case len(s) == 0:
				fmt.Printf("%18s", "—")
			case e.name == "native":
				fmt.Printf("%18s", fmt.Sprintf("%.1f ±%.0f%%", s.ms(), spread(s)))
			default:
				text := fmt.Sprintf("%.0f %.2f× ±%.0f%%", s.ms(), views[i].Ratios[k.name], spread(s))
				fmt.Printf("%18s", text)
			}
		}
		fmt.Println()
	}
	line := func(title string, of func(overview) string) {
		fmt.Printf("%-12s", title)
		for _, v := range views {
			fmt.Printf("%18s", of(v))
		}
		fmt.Println()
	}
	fmt.Println(strings.Repeat("-", 12+18*len(engines)))
	line("mean", func(v overview) string { return fmt.Sprintf("%.2f×", v.Mean) })
	line("worst", func(v overview) string { return fmt.Sprintf("%s %.2f×", v.Worst, v.Ratios[v.Worst]) })
	judge(views)
	fmt.Println("\nmillion instructions a second of CPU, and how many million were executed")
	for _, k := range list {
		fmt.Printf("%-12s", k.name)
		for _, e := range engines {
			text := ""
			if s := pick(all, k.name, e.name); s.mips() > 0 {
				text = fmt.Sprintf("%.0f (%d)", s.mips(), s.million())
			}
			fmt.Printf("%18s", text)
		}
		fmt.Println()
	}
	line("mean", func(v overview) string {
		if v.MIPS == 0 {
			return ""
		}
		return fmt.Sprintf("%.0f", v.MIPS)
	})
	fmt.Println()
}

// What generated code may take, in multiples of native code, and what the
// interpreter has to do.
const (
	meanMost    = 2.5
	worstMost   = 5.0
	interpreted = 800.0 // million instructions a second
)

// judge prints whether our engines meet their bars.
func judge(views []overview) {
	for _, v := range views {
		switch v.Engine {
		case "interpreter":
			fmt.Printf("%s: %.0f million instructions a second (at least %.0f: %s)\n", v.Engine, v.MIPS, interpreted, figures.Verdict(v.MIPS >= interpreted))
		case "JIT", "JIT Zb*":
			worst := v.Ratios[v.Worst]
			fmt.Printf("%s: mean %.2f× (at most %.1f: %s), worst %s %.2f× (at most %.0f: %s)\n", v.Engine, v.Mean, meanMost,
				figures.Verdict(v.Mean <= meanMost), v.Worst, worst, worstMost, figures.Verdict(worst <= worstMost))
		}
	}
}

// spread is half the way from the least to the most reading, in percent of the
// median.
func spread(s series) float64 {
	v := s.list(func(r reading) float64 { return r.MS })
	return (figures.Quantile(v, 1) - figures.Quantile(v, 0)) / 2 / figures.Median(v) * 100
}
