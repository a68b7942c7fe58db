package tenant

import (
	"fmt"
	"io"
	"strings"
)

// Call is one row of the table of host calls. Guests make calls 500–539 also by
// the custom instruction 0x5B with the number less 500.
type Call struct {
	Number int
	Name   string // as in abi.h, without its prefix
	Args   string // registers and what they hold
	Result string
	Errors string // "" = none
	Cost   string // instructions charged; "" = the ecall alone
	Doc    string

	fn func(*vm, *pacer) error
}

// group is a part of the table under one heading.
type group struct {
	title, prefix, doc string
	calls              []Call
}

// dispatchTable finds a call by its number.
type dispatchTable [600]func(*vm, *pacer) error

func newDispatchTable() *dispatchTable {
	t := new(dispatchTable)
	for _, g := range groups() {
		for _, c := range g.calls {
			t[c.Number] = c.fn
		}
	}
	return t
}

func groups() []group {
	return []group{
		{"Control", "SYS", "What a program tells the host about itself and about the request.", controlCalls()},
		{"The cache", "SYS", "The key, HASH_DATA, and the terms CACHEABLE and TTL stand under Control: they are older. Terms that on_recv sets hold for the answer to the request, whoever makes it; those of a forge come before them. " +
			"What a program does not set is found as for any answer, in its Cache-Control, Surrogate-Key and other fields. An object is its tenant's alone, whatever its key.", cacheCalls()},
		{"Messages", "SYS", "Messages are selected by `where`: 0 REQ, 1 REQ_TOP, 2 RESP, 3 OBJ (never available), 4 BEREQ, 5 BERESP. " +
			"Lines are numbered: 0 method, 1 URL, 2 protocol, 3 status, 4 reason; fields begin at 6 and are whole lines, `Name: value`. " +
			"A line with CR, LF, NUL or another control byte, a name that is no token, and the fields that belong to the codec " +
			"(Connection, Content-Length, Expect, Forwarded, Host, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade, Via, X-Forwarded-*) " +
			"are refused with -1, and nothing changes. Selecting a message that the stage does not have ends the call. BEREQ can only be read.", fieldCalls()},
		{"Regular expressions and encodings", "SYS", "Expressions are RE2. What RE2 cannot do (look-around, back-references, possessive groups) ends the call with an error that names the construct.", regexCalls()},
		{"Native heap and memory", "NATIVE", "The allocator's notes are the host's: 16-byte alignment and rounding, first fit from the lowest address, immediate joining of free neighbours. " +
			"A fork allocates above what main allocated.", heapCalls()},
		{"Linux", "LINUX", "What a static C library needs to start. There are no files, no sockets and no threads; results are negative errno values.", linuxCalls()},
	}
}

// Calls returns the table in the order of the documentation.
func Calls() []Call {
	var all []Call
	for _, g := range groups() {
		all = append(all, g.calls...)
	}
	return all
}

// Reference writes docs/reference/abi.md.
func Reference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Guest calls\n\nGenerated from the table of host calls; do not edit.\n\n" +
		"A call is `ecall` with its number in a7 and arguments in a0–a6; the result is in a0 and every other register is kept. " +
		"32-bit results are sign-extended. A buffer is a pointer and a length in consecutive registers, at most 16 MiB; length 0 is empty whatever the pointer. " +
		"A call that is not in this table leaves a0 as it was. EBREAK is call 599 and execution continues. " +
		"\"ends the call\" means that the request-side callback answers 503 and a forge 500, unless `on_fault = \"pass\"`. " +
		"Calls 540 to 545 are of ABI revision 2, all others of 1.\n")
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| no. | name | arguments | result | errors | cost | |\n|---:|---|---|---|---|---|---|\n", g.title, g.doc)
		for _, c := range g.calls {
			fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s |\n", c.Number, c.Name, dash(c.Args), dash(c.Result), dash(c.Errors), dash(c.Cost), c.Doc)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// Header writes sdk/abi/abi.h.
func Header(w io.Writer) error {
	var b strings.Builder
	b.WriteString("/* Numbers of Fishplate's guest ABI. Generated from the table of host calls; do not edit. */\n" +
		"#ifndef FISHPLATE_ABI_H\n#define FISHPLATE_ABI_H\n\n#define FP_ABI_REVISION 2\n")
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n/* %s */\n", g.title)
		for _, c := range g.calls {
			fmt.Fprintf(&b, "#define FP_%s_%s %d\n", g.prefix, c.Name, c.Number)
		}
	}
	b.WriteString("\n/* Messages */\n")
	for i, n := range []string{"REQ", "REQ_TOP", "RESP", "OBJ", "BEREQ", "BERESP"} {
		fmt.Fprintf(&b, "#define FP_%s %d\n", n, i)
	}
	b.WriteString("#define FP_INVALID 0xFFFFFFFFu\n#define FP_LINE_METHOD 0\n#define FP_LINE_URL 1\n#define FP_LINE_PROTOCOL 2\n" +
		"#define FP_LINE_STATUS 3\n#define FP_LINE_REASON 4\n#define FP_LINE_FIRST_FIELD 6\n\n/* Callbacks */\n")
	for i, n := range callbackNames() {
		fmt.Fprintf(&b, "#define FP_CALLBACK_%s %d\n", n, i+1)
	}
	b.WriteString("\n#endif\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func callbackNames() []string {
	return []string{"ON_RECV", "ON_HASH", "ON_SYNTH", "ON_BACKEND_FETCH", "ON_BACKEND_RESPONSE", "ON_BACKEND_ERROR",
		"ON_DELIVER", "ON_HIT", "ON_MISS", "ON_LIVE_UPDATE", "ON_RESUME_UPDATE"}
}
