package model

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// Config is one complete, valid configuration.
type Config struct {
	Process      Process
	State        State
	Admin        Admin
	Listeners    []*Listener
	Certificates []*Certificate
	VHosts       []*VHost
	Backends     []*Backend
	Tenants      []*Tenant
	Caches       []*Cache
	Partitions   []*Partition // of the routes that have an Effective policy, by name
	Logs         []*Log
	Sources      []Source // every file that was read, in reading order
	Places       Places   // of the pieces that nouns were read in; may be nil
	// Flat is the whole configuration as one file that needs no other, for the
	// journal; nil when it was not asked for.
	Flat []byte
}

// Source is one file that the configuration was read from.
type Source struct {
	Path string
	Hash [32]byte // SHA-256 of its content
}

// Range says where in which file a noun was written.
type Range = hcl.Range

// Expr is an expression as written. Two Exprs are equal when their Text is.
type Expr struct {
	Text string         // canonical source text; "" when absent
	Node hcl.Expression // nil when absent
	At   Range
}

// Set reports whether the expression was written.
func (e Expr) Set() bool { return e.Node != nil }

// Process is who the process is once it has begun.
type Process struct {
	User, Group string // by name or number; "" = whoever starts it, and the user's own group
	At          Range
}

// State is where the process keeps what must survive it.
type State struct {
	Dir string
	At  Range
}

// Admin is the control socket and the optional HTTP door.
type Admin struct {
	Socket    string
	HTTPBind  string // "127.0.0.1:9180"; "" = none
	HTTPReads string // who may read there: "anybody", "loopback"; "" is anybody, unless tenants have tokens
	At        Range
}

// Listener accepts connections on one or more addresses.
type Listener struct {
	Name      string
	Bind      []string // "host:port", "unix:/path", "fd:name"
	Protocols []string // "http/1.1", "h2", "tcp", …
	TLS       *ListenerTLS
	Forwarded Forwarded
	Slashes   string         // "merge", "keep", "refuse"
	ProxyFrom []netip.Prefix // PROXY protocol is required from these
	Accept    Accept
	Limits    ListenerLimits
	Timeouts  ListenerTimeouts
	At        Range
}

// ListenerTLS terminates TLS on a listener.
type ListenerTLS struct {
	Certificates []string // names of certificate blocks
	MinVersion   string   // "1.2" or "1.3"
	Default      string   // certificate for a client without SNI
	ClientCA     string   // file path
	ClientAuth   string   // "", "optional", "required"
	Tickets      time.Duration
	TicketsOff   bool
	Curves       []string
}

// Forwarded says which peers' forwarding fields are kept and what we send.
type Forwarded struct {
	Trust []netip.Prefix
	Send  []string // "x-forwarded", "forwarded", "via"
}

// Accept tunes the accept path. Shards 0 means auto.
type Accept struct {
	Shards   int
	Spread   string // "auto", "incoming_cpu", "cbpf", "hash"
	Backlog  int
	Defer    time.Duration
	FastOpen bool
	Spin     time.Duration // how long an empty queue is looked at before sleeping
	SpinAuto bool          // as long as pays on this machine
}

// ListenerLimits bounds connections and heads.
type ListenerLimits struct {
	Connections int
	PerClient   int
	HeadBytes   int // whole request head
	Fields      int
	TargetBytes int   // request target
	BodyRate    int64 // minimum bytes per second of a request body, after a grace of Timeouts.Body
}

// ListenerTimeouts bound a client's slowness.
type ListenerTimeouts struct {
	Head, Body, Idle, Write, Tunnel time.Duration
}

// Certificate is a key pair on disk.
type Certificate struct {
	Name      string
	Cert, Key string // file paths
	At        Range
}

// VHost groups routes under host names.
type VHost struct {
	Name   string
	Hosts  []string // lower case, IDNA; "*.x" wildcard; empty = any host
	SNI    []string
	Tenant string // default for its routes
	Routes []*Route
	Cache  *CachePolicy
	At     Range
}

