package tenant

// difference is something that programs for libvmod-riscv see otherwise here.
type difference struct{ what, there, here, why string }

func differences() []difference {
	return []difference{
		{"SHA256", "writes the digest of nothing", "writes the digest of the bytes", "the call promises it"},
		{"BASE64_DECODE", "length in whole threes, padding as zero bytes", "length of the data", "decoded text has no zeros behind it"},
		{"CACHEABLE", "the answer is the wrong way round: 1 for what may not be cached", "1 for what may be cached", "`cacheable()` says what its name promises; setting it is as ever"},
		{"header fields", "any line may be written", "CR, LF, NUL and other control bytes, names that are no tokens, and fields of framing, hop and forwarding are refused with -1", "response splitting and request smuggling"},
		{"method, target, protocol, status, reason", "any text", "checked as a client's: HEAD stays HEAD and nothing becomes it, a protocol may become HTTP/1.0 and not newer than the client's, a reason has no control bytes; that of an answer's protocol is -1", "the same"},
		{"handles of expressions", "16, and use of a freed one ends the host", "64, and it ends the call", "a program cannot reach the host"},
		{"expressions", "PCRE2 with its own limits", "RE2 where that can read them, else backtracking whose steps are charged to the call; REGEX_INFO tells", "no expression takes longer than the call may"},
		{"REGEX_SUBST", "reads its text up to a NUL", "reads the length given", "bytes of the host behind the text"},
		{"forge", "no limit of instructions or time; its target travels in header fields", "the budgets of every call; the target stays in the host", "one program must not stop others, nor clients choose functions"},
		{"main", "no limit of memory", "the tenant's limit", "the same"},
		{"memory", "misaligned access is rounded down; a page read before it is written faults", "true misaligned access; pages are written as they are read", "they are what the architecture says"},
		{"cache keys", "not separated by tenant", "the tenant is in every key", "one tenant must not read another's objects"},
		{"an invalid message, callback or backend", "some of them end the host", "they end the call, or are -1", "a program cannot reach the host"},
		{"debugging", "a client's field chooses the debug machine", "never chosen by a client", "the same"},
		{"calls that nobody handles", "a0 unchanged", "the same; numbers from 540 on answer negative results, FP_E_…", "programs probe"},
	}
}
