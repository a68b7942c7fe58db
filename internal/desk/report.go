package desk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fishplate/internal/tenant"
	"fishplate/riscv"
	"fishplate/riscv/debug"
	"fishplate/riscv/linux"
)

// report prints what was asked for, and for a run that did not end by itself why
// and where. All of it goes to stderr.
func (d *result) report() error {
	var b strings.Builder
	if !d.status.Exited || d.status.Signal != 0 {
		if err := d.explain(&b); err != nil {
			return err
		}
	}
	if d.Stats {
		d.stats(&b)
	}
	if d.JSON {
		if err := d.json(&b); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		return nil
	}
	if _, err := fmt.Fprint(d.Stderr, b.String()); err != nil {
		return fmt.Errorf("report on guest %s: %w", d.Path, err)
	}
	return nil
}

// explain says why the guest stopped, at which instruction, and who called.
func (d *result) explain(b *strings.Builder) error {
	m := d.machine
	switch {
	case d.interrupted:
		fmt.Fprintf(b, "fishplate: guest %s interrupted", d.Path)
	case d.status.Signal != 0:
		fmt.Fprintf(b, "fishplate: guest %s %s", d.Path, d.status.Reason)
	default:
		fmt.Fprintf(b, "fishplate: guest %s stopped: %s", d.Path, d.status.Reason)
	}
	fmt.Fprintf(b, ", after %s instructions\n", grouped(m.Instret))
	if text, size := m.Program().Instruction(m.PC); size > 0 {
		fmt.Fprintf(b, "  at %s: %s\n", d.place(m.PC), strings.ReplaceAll(text, "\t", " "))
	}
	switch {
	case d.status.Stopped == linux.StoppedMemory:
		b.WriteString("  give it more with --memory\n")
	case d.semihosting():
		b.WriteString("  this is a call to a debugger (semihosting); " + tenant.HowToBuild + "\n")
	case d.stackOverflow():
		b.WriteString("  the stack is full: too deep a recursion, or too large a variable\n")
	}
	lines, err := debug.ReadLines(d.file)
	if err != nil {
		// What the file says about its lines is broken; the names remain.
		lines = nil
	}
	printFrames(b, debug.Backtrace(m, lines))
	return nil
}

// printFrames writes a backtrace; of a recursion it shows the first frames and
// says how many are like them.
func printFrames(b *strings.Builder, frames []debug.Frame) {
	const shown = 3
	for i := 0; i < len(frames); {
		same := 1
		for i+same < len(frames) && frames[i+same].PC == frames[i].PC && !frames[i].Inlined {
			same++
		}
		for j := i; j < i+min(same, shown); j++ {
			fmt.Fprintf(b, "#%-2d %s\n", j, frames[j])
		}
		if same > shown {
			fmt.Fprintf(b, "    (%d more like it)\n", same-shown)
		}
		i += same
	}
	if len(frames) == debug.MaxFrames {
		b.WriteString("    (more frames are not shown)\n")
	}
}

// place is an address with the symbol that it lies in.
func (d *result) place(pc uint64) string {
	if name, off := d.machine.Program().Symbol(pc); name != "" {
		return fmt.Sprintf("%#x (%s+%#x)", pc, name, off)
	}
	return fmt.Sprintf("%#x", pc)
}

// semihosting says whether the guest stands at a breakpoint of programs that were
// built for bare metal, which expect a debugger to do their input and output.
func (d *result) semihosting() bool {
	const before, after = 0x01f01013, 0x40705013 // slli zero,zero,31; srai zero,zero,7
	p, pc := d.machine.Program(), d.machine.PC
	first, _ := p.Fetch(pc - 4)
	last, _ := p.Fetch(pc + 4)
	return d.status.Exit.Kind == riscv.Break && first == before && last == after
}

// stackOverflow says whether the guest stored below its stack.
func (d *result) stackOverflow() bool {
	f := d.status.Exit.Fault
	return f != nil && f.Kind == riscv.StoreAccess && d.process.InStackGuard(f.Addr)
}

// stats prints figures, and what the program asked for in vain.
func (d *result) stats(b *strings.Builder) {
	m := d.machine
	seconds := d.elapsed.Seconds()
	fmt.Fprintf(b, "instructions  %s\n", grouped(m.Instret))
	fmt.Fprintf(b, "time          %.3f s, %.0f million instructions per second\n", seconds, float64(m.Instret)/max(seconds, 1e-9)/1e6)
	fmt.Fprintf(b, "engine        %s\n", m.Engine())
	if j := m.Program().JITStats(); j.Bytes > 0 {
		fmt.Fprintf(b, "translated    %s instructions in %d regions, %s bytes of code, %.1f ms\n",
			grouped(uint64(j.Instructions)), j.Regions, grouped(uint64(j.Bytes)), float64(j.Time.Microseconds())/1000)
		if j.Full {
			b.WriteString("              the limit of code is reached; the rest is interpreted\n")
		}
	}
	fmt.Fprintf(b, "memory        %d pages, %s of %s KiB\n", m.Mem.Pages(), grouped(pages(m.Mem.Pages())), grouped(pages(m.Mem.Limit())))
	refused := d.process.Refused()
	if len(refused) == 0 {
		return
	}
	var list []string
	for name, n := range refused {
		list = append(list, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(list)
	fmt.Fprintf(b, "not served    %s\n", strings.Join(list, ", "))
}

func pages(n int) uint64 { return uint64(n) * riscv.PageSize / 1024 }

// ending is what --json prints. Numbers that may exceed what every reader of
// JSON keeps are written in hexadecimal, as strings.
type ending struct {
	Status       int        `json:"status"`
	Stopped      string     `json:"stopped"`
	Instructions uint64     `json:"instructions"`
	PC           string     `json:"pc"`
	Registers    [32]string `json:"registers"`
	Fault        *string    `json:"fault"`
	Engine       string     `json:"engine"`
	Seconds      float64    `json:"seconds"`
}

func (d *result) json(b *strings.Builder) error {
	m := d.machine
	e := ending{
		Status: d.code(), Stopped: string(d.status.Stopped), Instructions: m.Instret, PC: hex(m.PC),
		Engine: m.Engine(), Seconds: d.elapsed.Seconds(),
	}
	if d.interrupted {
		e.Stopped = "interrupt"
	}
	if d.status.Reason != "" && d.status.Stopped != linux.StoppedBudget {
		e.Fault = &d.status.Reason
	}
	for i, x := range m.X {
		e.Registers[i] = hex(x)
	}
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("report on guest %s: %w", d.Path, err)
	}
	b.Write(text)
	b.WriteByte('\n')
	return nil
}

func hex(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

// grouped writes a number with a comma every three digits.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
