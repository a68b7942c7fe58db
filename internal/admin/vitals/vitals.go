package vitals

import "time"

// Accept is how connections come in at the addresses of one listener. What the
// system does not tell, as of Unix sockets, is null.
type Accept struct {
	Shards  int    `json:"shards"`     // of all its addresses
	Spread  string `json:"spread"`     // how the kernel chooses among the shards of an address: "incoming_cpu", "cbpf", "hash", "" for one
	Backlog int    `json:"backlog"`    // of each socket, as the configuration asks
	Granted *int   `json:"granted"`    // the least that the kernel has granted to one
	Queue   *int   `json:"queue"`      // connections that wait now
	Most    *int   `json:"queue_most"` // the longest that a socket's queue was found to be
	Dropped *int64 `json:"dropped"`    // connections and handshakes that the kernel dropped at them
	Shed    int64  `json:"shed"`       // connections closed at once for want of descriptors
	// Local is the share of connections that were accepted on the processor that
	// their packets came in by, of those looked at.
	Local *float64 `json:"local"`
}

// Check is the last verdict of one of the doctor's checks.
type Check struct {
	ID     string    `json:"id"`
	Status string    `json:"status"` // "ok", "warn", "fail", "info", "unknown", "skip"
	Text   string    `json:"text"`   // what was found
	Fix    []string  `json:"fix"`    // what would mend it; of "warn" and "fail"
	Since  time.Time `json:"since"`  // when the verdict became this one
}
