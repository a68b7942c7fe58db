package schema

func vhostBlock() *Block {
	return &Block{Name: "vhost", Label: "name", Many: true, Doc: "Groups routes under host names.", Attrs: []Attr{
		{Name: "hosts", Kind: Strings, Doc: "Names, \"*.NAME\" for all below one. Exact wins over wildcard, wildcard over none; ports are ignored. Default: any host."},
		{Name: "sni", Kind: Strings, Doc: "Server names of TLS connections, for listeners that speak \"tcp\". \"*\" is every other client of those, with a name or without; where no other name is given, the server may speak first."},
		{Name: "tenant", Kind: String, Doc: "Its program sees every request of this vhost; a route may say otherwise. Without routes, also a last route \"all\"."},
		{Name: "backend", Kind: String, Doc: "Short for a last route \"all\" to this backend."},
		{Name: "split", Kind: Shares, Doc: "Short for a last route \"all\" with this split."},
	}, Blocks: []*Block{routeBlock(), policyBlock("vhost")}}
}

func routeBlock() *Block {
	return &Block{Name: "route", Label: "name", Many: true, Doc: "The first route that matches decides, in file order.", Attrs: []Attr{
		{Name: "path", Kind: String, Doc: "\"/exact\", \"/prefix/*\" or \"~REGEX\" (RE2). Default: any path."},
		{Name: "methods", Kind: Strings, Doc: "Default: any method."},
		{Name: "when", Kind: Condition, Doc: "A predicate over the request."},
		{Name: "backend", Kind: String, Doc: "Where the request goes."},
		{Name: "split", Kind: Shares, Doc: "Backends and their shares, 100% in sum."},
		{Name: "mirror", Kind: String, Doc: "Backend that gets a copy; its answer is dropped."},
		{Name: "tenant", Kind: String, Doc: "Tenant whose program sees the request; \"off\": none. Default: the vhost's."},
		{Name: "tenant_argument", Kind: Text, Doc: "Third argument of the program's callbacks; null is an empty one."},
	}, Blocks: []*Block{
		{Name: "redirect", Doc: "Answers with a Location.", Attrs: []Attr{
			{Name: "status", Kind: Int, Default: "308", Range: "300..308", Doc: "301, 302, 303, 307 or 308."},
			{Name: "to", Kind: Text, Required: true, Doc: "The location."},
		}},
		{Name: "respond", Doc: "Answers from the configuration.", Attrs: []Attr{
			{Name: "status", Kind: Int, Default: "200", Range: "200..599", Doc: "Status code."},
			{Name: "body", Kind: String, Doc: "The body; `file(\"…\")` reads one."},
			{Name: "headers", Kind: Fields, Doc: "Fields of the answer."},
		}},
		{Name: "request", Doc: "Edits of the request, before the tenant's program sees it.", Attrs: append(editAttrs(),
			Attr{Name: "rewrite", Kind: Text, Doc: "The new path, and query if it has a \"?\"."})},
		{Name: "response", Doc: "Edits of the answer.", Attrs: editAttrs()},
		{Name: "limits", Doc: "Bounds on requests of this route.", Attrs: []Attr{
			{Name: "body", Kind: SizeT, Default: "0B", Doc: "Largest request body; 0: any."},
			{Name: "allow", Kind: Networks, Doc: "Only these clients; others get 403."},
			{Name: "deny", Kind: Networks, Doc: "Not these clients: 403."},
		}, Blocks: []*Block{
			{Name: "rate", Label: "name", Many: true, Doc: "A token bucket for each value of key; 429 when it is empty.", Attrs: []Attr{
				{Name: "key", Kind: Text, Doc: "Default: one bucket for all."},
				{Name: "rate", Kind: RateT, Required: true, Range: "0.001/s..1000000000/s", Doc: "Tokens."},
				{Name: "burst", Kind: Int, Range: "1..1000000000", Doc: "Size of the bucket. Default: what one second brings, at least 1."},
			}},
		}},
		{Name: "timeouts", Doc: "Instead of the backend's.", Attrs: []Attr{
			{Name: "first_byte", Kind: DurationT, Range: "1ms..1d", Doc: "From the request's end to the first byte of the answer."},
		}},
		policyBlock("route"),
	}}
}

func editAttrs() []Attr {
	return []Attr{
		{Name: "set", Kind: Fields, Doc: "Replaces all fields of a name; null removes."},
		{Name: "add", Kind: Fields, Doc: "Appends."},
		{Name: "remove", Kind: Strings, Doc: "Names to remove."},
	}
}

