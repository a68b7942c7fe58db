package tenant

// difference is something that programs for libvmod-riscv see otherwise here.
type difference struct{ what, there, here, why string }

func differences() []difference {
	return []difference{
		{"SHA256", "writes the digest of nothing", "writes the digest of the bytes", "the call promises it"},
		{"BASE64_DECODE", "length in whole threes, padding as zero bytes", "length of the data", "decoded text has no zeros behind it"},
		{"CACHEABLE", "the answer is the wrong way round: 1 for what may not be cached", "1 for what may be cached", "`cacheable()` says what its name promises; setting it is as ever"},
		{"header fields", "any line may be written", "CR, LF, NUL and other control bytes, names that are no tokens, and fields of framing, hop and forwarding, also with _ for -, are refused with -1", "response splitting and request smuggling"},
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
		{"field lines", "kept byte for byte", "always `Name: value`: one space behind the colon, none at the ends", "`value()` of a line that was written without the space is its value, not empty"},
		{"HTTP_ROLLBACK", "the message as it was received", "the message as it was before this call of the program", "rules, caches and earlier callbacks have relied on the edits by then"},
		{"HTTP_SET_STATUS of a request", "is written and answered, and means nothing", "-1", "a request has none"},
		{"OBJ", "every use throws", "can be read in on_hit; of status 0 in on_miss", "on_hit has something to decide by"},
		{"SYNTH in on_recv", "pauses, and is repeated in vcl_synth; a status of 100 and more", "answers at once; 200 to 599", "interim answers are the codec's"},
		{"a buffer of length 0", "faults for some addresses", "is empty whatever the address", "Rust and C++ pass such ones"},
		{"SET_BACKEND, PURGE, BAN", "there are no backends to choose, no purge, and bans strike the whole cache", "by place among the tenant's `backends`; within the tenant's part of the cache", "they do what they are called, and one tenant must not empty another's part"},
		{"a fault in on_synth, and on the backend's side", "fails the request", "an error of the host's own stays as it is when on_synth fails; on the backend's side on_backend_error is asked first", "a program can answer for itself, and one error need not become another"},
		{"abort(), and TGKILL without a handler", "the call ends as if the program had returned; a forge's registers are taken for an answer", "the call ends with a fault", "half an answer is none"},
		{"sleeping, and waits of the only thread", "keep the host's thread", "the program's clocks jump; a wait that nobody can end is a fault", "a program's wait must not cost others"},
		{"threads", "registers as C libraries leave them; time-outs of futex ignored", "the kernel's: CLONE and CLONE3, time-outs, robust lists, pre-emption, signals to threads", "any static C library works"},
		{"GETTID, SET_TID_ADDRESS", "0 for the first thread", "its number for a program with thread-local storage, else 0", "locks know their owners by it"},
		{"BRK of 0", "the beginning of the heap", "what was set last, for a program with thread-local storage", "else the heap would lie on the thread's own data"},
		{"MMAP of a file, MREMAP of another mapping than the last, MPROTECT of data to executable", "an exception; -1; allowed", "-9; -12; -22", "as the kernel says it, and no page becomes code"},
		{"UNAME", "RISC-V C++ Emulator, libriscv", "Fishplate, guest", "it says what it is"},
		{"the storage machine", "runs from the start; has an own address space from the same addresses", "main runs once to learn what is registered and, where the machine is used, once more, when it is; heap and stack lie above those of requests", "most programs never use it, and a caller's memory is seen at its own addresses"},
		{"state after an update", "may lose what is written meanwhile", "handed over under the storage's lock; undone when the new program does not take it", "nothing is lost"},
		{"names of tenants", "found by CRC-32C of the name, byte for byte", "the whole name; a host is compared in lower case and without port", "names do not collide"},
		{"groups of tenants.json", "must sort before who uses them", "in any order", "a name should not matter"},
		{"a second load of the same tenants", "fails", "replaces them", "configurations are reloaded"},
		{"calls that nobody handles", "a0 unchanged", "the same; numbers from 540 on answer negative results, FP_E_…", "programs probe"},
	}
}
