package schema

func processBlock() *Block {
	return &Block{Name: "process", Doc: "Who the process is, when root starts it.", Attrs: []Attr{
		{Name: "user", Kind: String, Restart: true, Doc: "It gives up root for this user, by name or number, before it opens anything; a helper keeps the right to bind ports below 1024, and no other. Needs state.dir and admin.socket. Started by somebody else, it stays who it is, with a warning."},
		{Name: "group", Kind: String, Restart: true, Doc: "Group, by name or number. Default: the user's own. The other groups that the user is in are kept."},
	}}
}

func stateBlock() *Block {
	return &Block{Name: "state", Doc: "Where the process keeps what must survive it.", Attrs: []Attr{
		{Name: "dir", Kind: File, Restart: true, Doc: "Journal, cache index and learned tables. Default: the XDG state directory."},
	}}
}

func adminBlock() *Block {
	return &Block{Name: "admin", Doc: "The control door.", Attrs: []Attr{
		{Name: "socket", Kind: File, Doc: "Unix socket of the API. Default: $FISHPLATE_SOCKET; without it /run/fishplate.sock as root, else fishplate.sock in the XDG runtime directory."},
	}, Blocks: []*Block{
		{Name: "http", Doc: "Metrics, API and a dashboard for the browser over TCP.", Attrs: []Attr{
			{Name: "bind", Kind: String, Required: true, Doc: "Address and port, such as \"127.0.0.1:9180\"."},
			{Name: "reads", Kind: String, OneOf: []string{"anybody", "loopback"}, Doc: "Who may read /metrics and the status of everything. Default: anybody, and only this host once a tenant has a token, since whoever has one reaches the address."},
		}},
	}}
}

func listenerBlock() *Block {
	return &Block{Name: "listener", Label: "name", Many: true, Doc: "Accepts connections.", Attrs: []Attr{
		{Name: "bind", Kind: Strings, Required: true, Doc: "Addresses: \"HOST:PORT\", \":PORT\", \"unix:/PATH\" or \"fd:NAME\" (passed by systemd)."},
		{Name: "protocols", Kind: Strings, Default: "http/1.1", OneOf: []string{"http/1.1", "h2", "h3", "tcp", "udp"}, Doc: "What is spoken; \"tcp\" stands alone. h2, h3 and udp are not built yet."},
	}, Blocks: []*Block{
		{Name: "tls", Doc: "Terminates TLS.", Attrs: []Attr{
			{Name: "certificates", Kind: Strings, Required: true, Doc: "Names of certificate blocks; chosen by the client's server name."},
			{Name: "min_version", Kind: String, Default: "1.2", OneOf: []string{"1.2", "1.3"}, Doc: "Lowest version spoken."},
			{Name: "default", Kind: String, Doc: "Certificate for a client without SNI. Default: the first."},
			{Name: "client_ca", Kind: File, Doc: "Authorities that sign client certificates."},
			{Name: "client_auth", Kind: String, OneOf: []string{"optional", "required"}, Doc: "Whether a client certificate is asked for; needs client_ca."},
			{Name: "tickets", Kind: DurationT, Default: "12h", Range: "1m..7d", Also: []string{"off"}, Doc: "Rotation of session ticket keys."},
			{Name: "curves", Kind: Strings, Default: "X25519MLKEM768 X25519 P256", OneOf: []string{"X25519MLKEM768", "X25519", "P256", "P384", "P521"}, Doc: "Key exchange, best first."},
		}},
		{Name: "forwarded", Doc: "Fields that tell servers about the client.", Attrs: []Attr{
			{Name: "trust", Kind: Networks, Doc: "Peers whose X-Forwarded-* and Forwarded are kept and extended; of all others they are dropped."},
			{Name: "send", Kind: Strings, Default: "x-forwarded via", OneOf: []string{"x-forwarded", "forwarded", "via"}, Doc: "Which fields are sent to servers."},
		}},
		{Name: "path", Doc: "The normal form of paths.", Attrs: []Attr{
			{Name: "slashes", Kind: String, Default: "merge", OneOf: []string{"merge", "keep", "refuse"}, Doc: "What becomes of \"//\"."},
		}},
		{Name: "proxy_protocol", Doc: "PROXY protocol, versions 1 and 2.", Attrs: []Attr{
			{Name: "from", Kind: Networks, Required: true, Doc: "Required from these networks, refused from others."},
		}},
		{Name: "accept", Doc: "The accept path.", Attrs: []Attr{
			{Name: "shards", Kind: Int, Range: "1..256", Also: []string{"auto"}, Doc: "Listening sockets per address. Default: \"auto\", which is one on machines of one or two processors, else one for each processor that the process may use, 64 at most."},
			{Name: "spread", Kind: String, Default: "auto", OneOf: []string{"auto", "incoming_cpu", "cbpf", "hash"}, Doc: "Which of several shards gets a client: that of the processor that its packets come in by, told by the sockets (incoming_cpu) or by a program (cbpf), or any (hash). \"auto\" is the first of these that a test at run time shows to work."},
			{Name: "backlog", Kind: Int, Default: "65535", Range: "1..1048576", Doc: "Queue of connections not accepted yet; the kernel may lower it."},
			{Name: "defer", Kind: DurationT, Range: "0s..1m", Doc: "Accept a connection only when its first bytes are there, or after this time; 0s is at once. Default: 1s, and 0s for protocols = [\"tcp\"], whose servers may speak first."},
			{Name: "fast_open", Kind: Bool, Default: "false", Doc: "TCP Fast Open."},
			{Name: "spin", Kind: DurationT, Default: "0s", Range: "0s..1ms", Also: []string{"auto"}, Doc: "How long an empty queue is looked at before the processor may sleep, which saves its wake-up and takes its time; 0s is not at all. \"auto\" is 50us where waking another processor and back takes more than 20us and time is not counted by a quota or credits, else 0s. Looking that is in vain, or while others wait for the processor, is given up for a while."},
		}},
		{Name: "limits", Doc: "Bounds on connections and request heads.", Attrs: []Attr{
			{Name: "connections", Kind: Int, Default: "100000", Range: "1..10000000", Doc: "Connections in total."},
			{Name: "per_client", Kind: Int, Default: "1024", Range: "1..10000000", Doc: "Connections of one client address (IPv6: of one /64)."},
			{Name: "head", Kind: SizeT, Default: "32KiB", Range: "1KiB..1MiB", Doc: "Whole request head."},
			{Name: "fields", Kind: Int, Default: "128", Range: "8..10000", Doc: "Header fields of a request."},
			{Name: "target", Kind: SizeT, Default: "8KiB", Range: "64B..1MiB", Doc: "Request target."},
			{Name: "body_rate", Kind: SizeT, Default: "512B", Range: "0B..1GiB", Doc: "Slowest request body, in bytes per second, after a grace of timeouts.body."},
		}},
		{Name: "timeouts", Doc: "Bounds on a client's slowness.", Attrs: []Attr{
			{Name: "head", Kind: DurationT, Default: "10s", Range: "10ms..1d", Doc: "From the first byte of a head to its last."},
			{Name: "body", Kind: DurationT, Default: "30s", Range: "10ms..1d", Doc: "Between two pieces of a request body."},
			{Name: "idle", Kind: DurationT, Default: "75s", Range: "10ms..1d", Doc: "Between two requests."},
			{Name: "write", Kind: DurationT, Default: "30s", Range: "10ms..1d", Doc: "For the client to take a piece of the answer."},
			{Name: "tunnel", Kind: DurationT, Default: "1h", Range: "10ms..30d", Doc: "An idle WebSocket or TCP tunnel."},
		}},
	}}
}