func backendBlock() *Block {
	return &Block{Name: "backend", Label: "name", Many: true, Doc: "A group of servers.", Attrs: []Attr{
		{Name: "servers", Kind: Strings, Doc: "Short for a server block for each address, named by it."},
		{Name: "balance", Kind: Pipeline, Default: "roundrobin", Doc: "A balancer's name, or a pipeline of transforms of the candidates; see below."},
		{Name: "protocol", Kind: String, Default: "http/1.1", OneOf: []string{"http/1.1", "h2", "auto"}, Doc: "What servers speak. h2 and auto are not built yet."},
		{Name: "grace", Kind: DurationT, Default: "0s", Range: "0s..7d", Doc: "How long a server that left the configuration keeps its pinned sessions."},
		{Name: "slow_start", Kind: DurationT, Default: "0s", Range: "0s..1d", Doc: "Time in which a server that came up grows to its weight."},
	}, Blocks: []*Block{
		serverBlock(), discoverBlock(),
		{Name: "tls", Doc: "Reaches servers by TLS.", Attrs: []Attr{
			{Name: "ca", Kind: File, Doc: "Authorities. Default: the system's."},
			{Name: "server_name", Kind: String, Doc: "Name sent and verified. Default: the host of the address."},
			{Name: "cert", Kind: File, Doc: "Client certificate."},
			{Name: "key", Kind: File, Doc: "Its key."},
			{Name: "verify", Kind: String, Default: "on", OneOf: []string{"on", "off"}, Doc: "\"off\" trusts anybody, and `check` warns of it."},
		}},
		{Name: "check", Label: "kind", Labels: []string{"http", "tcp"}, Doc: "Active health checks.", Attrs: []Attr{
			{Name: "path", Kind: String, Default: "/", Doc: "Asked for by GET (http)."},
			{Name: "host", Kind: String, Doc: "Host of the request (http). Default: the server's address."},
			{Name: "status", Kind: String, Default: "200-399", Doc: "Healthy answers: a status or a range (http)."},
			{Name: "interval", Kind: DurationT, Default: "2s", Range: "10ms..1d", Doc: "Between two checks."},
			{Name: "timeout", Kind: DurationT, Default: "1s", Range: "1ms..1h", Doc: "Of one check."},
			{Name: "rise", Kind: Int, Default: "2", Range: "1..1000", Doc: "Good checks until up."},
			{Name: "fall", Kind: Int, Default: "3", Range: "1..1000", Doc: "Bad checks until down."},
			{Name: "load_header", Kind: String, Doc: "Field of the answer by which a server reports its own load (http)."},
		}},
		{Name: "eject", Doc: "Takes a server out after errors of real requests.", Attrs: []Attr{
			{Name: "errors", Kind: Int, Default: "5", Range: "1..1000000", Doc: "In the window."},
			{Name: "window", Kind: DurationT, Default: "10s", Range: "10ms..1d", Doc: "The window."},
			{Name: "for", Kind: DurationT, Default: "30s", Range: "10ms..1d", Doc: "Time out."},
			{Name: "max", Kind: PercentT, Default: "50%", Range: "0%..100%", Doc: "Share of the servers that may be out at once."},
		}},
		{Name: "queue", Doc: "Requests that wait while every server is at max_connections.", Attrs: []Attr{
			{Name: "limit", Kind: Int, Default: "1000", Range: "1..1000000", Doc: "Longest queue; the next gets 503."},
			{Name: "timeout", Kind: DurationT, Default: "5s", Range: "1ms..1h", Doc: "Longest wait."},
			{Name: "priority", Kind: Number, Doc: "Higher first; equal: first come first."},
		}},
		{Name: "retry", Doc: "Another server after a failure.", Attrs: []Attr{
			{Name: "attempts", Kind: Int, Default: "2", Range: "0..10", Doc: "Further tries after the first."},
			{Name: "on", Kind: Strings, Default: "connect", Doc: "\"connect\", \"reset\", \"timeout\" or a status. Non-idempotent requests only when nothing was sent."},
			{Name: "budget", Kind: PercentT, Default: "20%", Range: "0%..100%", Doc: "Share of the requests that may be retries."},
		}},
		persistBlock(),
		{Name: "timeouts", Doc: "Bounds on a server's slowness.", Attrs: []Attr{
			{Name: "connect", Kind: DurationT, Default: "3s", Range: "1ms..1h", Doc: "To open a connection."},
			{Name: "first_byte", Kind: DurationT, Default: "60s", Range: "1ms..1d", Doc: "From the request's end to the first byte of the answer."},
			{Name: "idle", Kind: DurationT, Default: "60s", Range: "1ms..1d", Doc: "Between two pieces of the answer, and of an unused connection."},
		}},
		{Name: "pool", Doc: "Idle connections.", Attrs: []Attr{
			{Name: "idle", Kind: Int, Default: "256", Range: "0..100000", Doc: "Kept per server; 0: none."},
			{Name: "max_age", Kind: DurationT, Default: "0s", Range: "0s..30d", Doc: "Of a connection; 0: any."},
		}},
	}}
}

