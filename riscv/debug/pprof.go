package debug

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/google/pprof/profile"

	"fishplate/riscv"
	"fishplate/riscv/symbols"
)

// WritePprof writes the recording in the compressed format of pprof, with
// functions, files and lines, so that the tools need neither the program nor
// its symbols. The same recording gives the same bytes.
func (r *Recording) WritePprof(w io.Writer) error {
	b := &pprofBuilder{
		r: r, locations: map[uint64]*profile.Location{}, functions: map[functionKey]*profile.Function{},
		p: &profile.Profile{
			SampleType: []*profile.ValueType{{Type: "instructions", Unit: "count"}},
			PeriodType: &profile.ValueType{Type: "instructions", Unit: "count"},
			Period:     1,
		},
	}
	b.mapping()
	for _, s := range r.samples() {
		b.add(s)
	}
	if r.Cut {
		b.p.Comments = append(b.p.Comments, "there were too many different call stacks; some are shortened")
	}
	if err := b.p.CheckValid(); err != nil {
		return fmt.Errorf("make profile: %w", err)
	}
	if err := b.p.Write(w); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return nil
}

// sample is the count of one instruction under one stack.
type sample struct {
	blockKey
	count uint64
}

// samples spreads the counts of blocks over their instructions, in order of
// stack and address.
func (r *Recording) samples() []sample {
	counts := make(map[blockKey]uint64, 4*len(r.blocks))
	for key, n := range r.loose {
		counts[key] += n
	}
	for key, t := range r.blocks {
		for range t.block.n {
			if t.times == 0 {
				break
			}
			counts[key] += t.times
			in, ok := r.program.Decode(key.pc)
			if !ok {
				break
			}
			key.pc += uint64(in.Len)
		}
	}
	list := make([]sample, 0, len(counts))
	for key, n := range counts {
		list = append(list, sample{key, n})
	}
	slices.SortFunc(list, func(x, y sample) int {
		return cmp.Or(cmp.Compare(x.node, y.node), cmp.Compare(x.pc, y.pc))
	})
	return list
}

type functionKey struct{ name, system, file string }

// pprofBuilder numbers what the format wants to be numbered.
type pprofBuilder struct {
	r         *Recording
	p         *profile.Profile
	locations map[uint64]*profile.Location
	functions map[functionKey]*profile.Function
}

// mapping says which file the addresses are of. It claims to have all names, so
// that the tools do not look for symbols that the host's binutils cannot read.
func (b *pprofBuilder) mapping() {
	file := b.r.file
	if file == "" {
		file = "guest"
	}
	b.p.Mapping = []*profile.Mapping{{
		ID: 1, Start: riscv.PageSize + b.r.program.Bias, Limit: b.r.program.HeapStart, Offset: riscv.PageSize, File: file,
		HasFunctions: true, HasFilenames: true, HasLineNumbers: true, HasInlineFrames: true,
	}}
}

// add appends a sample, the innermost location first, as the format wants it.
// Callers are shown at the call, not behind it.
func (b *pprofBuilder) add(s sample) {
	at := []*profile.Location{b.location(s.pc)}
	for n := s.node; n != 0; n = b.r.nodes[n].parent {
		at = append(at, b.location(b.r.nodes[n].site))
	}
	b.p.Sample = append(b.p.Sample, &profile.Sample{Location: at, Value: []int64{int64(s.count)}})
}

// location returns that of an instruction.
func (b *pprofBuilder) location(pc uint64) *profile.Location {
	if at := b.locations[pc]; at != nil {
		return at
	}
	at := &profile.Location{ID: uint64(len(b.locations) + 1), Mapping: b.p.Mapping[0], Address: pc}
	for _, where := range b.r.lines.At(pc) {
		at.Line = append(at.Line, profile.Line{Function: b.function(where), Line: int64(where.Line)})
	}
	if len(at.Line) == 0 {
		if name, _ := b.r.program.Symbol(pc); name != "" {
			at.Line = []profile.Line{{Function: b.function(Location{Func: symbols.Readable(name), System: name})}}
		}
	}
	b.locations[pc] = at
	b.p.Location = append(b.p.Location, at)
	return at
}

// function returns that of a location. The same name in two files is two functions.
func (b *pprofBuilder) function(where Location) *profile.Function {
	key := functionKey{where.Func, where.System, where.File}
	if key.system == "" {
		key.system = key.name
	}
	f := b.functions[key]
	if f == nil {
		f = &profile.Function{ID: uint64(len(b.functions) + 1), Name: key.name, SystemName: key.system, Filename: key.file}
		b.functions[key] = f
		b.p.Function = append(b.p.Function, f)
	}
	return f
}
