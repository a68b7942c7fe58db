package fact

import (
	"fmt"
	"strconv"
	"strings"
)

// Status is the verdict of one check.
type Status string

// The verdicts. Unknown says that the thing cannot be seen from here: it is
// never called OK. Skip says that the question does not arise on this machine.
const (
	OK      Status = "ok"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Info    Status = "info"
	Unknown Status = "unknown"
	Skip    Status = "skip"
)

// Statuses lists the verdicts, the worst first.
func Statuses() []Status { return []Status{Fail, Warn, Unknown, Info, OK, Skip} }

// Severity is the worst verdict that a check may give.
type Severity string

// Severities: SevereFail breaks or drops something or is unsafe, SevereWarn is a
// loss that can be measured, SevereInfo explains other findings.
const (
	SevereFail Severity = "fail"
	SevereWarn Severity = "warn"
	SevereInfo Severity = "info"
)

// Severities lists them, the worst first.
func Severities() []Severity { return []Severity{SevereFail, SevereWarn, SevereInfo} }

// Scope is what a setting belongs to.
type Scope string

// Scopes.
const (
	Kernel  Scope = "kernel"
	Netns   Scope = "netns"
	NIC     Scope = "nic"
	Process Scope = "process"
	Host    Scope = "host" // seen and changed by the host of this guest only
)

// Scopes lists them.
func Scopes() []Scope { return []Scope{Kernel, Netns, NIC, Process, Host} }

// Path is the way of packets that a check matters for: what concerns network
// cards cannot explain a figure that was measured on loopback.
type Path string

// Paths.
const (
	Any      Path = "any"
	Loopback Path = "loopback"
	Card     Path = "nic"
	Bridge   Path = "bridge"
)

// Paths lists them.
func Paths() []Path { return []Path{Any, Loopback, Card, Bridge} }

// Who can apply a fix.
type Who string

// Those who can: the process itself, root of this machine, root of the machine
// below, the provider of that machine.
const (
	Us       Who = "us"
	Root     Who = "root"
	ByHost   Who = "host"
	Provider Who = "provider"
)

// Everybody lists them.
func Everybody() []Who { return []Who{Us, Root, ByHost, Provider} }

// Evidence is one thing that was read: where, the text as it stood there, and
// what was understood by it.
type Evidence struct {
	Source string `json:"source"`
	Raw    string `json:"raw"`
	Parsed any    `json:"parsed"`
}

// maxRaw bounds the text kept of one source, in bytes.
const maxRaw = 400

// Read makes an evidence of what stood in source; a long text is cut.
func Read(source, raw string, parsed any) Evidence {
	raw = strings.TrimSpace(raw)
	if len(raw) > maxRaw {
		raw = strings.ToValidUTF8(raw[:maxRaw], "") + "…"
	}
	return Evidence{Source: source, Raw: raw, Parsed: parsed}
}

// Auto says how far a program may go with a fix by itself.
type Auto int

// Degrees of automation.
const (
	Never   Auto = iota // boot options, trade-offs of safety, other people's machines
	Asked               // reversible, but others feel it: when somebody asks for this one
	Freely              // reversible, at run time, felt by us alone
	Already             // the process does it to its own sockets
)

// Setting is a file below /proc/sys or /sys and the value that mends it.
type Setting struct {
	File  string
	Value string
	Raise bool // a number that stands higher already is left alone
}

// Stands reports whether a file that reads so needs no writing.
func (s Setting) Stands(text string) bool {
	now := Plain(text)
	if now == s.Value {
		return true
	}
	have, err := strconv.ParseUint(now, 10, 64)
	want, err2 := strconv.ParseUint(s.Value, 10, 64)
	return s.Raise && err == nil && err2 == nil && have >= want
}

// Plain is a setting with single spaces: the kernel writes tabs between numbers.
// Of a list of words with one in brackets it is that word.
func Plain(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if _, rest, ok := strings.Cut(text, "["); ok && strings.Contains(text, " ") {
		if word, _, ok := strings.Cut(rest, "]"); ok {
			return word
		}
	}
	return text
}

// Fix is one way to mend a finding.
type Fix struct {
	Command string `json:"command"` // takes effect at once
	Persist string `json:"persist"` // survives a reboot; "" when Command does
	Risk    string `json:"risk"`
	Who     Who    `json:"who"`
	Undo    string `json:"undo"`

	Auto Auto      `json:"-"`
	Set  []Setting `json:"-"` // the files to write; empty when that does not mend it
}