func certificateBlock() *Block {
	return &Block{Name: "certificate", Label: "name", Many: true, Doc: "A key pair on disk.", Attrs: []Attr{
		{Name: "cert", Kind: File, Doc: "PEM chain, leaf first."},
		{Name: "key", Kind: File, Doc: "PEM private key."},
	}, Blocks: []*Block{
		{Name: "acme", Doc: "Certificates by ACME.", Unbuilt: "give cert and key instead", Attrs: []Attr{
			{Name: "email", Kind: String, Doc: "Account contact."},
			{Name: "domains", Kind: Strings, Doc: "Names to ask for."},
			{Name: "directory", Kind: String, Doc: "Server's directory URL."},
		}},
	}}
}

func programBlock() *Block {
	return &Block{Name: "program", Label: "tenant", Many: true, Doc: "A tenant's program that came by the API (`tenant update`) and runs in place of the one that the tenant names. `export` writes it; files need not have it.", Attrs: []Attr{
		{Name: "sha256", Kind: String, Required: true, Doc: "Of the ELF file, 64 hexadecimal digits. It lies in the state folder, under this name."},
		{Name: "instead_of", Kind: String, Required: true, Doc: "Digest of the program that the tenant names. When that changes, it wins, and this block is dropped with a warning."},
		{Name: "version", Kind: Int, Required: true, Range: "1..1000000000", Doc: "Its number in `tenant versions`."},
		{Name: "signature", Kind: String, Doc: "Ed25519 signature, base64, where the tenant has a key."},
	}}
}