func serverBlock() *Block {
	return &Block{Name: "server", Label: "name", Many: true, Doc: "One address.", Attrs: []Attr{
		{Name: "address", Kind: String, Required: true, Doc: "\"HOST:PORT\" or \"unix:/PATH\"."},
		{Name: "weight", Kind: Int, Default: "100", Range: "0..65535", Doc: "Share of the work; 0: pinned sessions only."},
		{Name: "max_connections", Kind: Int, Default: "0", Range: "0..10000000", Doc: "Requests at once; 0: any number."},
		{Name: "slow_start", Kind: DurationT, Range: "0s..1d", Doc: "Instead of the backend's."},
		{Name: "grace", Kind: DurationT, Range: "0s..7d", Doc: "Instead of the backend's, once it is removed."},
		{Name: "backup", Kind: Bool, Default: "false", Doc: "Used when no other is up."},
		{Name: "state", Kind: String, OneOf: []string{"drain", "maintenance"}, Doc: "\"drain\": pinned sessions only; \"maintenance\": nothing."},
		{Name: "zone", Kind: String, Doc: "For the transform zone()."},
	}}
}

func discoverBlock() *Block {
	return &Block{Name: "discover", Label: "kind", Labels: []string{"dns"}, Doc: "Finds servers.", Attrs: []Attr{
		{Name: "name", Kind: String, Required: true, Doc: "Asked for; by TTL, the last good answer is kept."},
		{Name: "port", Kind: Int, Range: "1..65535", Doc: "Port of the servers; without it SRV records are asked for."},
		{Name: "type", Kind: String, OneOf: []string{"a", "srv"}, Doc: "Default: \"a\" with port, else \"srv\"."},
		{Name: "resolver", Kind: String, Doc: "DNS server, \"HOST:PORT\". Default: the system's."},
		{Name: "min", Kind: Int, Default: "1", Range: "0..10000", Doc: "An answer with fewer addresses is not believed."},
	}}
}

func persistBlock() *Block {
	return &Block{Name: "persist", Label: "kind", Labels: []string{"cookie", "source", "header", "query"}, Doc: "Pins a client to a server.", Attrs: []Attr{
		{Name: "mode", Kind: String, Default: "insert", OneOf: []string{"insert", "rewrite", "prefix", "passive"}, Doc: "cookie: who makes it."},
		{Name: "name", Kind: String, Doc: "Of the cookie (default \"SRV\"), field or parameter."},
		{Name: "mask", Kind: Int, Default: "32", Range: "1..32", Doc: "source: bits of an IPv4 address."},
		{Name: "mask6", Kind: Int, Default: "64", Range: "1..128", Doc: "source: bits of an IPv6 address."},
		{Name: "max_age", Kind: DurationT, Default: "0s", Range: "0s..3650d", Doc: "cookie: Max-Age; 0: the browser's session."},
		{Name: "idle", Kind: DurationT, Default: "0s", Range: "0s..3650d", Doc: "cookie: longest time between two uses; 0: any."},
		{Name: "path", Kind: String, Default: "/", Doc: "cookie: its Path."},
		{Name: "domain", Kind: String, Doc: "cookie: its Domain."},
		{Name: "http_only", Kind: Bool, Default: "true", Doc: "cookie: HttpOnly."},
		{Name: "secure", Kind: Bool, Default: "false", Doc: "cookie: Secure."},
		{Name: "same_site", Kind: String, OneOf: []string{"lax", "strict", "none"}, Doc: "cookie: SameSite."},
		{Name: "size", Kind: Int, Default: "100000", Range: "1..100000000", Doc: "Entries of the table."},
		{Name: "age", Kind: DurationT, Default: "30m", Range: "1s..3650d", Doc: "An entry unused for so long is forgotten."},
		{Name: "on_down", Kind: String, Default: "rebalance", OneOf: []string{"rebalance", "wait", "fail"}, Doc: "When the pinned server is down. One that is gone for good is never waited for."},
		{Name: "follow", Kind: String, Default: "route", OneOf: []string{"route", "session"}, Doc: "When a route comes to name another backend: \"session\" keeps who is pinned here until `grace` ends. A program that names a backend is not overruled."},
	}}
}