// Sysctl is the fix of a value below /proc/sys: name is written with dots.
func Sysctl(name, value, risk string, auto Auto, raise bool) Fix {
	return Fix{
		Command: fmt.Sprintf("sysctl -w %s='%s'", name, value),
		Persist: fmt.Sprintf("%s = %s in /etc/sysctl.d/60-fishplate.conf", name, value),
		Risk:    risk, Who: Root, Auto: auto,
		Undo: "sysctl -w " + name + "=OLD, the value that stands there before",
		Set:  []Setting{{File: "/proc/sys/" + strings.ReplaceAll(name, ".", "/"), Value: value, Raise: raise}},
	}
}

// Finding is what a check found.
type Finding struct {
	Status   Status
	Found    string // one sentence with the figures, without a full stop
	Evidence []Evidence
	Fix      []Fix  // nil: those of the check
	RunOn    string // of an unknown: "host", "root" or "initns", who could see it
	Seconds  float64
}

// Say makes a finding.
func Say(s Status, found string, evidence ...Evidence) Finding {
	return Finding{Status: s, Found: found, Evidence: evidence}
}

// With adds evidence.
func (f Finding) With(e ...Evidence) Finding {
	f.Evidence = append(f.Evidence[:len(f.Evidence):len(f.Evidence)], e...)
	return f
}

// Mend replaces the fixes of the check by those for what was found.
func (f Finding) Mend(fix ...Fix) Finding {
	f.Fix = fix
	return f
}

// Check is the part of a row of the catalogue that is text.
type Check struct {
	ID       string   `json:"id"` // "group.name"
	Title    string   `json:"title"`
	Severity Severity `json:"severity"`
	Scope    Scope    `json:"scope"`
	Path     Path     `json:"path"`
	Reads    string   `json:"reads"` // files and calls
	Rule     string   `json:"rule"`  // when it warns and when it fails
	Why      string   `json:"why"`   // what it does to accept, proxy, TLS or guest speed
	Fix      []Fix    `json:"fix"`
	Sources  []string `json:"sources"` // documents to read on
}

// Group is the part of the id before the dot.
func (c Check) Group() string {
	group, _, _ := strings.Cut(c.ID, ".")
	return group
}

// Kind is what a layer of the stack is.
type Kind string

// Kinds of layers.
const (
	Hardware    Kind = "hardware"
	Hypervisor  Kind = "hypervisor"
	Paravirtual Kind = "paravirtual"
	Container   Kind = "container"
	Cloud       Kind = "cloud"
)

// Confidence in a layer of the stack.
type Confidence string

// Confidences.
const (
	High   Confidence = "high"
	Medium Confidence = "medium"
	Low    Confidence = "low" // it is said, and something speaks against it
)

// Layer is one thing that the machine is made of.
type Layer struct {
	Kind       Kind       `json:"kind"`
	Name       string     `json:"name"`
	Confidence Confidence `json:"confidence"`
	Evidence   []Evidence `json:"evidence"`
}

// Environment is the stack of layers, the outermost first.
type Environment struct {
	Stack []Layer
}

// Is returns the layer of that kind and name when it is believed, which one of
// low confidence is not; an empty name is any.
func (e Environment) Is(kind Kind, name string) (Layer, bool) {
	for _, l := range e.Stack {
		if l.Kind == kind && (name == "" || l.Name == name) && l.Confidence != Low {
			return l, true
		}
	}
	return Layer{}, false
}

// Guest reports whether a hypervisor stands below this kernel. The privileged
// domain of Xen has one below it, too, but sees the hardware.
func (e Environment) Guest() bool {
	_, dom0 := e.Is(Paravirtual, "xen-dom0")
	_, below := e.Is(Hypervisor, "")
	return below && !dom0
}

// Contained reports whether the process is in a container.
func (e Environment) Contained() bool {
	_, in := e.Is(Container, "")
	return in
}

// String names the layers, the innermost first: "docker > kvm".
func (e Environment) String() string {
	var names []string
	for i := len(e.Stack) - 1; i >= 0; i-- {
		l := e.Stack[i]
		name := l.Name
		switch l.Confidence {
		case Medium:
			name = "probably " + name
		case Low:
			continue
		}
		names = append(names, name)
	}
	return strings.Join(names, " > ")
}
