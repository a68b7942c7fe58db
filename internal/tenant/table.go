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

// Since returns the revision of the ABI, as call 540 tells it, that has the call.
func (c Call) Since() int {
	switch {
	case c.Number >= 580 && c.Number < 600 || c.Number < 540:
		return 1
	case c.Number <= 545:
		return 2
	}
	return 3
}

// Units names what the call's numbers count, other than bytes.
func (c Call) Units() string {
	switch c.Number {
	case 518:
		return "s"
	case 541:
		return "ms, bytes"
	case 542, 543, 544, 671:
		return "ms"
	case 550:
		return "s, ns"
	case 551:
		return "ns"
	}
	return ""
}

// group is a part of the table under one heading.
type group struct {
	title, prefix, doc string
	calls              []Call
}

// dispatchTable finds a call by its number.
type dispatchTable [800]func(*vm, *pacer) error

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
		{"Control", "SYS", "What a program tells the host about itself and about the request.", append(controlCalls(), nextCalls()...)},
		{"The storage machine", "SYS", storageDoc, storageCalls()},
		{"Key-value storage", "SYS", stateDoc, kvCalls()},
		{"The client and the request", "SYS", "Facts of the request at hand. Texts are written to (destination, size): a0 is the full length, and they are written only when they fit. " +
			"Errors are the negative results FP_E_…; ERROR_TEXT tells more of the last one. Where there is no request, in main, the result is FP_E_STAGE.", requestCalls()},
		{"Ways", "SYS", "Where a request goes, and what is taken out of the tenant's own part of the cache.", flowCalls()},
		{"The cache", "SYS", "The key, HASH_DATA, and the terms CACHEABLE and TTL stand under Control: they are older. Terms that on_recv sets hold for the answer to the request, whoever makes it; those of a forge come before them. " +
			"What a program does not set is found as for any answer, in its Cache-Control, Surrogate-Key and other fields. An object is its tenant's alone, whatever its key.", cacheCalls()},
		{"Messages", "SYS", "Messages are selected by `where`: 0 REQ, 1 REQ_TOP, 2 RESP, 3 OBJ, 4 BEREQ, 5 BERESP. " +
			"Lines are numbered: 0 method, 1 URL, 2 protocol, 3 status, 4 reason; fields begin at 6 and are whole lines, `Name: value`. " +
			"A line with CR, LF, NUL or another control byte, a name that is no token, and the fields that belong to the codec " +
			"(Connection, Content-Length, Expect, Forwarded, Host, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade, Via, X-Forwarded-*) " +
			"are refused with -1, and nothing changes. Selecting a message that the stage does not have ends the call. OBJ is the object in on_hit, and without fields and of status 0 in on_miss; it cannot be edited. In on_hit and on_miss method, URL and protocol stay. BEREQ can only be read in on_backend_response, on_backend_error and a forge. A status with a body stays one in on_backend_response of a server's answer and in on_deliver.", fieldCalls()},
		{"Asking others", "SYS", askDoc, fetchCalls()},
		{"Bodies by pieces", "SYS", bodyDoc, bodyCalls()},
		{"Regular expressions and encodings", "SYS", "Expressions are RE2's where it can read them, and then a match takes time in proportion to its text. " +
			"What RE2 cannot do (look-around, back-references, atomic and possessive groups) is matched by backtracking, within a bound of work that is charged; status and `check` name such expressions.", regexCalls()},
		{"Texts", "SYS", "Coding and decoding of texts. Records are of 64-bit words, on 32-bit guests too.", textCalls()},
		{"Documents", "SYS", "JSON by paths of names and places, `a.b.0.c`, in which a backslash takes the meaning from the byte behind it; an empty path is the document. At most 512 levels. " +
			"XML by paths `a/b[2]/@id` from the root element down, places from 1; a text is all that an element contains. At most 256 levels; entities of its own that a document declares are not known.", documentCalls()},
		{"Time and randomness", "SYS", "", timeCalls()},
		{"Log, counters and spans", "SYS", "What operators see of a program: fields and spans of the access log's line of this request (`guest`, `guest_spans`), counters of the tenant.", logCalls()},
		{"Objects of the tenant", "SYS", "The tenant's own part of the cache's store, by keys of its own that never meet those of URLs.", objectCalls()},
		{"Cryptography", "SYS", "", cryptoCalls()},
		{"Native heap and memory", "NATIVE", "The allocator's notes are the host's: 16-byte alignment and rounding, first fit from the lowest address, immediate joining of free neighbours. " +
			"A fork allocates above what main allocated.", heapCalls()},
		{"Linux", "LINUX", "What a static C library needs to start. Threads share one hart; there are no files and no sockets. Results are negative errno values.", linuxCalls()},
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
		"Each call costs 40 instructions beside what the column *cost* says. Whoever writes to more than 64 pages of 4 KiB that are as main left them, itself or by a call, pays 2,400 for each further one. " +
		"What costs more than is left of a slice waits for its turn before it is done; what costs more than is left of the budget is not done. " +
		"The last column but one is the ABI revision that has the call (call 540).\n")
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| no. | name | arguments | result | errors | cost | units | since | |\n|---:|---|---|---|---|---|---|---:|---|\n", g.title, g.doc)
		for _, c := range g.calls {
			fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s | %d | %s |\n", c.Number, c.Name, dash(c.Args), dash(c.Result), dash(c.Errors), dash(c.Cost), dash(c.Units()), c.Since(), c.Doc)
		}
	}
	b.WriteString("\n## Differences from libvmod-riscv\n\nA program asks with REVISION (540): this host answers the revision of this table; libvmod-riscv leaves a0 as it was. " +
		"With -1 in a0 beforehand, a negative answer means libvmod-riscv and its behaviour. All that is listed here holds from revision 1 on, except what names a call of a later one.\n\n" +
		"| | libvmod-riscv | here | why |\n|---|---|---|---|\n")
	for _, d := range differences() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.what, d.there, d.here, d.why)
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
		"#ifndef FISHPLATE_ABI_H\n#define FISHPLATE_ABI_H\n\n")
	fmt.Fprintf(&b, "#define FP_ABI_REVISION %d\n", revision)
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
	b.WriteString("\n/* Negative results of calls from 540 on */\n")
	for i, n := range []string{"NONE", "INVALID", "LIMIT", "TIME", "FAILED", "DENIED", "CONFLICT", "STAGE"} {
		fmt.Fprintf(&b, "#define FP_E_%s (-%d)\n", n, i+1)
	}
	b.WriteString("\n#define FP_INVALID 0xFFFFFFFFu\n#define FP_LINE_METHOD 0\n#define FP_LINE_URL 1\n#define FP_LINE_PROTOCOL 2\n" +
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
