package tenant

// A Cause is a word for what ended a request at a tenant.
type Cause struct {
	Name   string
	Status int // in a callback; a forge that fails is answered with 500 instead
	Doc    string
}

// Causes returns the words that faults of tenants have, as the reference lists
// them.
func Causes() []Cause {
	return []Cause{
		{"guest-missing", 503, "the program could not be loaded, or did not start"},
		{"guest-starting", 503, "the program is being started in the background, and was not ready within 5 s"},
		{"guest-queue-full", 503, "all of concurrency, or of forks, is taken, and as many wait as queue allows"},
		{"guest-queue-time", 503, "no place came free within 5 s, or the client left the queue"},
		{"guest-rate", 503, "rate, the instructions per second, is used up for longer than the request may wait"},
		{"guest-forks", 503, "forks machines of the tenant are alive"},
		{"guest-fork", 503, "the host has no memory for another fork"},
		{"guest-budget", 503, "instructions, the budget of one call, is used up"},
		{"guest-time", 503, "time, the wall clock of one call, is used up, waiting for other tenants included"},
		{"guest-memory", 503, "memory is used up; during the start too"},
		{"guest-fault", 503, "the program did what no program may: the detail says what, where, and in which function"},
		{"guest-regex", 503, "an expression cannot be read, or there are too many of them"},
		{"guest-deadlock", 503, "every thread of the program waits for another"},
		{"guest-response", 500, "the answer that the program made is none"},
		{"guest-response-size", 500, "the answer is larger than max_response"},
		{"guest-abandoned", 503, "the program decided to fail the fetch"},
		{"guest-backend", 503, "the program chose a backend that the configuration has lost since the request began"},
		{"guest-cancelled", 499, "the client left while the program ran"},
		{"guest-panic", 503, "a defect of this server; the log has it"},
	}
}
