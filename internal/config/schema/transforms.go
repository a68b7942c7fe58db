package schema

// Transform is one row of the balancing language.
type Transform struct {
	Name  string
	Args  string // how it is written in a pipeline; "" = no arguments
	Alone bool   // may stand as balance = "NAME"
	Doc   string
}

// Transforms is the table of the balancing language.
func Transforms() []Transform {
	return []Transform{
		{"roundrobin", "", true, "By turns, smooth and weighted."},
		{"ratio", `("p90")`, true, "By turns; a weight is divided by the time to first byte, measured over ten seconds: static (none), average, minimum, maximum, p50, p75, p90, p95, p99, or as it will be: ratio(\"predict\", \"p90\", \"past=30s\", \"rate=20\", \"ahead=15s\")."},
		{"leastconn", "", true, "Fewest requests in flight for its weight."},
		{"random", "", true, "At random, by weight."},
		{"p2c", "", true, "The less busy of two taken at random."},
		{"first", "", true, "The first in file order that has room."},
		{"ewma", "", true, "Lowest moving average of the latency."},
		{"source", "", true, "By the client's address."},
		{"path", "", true, "By the path."},
		{"ring", "", true, "By the path, on a ring of points."},
		{"maglev", "", true, "By the path, by a Maglev table."},
		{"rendezvous", "", true, "By the path, by the highest hash."},
		{"carp", "", true, "By the URL, as the CARP draft says."},
		{"fresh", `("6s")`, false, "Keeps servers whose own load report is not older."},
		{"zone", `("eu-1a")`, false, "Keeps servers of the zone, if any."},
		{"shuffle", "()", false, "Puts them in random order."},
		{"weight", "()", false, "Puts them in random order, heavier ones rather first."},
		{"take", `("log2")`, false, "Keeps the first N, or the logarithm of their number."},
		{"least", `("load")`, false, "Keeps those with the least load, connections or latency."},
		{"hash", `(path, "rendezvous")`, false, "Orders by the hash of a value: rendezvous, maglev, ring, carp, carp-squid or sum."},
		{"bounded", "(1.25)", false, "Skips servers above so many times the average load."},
	}
}
