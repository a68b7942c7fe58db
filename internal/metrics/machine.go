package metrics

// Address is the table of an address that a listener is open at: NewSet(0), and
// Reading.More has them all. What the system does not tell is 0.
var Address = Table{Subject: "address of a listener", Labels: []string{"listener", "address"}, Rows: []Row{
	{At: 0, Name: "fishplate_accept_connections_total", Help: "Connections accepted at the address."},
	{At: 1, Name: "fishplate_accept_shed_total", Help: "Connections closed at once because the process had no descriptor left."},
	{At: 2, Name: "fishplate_accept_dropped_total", Help: "Connections and handshakes that the kernel dropped at the address: its queue was full, or a SYN found no place."},
	{At: 3, Name: "fishplate_accept_shards", Kind: Gauge, Help: "Sockets that share the address."},
	{At: 4, Name: "fishplate_accept_queue", Kind: Gauge, Help: "Connections that wait to be accepted, in the queues of all its sockets."},
	{At: 5, Name: "fishplate_accept_queue_most", Kind: Gauge, Help: "The longest that the queue of one of its sockets was found to be."},
	{At: 6, Name: "fishplate_accept_backlog", Kind: Gauge, Help: "Connections that may wait at each socket, as the configuration asks."},
	{At: 7, Name: "fishplate_accept_backlog_granted", Kind: Gauge, Help: "Connections that may wait at each socket, as the kernel has granted."},
	{At: 8, Name: "fishplate_accept_cpu_looks_total", Help: "Connections whose processors were compared, at most a hundred a second and socket."},
	{At: 9, Name: "fishplate_accept_cpu_hits_total", Help: "Those of them that were accepted on the processor that their packets came in by."},
	{At: 10, Name: "fishplate_accept_spun_total", Help: "Connections that came while the empty queue was looked at, before anybody slept (accept.spin)."},
}}

// Check is the table of one of the doctor's checks that run beside the service:
// NewSet(0), and Reading.More has a 1 at its verdict. The labels are those that
// the verb prints.
var Check = Table{Subject: "check of the doctor", Labels: []string{"id", "scope"}, Rows: []Row{
	{At: 0, Name: "fishplate_doctor_check", Kind: Gauge, Label: "status", Values: []string{"fail", "warn", "unknown", "info", "ok", "skip"}, Help: "Verdict of a check: 1 at the status that it has."},
}}

// Namespace is the table of the network namespace that the process is in, as the
// doctor's checks saw it last: NewSet(0), and Reading.More has them all.
var Namespace = Table{Subject: "network namespace", Rows: []Row{
	{At: 0, Name: "fishplate_netns_listen_overflows_total", Help: "Connections lost at full queues of anybody's listeners in the network namespace."},
	{At: 1, Name: "fishplate_netns_listen_drops_total", Help: "Connections and handshakes dropped at anybody's listeners there; fishplate_accept_dropped_total is our part."},
}}