func tenantBlock() *Block {
	return &Block{Name: "tenant", Label: "name", Many: true, Doc: "Somebody's program and what it may spend.", Attrs: []Attr{
		{Name: "program", Kind: File, Required: true, Doc: "An ELF file for RISC-V, or source that is compiled when it is loaded: a .c or .cpp file, a folder with Cargo.toml or go.mod."},
		{Name: "arguments", Kind: Strings, Doc: "argv[1] and on."},
		{Name: "memory", Kind: SizeT, Default: "64MiB", Range: "64KiB..4GiB", Doc: "All that one fork may hold, image included."},
		{Name: "instructions", Kind: Int, Default: "20000000", Range: "1000..1000000000000", Doc: "Per call; exact."},
		{Name: "rate", Kind: Int, Default: "0", Range: "0..1000000000000", Doc: "Instructions per second, over all calls; what exceeds it waits, then gets 503. 0: no bound."},
		{Name: "time", Kind: DurationT, Default: "1s", Range: "1ms..10m", Doc: "Wall clock per call."},
		{Name: "concurrency", Kind: Int, Default: "64", Range: "1..100000", Doc: "Requests admitted at once."},
		{Name: "queue", Kind: Int, Default: "256", Range: "0..100000", Doc: "Requests that wait for admission; the next gets 503."},
		{Name: "forks", Kind: Int, Default: "0", Range: "0..200000", Doc: "Machines of it alive at once. 0: twice concurrency."},
		{Name: "share", Kind: Int, Default: "10", Range: "1..10000", Doc: "Weight of this tenant's CPU against the others'."},
		{Name: "backends", Kind: Strings, Doc: "Backends that its program may name; nothing else."},
		{Name: "fetches", Kind: Int, Default: "8", Range: "0..1000", Doc: "Sub-requests that one call may make. 0: none."},
		{Name: "max_response", Kind: SizeT, Range: "1KiB..4GiB", Doc: "Bytes of an answer that it makes, in one piece or streamed. Default: 16MiB in one piece, no bound on what it streams."},
		{Name: "log_rate", Kind: RateT, Default: "100/s", Doc: "Lines that it may write to the log; the others are counted and left out."},
		{Name: "on_fault", Kind: String, Default: "fail", OneOf: []string{"fail", "pass"}, Doc: "\"fail\": 503, forge 500; \"pass\": go on as if it had no program."},
		{Name: "jit", Kind: String, Default: "auto", OneOf: []string{"auto", "off"}, Doc: "\"auto\": its program is translated to code of this machine where that is possible; \"off\": it is interpreted. Both do the same, at another speed."},
	}, Blocks: []*Block{
		{Name: "storage", Doc: "Keys and values that all of its forks share.", Attrs: []Attr{
			{Name: "memory", Kind: SizeT, Required: true, Range: "64KiB..4GiB", Doc: "Its bound, with all that is kept to find them."},
		}},
		{Name: "update", Doc: "New programs by the API and `tenant update`.", Attrs: []Attr{
			{Name: "key", Kind: String, Doc: "Ed25519 public key, base64. Programs, also those in files (FILE.sig), must be signed with it."},
			{Name: "max_size", Kind: SizeT, Default: "64MiB", Range: "1KiB..1GiB", Doc: "Bytes of a program."},
			{Name: "rate", Kind: RateT, Default: "1/s", Doc: "Updates; as many as a second allows, and always three, may come at once. What exceeds it is refused."},
			{Name: "warm_up", Kind: Strings, Doc: "Requests that a new program, by the API or in a file, must answer before it serves: \"/path\" or \"METHOD /path\", at most 32, asked in their order within the tenant's limits. A fault, a limit that is reached or a status from 500 on refuses the program. What it does then has no effect, and it can fetch nothing."},
		}},
		{Name: "token", Label: "name", Many: true, Doc: "A bearer who may update this tenant by the API and see its state, metrics and logs, and nothing else.", Attrs: []Attr{
			{Name: "sha256", Kind: String, Required: true, Doc: "SHA-256 of the token, 64 hexadecimal digits: `printf %s TOKEN | sha256sum`."},
		}},
		{Name: "shadow", Doc: "A candidate that runs beside the program, without effect; what it would have done differently is reported.", Attrs: []Attr{
			{Name: "program", Kind: File, Required: true, Doc: "The candidate."},
			{Name: "share", Kind: PercentT, Default: "1%", Doc: "Of the requests."},
		}},
		{Name: "debug", Doc: "What is kept of its calls, to be looked into later.", Attrs: []Attr{
			{Name: "record", Kind: PercentT, Default: "0%", Doc: "Share of the calls that is kept for `tenant replay`."},
			{Name: "on_fault", Kind: Bool, Default: "false", Doc: "Keep every call that ends in a fault."},
			{Name: "ring", Kind: SizeT, Default: "4MiB", Range: "64KiB..1GiB", Doc: "Bound of what is kept; the oldest goes."},
		}},
		policyBlock("tenant"),
	}}
}

func tenantsBlock() *Block {
	return &Block{Name: "tenants", Label: "name", Many: true, Doc: "Tenants in the format of libvmod-riscv, as it is: a file, or written here.", Attrs: []Attr{
		{Name: "path", Kind: File, Doc: "The JSON file."},
		{Name: "json", Kind: String, Doc: "The same object, in a heredoc. Either this or path."},
		{Name: "base", Kind: File, Doc: "Folder that paths in json are relative to. Default: that of this file."},
	}}
}

func logBlock() *Block {
	return &Block{Name: "log", Label: "name", Labels: []string{"access"}, Many: true, Doc: "A log.", Attrs: []Attr{
		{Name: "path", Kind: File, Default: "stdout", Also: []string{"stdout", "stderr", "off"}, Doc: "A file, relative to this one, or none."},
		{Name: "format", Kind: String, Default: "json", OneOf: []string{"json", "text"}, Doc: "One object, or one line of words, per request."},
		{Name: "sample", Kind: PercentT, Default: "100%", Range: "0%..100%", Doc: "Share of the requests logged."},
	}}
}