// Route decides what happens to the requests that match it.
type Route struct {
	Name     string
	Path     string // "", exact, "prefix/*" or "~regex"
	Methods  []string
	When     Expr
	Backend  string
	Split    []Share
	Mirror   string
	Redirect *Redirect
	Respond  *Respond
	Tenant   string // after the vhost's default was applied; "" = none
	// TenantArgument is the third argument of the program's callbacks, a string value.
	TenantArgument Expr
	Request        Edits
	Response       Edits
	Limits         RouteLimits
	FirstByte      time.Duration // overrides the backend's; 0 = not written
	Cache          *CachePolicy  // as written here
	// Effective is the policy that holds: of route, vhost or tenant, the nearest
	// that has one; nil when there is none, or it is not enabled, or the route
	// answers by itself. Config makes it, and Partition, from the rest.
	Effective *CachePolicy
	Partition string // name of its share of the stores; "" without Effective
	At        Range
}

// Share is one arm of a traffic split.
type Share struct {
	Backend  string
	Fraction float64 // of one; the shares of a route sum to one
}

// Redirect answers with a Location.
type Redirect struct {
	Status int
	To     Expr // a string value
}

// Respond answers from the configuration.
type Respond struct {
	Status  int
	Body    []byte
	Headers []FieldEdit
}

// Edits change header fields and, for requests, the target's path.
type Edits struct {
	Set     []FieldEdit // replaces all of that name
	Add     []FieldEdit // appends
	Remove  []string
	Rewrite Expr // new path (and query, when it has a "?")
}

// FieldEdit is one field name and the value expression (a string; null removes).
type FieldEdit struct {
	Name  string
	Value Expr
}

// RouteLimits bound requests of one route.
type RouteLimits struct {
	Body  int64 // bytes; 0 = unlimited
	Rates []RateLimit
	Allow []netip.Prefix
	Deny  []netip.Prefix
}

// RateLimit is a token bucket per value of Key.
type RateLimit struct {
	Name  string
	Key   Expr
	Rate  float64 // tokens per second
	Burst int
}

// Backend is a group of servers.
type Backend struct {
	Name      string
	Balance   Balance
	Servers   []*Server
	Discover  *Discover
	Protocol  string // "http/1.1"
	TLS       *BackendTLS
	Check     *Check
	Eject     *Eject
	Queue     *Queue
	Retry     Retry
	Persist   *Persist
	Timeouts  BackendTimeouts
	Pool      Pool
	Grace     time.Duration
	SlowStart time.Duration
	At        Range
}

// Balance is a pipeline of candidate transforms; a plain name is a pipeline of one.
type Balance struct {
	Text  string // as written, canonical
	Steps []BalanceStep
}

// BalanceStep is one transform, e.g. take("log2") or hash(path, "rendezvous").
type BalanceStep struct {
	Name string
	Args []string // literal arguments; numbers as text
	Key  Expr     // first argument of hash(): a string value
	At   Range
}

// Server is one address of a backend.
type Server struct {
	Name           string
	Address        string // "host:port" or "unix:/path"
	Weight         int
	MaxConnections int // 0 = none
	SlowStart      time.Duration
	Grace          *time.Duration // nil = the backend's
	Backup         bool
	State          string // "", "drain", "maintenance"
	Zone           string
	At             Range
}

// MaxServers is how many servers the backends of a configuration have together, not
// counting those that DNS finds: a list of a few letters that many backends share makes
// as many as one likes, and a plan of each takes some kilobytes.
const MaxServers = 100_000

// Discover finds servers by DNS.
type Discover struct {
	Kind string // "dns"
	Name string
	Port int    // 0 with SRV
	Type string // "a", "srv"
	// Resolver is "host:port" of a DNS server; "" = the system's.
	Resolver string
	Min      int
}

// BackendTLS reaches servers by TLS, verified.
type BackendTLS struct {
	CA         string
	ServerName string
	Cert, Key  string // client certificate files
	// InsecureSkipVerify is only set by the attribute verify = "off", which check warns of.
	InsecureSkipVerify bool
}

// Check is an active health check.
type Check struct {
	Kind       string // "http", "tcp"
	Path, Host string
	StatusLow  int
	StatusHigh int
	Interval   time.Duration
	Timeout    time.Duration
	Rise, Fall int
	LoadHeader string // response field by which a server reports its own load
}

// Eject is passive outlier detection.
type Eject struct {
	Errors int
	Window time.Duration
	For    time.Duration
	Max    float64 // share of the servers that may be out at once
}

// Queue holds requests while every server is at max_connections.
type Queue struct {
	Limit    int
	Timeout  time.Duration
	Priority Expr
}

// Retry says when a request is tried on another server.
type Retry struct {
	Attempts int      // further tries after the first
	On       []string // "connect", "reset", "timeout", or a status
	Budget   float64  // share of the requests that may be retries
}

// Persist pins a client to a server.
type Persist struct {
	Kind     string // "cookie", "source", "header", "query"
	Mode     string // cookie: "insert", "rewrite", "prefix", "passive"
	Name     string
	Mask     int // source: IPv4 prefix length; IPv6 is Mask6
	Mask6    int
	MaxAge   time.Duration
	Idle     time.Duration
	Path     string
	Domain   string
	HTTPOnly bool
	Secure   bool
	SameSite string
	Size     int
	Age      time.Duration
	OnDown   string // "rebalance", "wait", "fail"
	Follow   string // "route", "session"
}

// BackendTimeouts bound a server's slowness.
type BackendTimeouts struct {
	Connect, FirstByte, Idle time.Duration
}

// Pool bounds a server's idle connections.
type Pool struct {
	Idle   int           // idle connections kept per server; 0 = none
	MaxAge time.Duration // of a connection, used or not; 0 = none
}

// Tenant is somebody's program and what it may spend.
type Tenant struct {
	Name         string
	Program      string // file path
	Arguments    []string
	Memory       int64
	Instructions uint64
	Time         time.Duration
	Concurrency  int
	QueueLimit   int
	Share        int
	Backends     []string
	Storage      int64  // bytes of its key-value storage; 0 is none
	OnFault      string // "fail", "pass"
	JIT          string // "auto", "off"; "" is "auto"

	Rate     uint64  // instructions per second, 0 is no bound
	Forks    int     // machines of it alive at once; 0 is twice Concurrency
	Fetches  int     // sub-requests per call; 0: none
	Response int64   // bytes of an answer that it makes
	LogRate  float64 // lines per second
	Key      string  // ed25519 public key, base64, that updates of its program are signed with; "" is none
	Tokens   []Token // who may update it and look at it by the API
	Update   UpdateLimit
	WarmUp   []string // requests that a new program must answer first: "GET /path"
	Shadow   *Shadow
	Debug    Debug
	Given    *Given // nil: the program runs that Program names

	Cache    *CachePolicy
	FromFile bool // came from a tenants file: its failure to load does not refuse the configuration
	At       Range
}

// Token lets its bearer update one tenant, and read its state and its logs.
type Token struct {
	Name string
	Hash string // SHA-256 of the token, in hexadecimal digits
	At   Range
}

// Given is the program of a tenant that came by the API and runs in place of the
// one that the tenant names.
type Given struct {
	SHA256    string // of the ELF file, in hexadecimal digits; it lies in the state folder
	Over      string // what told the program that the tenant names from others when this one came
	Version   int
	Signature string // base64; "" is none
	At        Range
}

// UpdateLimit bounds updates of a tenant's program by the API.
type UpdateLimit struct {
	Size int64   // bytes of a program
	Rate float64 // updates per second
}

// Shadow is a candidate that runs beside a tenant's program, without effect.
type Shadow struct {
	Program string
	Share   float64 // of the requests, 0 to 1
	At      Range
}

// Debug is what is kept of a tenant's calls, to be looked at later.
type Debug struct {
	Record  float64 // share of the calls that are kept, 0 to 1
	OnFault bool    // calls that fail are kept
	Ring    int64   // bytes of what is kept
}

// Log is an access log.
type Log struct {
	Name   string // "access"
	Path   string // "stdout", "stderr", "off" or a file
	Format string // "json", "text"
	Sample float64
	At     Range
}

// String writes the step as in the configuration.
func (s BalanceStep) String() string {
	var args []string
	if s.Key.Text != "" {
		args = append(args, s.Key.Text)
	}
	for _, a := range s.Args {
		if _, err := strconv.ParseFloat(a, 64); err != nil {
			a = strconv.Quote(a)
		}
		args = append(args, a)
	}
	if len(args) == 0 {
		return s.Name
	}
	return s.Name + "(" + strings.Join(args, ", ") + ")"
}
