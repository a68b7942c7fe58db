package see

// Probe answers what is not in files. Errors are an *Error.
type Probe interface {
	// CPUID returns the registers of a leaf on the processor we run on.
	CPUID(leaf, sub uint32) (Registers, error)
	// MSR returns a model-specific register of a processor.
	MSR(cpu int, register uint32) (uint64, error)
	// Ethtool returns what the driver of a network card says.
	Ethtool(name string) (Ethtool, error)
	// Network returns what netlink says of our network namespace.
	Network() Network
	// Self returns what the kernel says of our process, and of the clock.
	Self() Self
}

// Registers are the answer of the CPUID instruction.
type Registers struct {
	EAX, EBX, ECX, EDX uint32
}

// Part is one list of answers, or why there is none. A part that says neither
// was not asked, which Get says, too.
type Part[T any] struct {
	List  []T    `json:"list,omitempty"`
	Seen  bool   `json:"seen"` // an empty list is an answer
	Error string `json:"error,omitempty"`
	Class Class  `json:"class,omitempty"`
}

// Get returns the list. what names the call in the error.
func (p Part[T]) Get(what string) ([]T, error) {
	if p.Seen || len(p.List) > 0 {
		return p.List, nil
	}
	class := p.Class
	if class == "" {
		class = Hidden
	}
	e := &Error{What: what, Class: class}
	if p.Error != "" {
		e.Err = text(p.Error)
	}
	return nil, e
}

// text is an error that came as text.
type text string

func (t text) Error() string { return string(t) }

// Network is what netlink says.
type Network struct {
	Links   Part[Link]   `json:"links"`
	Qdiscs  Part[Qdisc]  `json:"qdiscs"`
	Sockets Part[Socket] `json:"sockets"` // TCP sockets that listen
	Chains  Part[Chain]  `json:"chains"`  // of nf_tables
	Routes  Part[Route]  `json:"routes"`  // default routes
}

// Link is a network interface.
type Link struct {
	Name   string `json:"name"`
	Index  int    `json:"index"`
	Peer   int    `json:"peer"` // IFLA_LINK; equal to Index, or 0, when it has no peer
	Kind   string `json:"kind"` // IFLA_INFO_KIND: veth, bridge, …; "" for a card
	Master int    `json:"master"`
	MTU    int    `json:"mtu"`
	TxLen  int    `json:"txqlen"`
	Queues int    `json:"rx_queues"`
	Up     bool   `json:"up"`
	XDP    bool   `json:"xdp"`
	Loop   bool   `json:"loopback"`
}

// Qdisc is a queueing discipline of a link.
type Qdisc struct {
	Link       int    `json:"link"`
	Kind       string `json:"kind"`
	Parent     uint32 `json:"parent"`
	Drops      uint64 `json:"drops"`
	Overlimits uint64 `json:"overlimits"`
}

// Socket is a TCP socket that listens.
type Socket struct {
	Address string `json:"address"`
	Port    int    `json:"port"`
	Queue   uint32 `json:"queue"`   // connections that wait for accept
	Backlog uint32 `json:"backlog"` // how many may
	Drops   uint32 `json:"drops"`
	UID     uint32 `json:"uid"`
	Inode   uint32 `json:"inode"`
}

// Chain is a chain of nf_tables.
type Chain struct {
	Family    string   `json:"family"`
	Table     string   `json:"table"`
	Name      string   `json:"name"`
	Hook      string   `json:"hook"` // "" when it is only jumped to
	Rules     int      `json:"rules"`
	Conntrack bool     `json:"conntrack"` // one of its rules asks or changes conntrack's state
	Exprs     []string `json:"exprs"`     // names of the expressions used, sorted
}

// Route is a default route.
type Route struct {
	Link    int    `json:"link"`
	Gateway string `json:"gateway"`
	MTU     int    `json:"mtu"` // 0: that of the link
}

// Ethtool is what the driver of a network card says. A part that the driver does
// not have is nil.
type Ethtool struct {
	Driver   string            `json:"driver"`
	Version  string            `json:"version"`
	Bus      string            `json:"bus"`
	Channels *Channels         `json:"channels,omitempty"`
	Ring     *Ring             `json:"ring,omitempty"`
	Coalesce *Coalesce         `json:"coalesce,omitempty"`
	Features map[string]bool   `json:"features,omitempty"`
	Stats    map[string]uint64 `json:"stats,omitempty"`
	RSS      []uint32          `json:"rss,omitempty"` // indirection table: queue of each slot
}

// Channels are the queues of a card. RX counts those for receiving alone.
type Channels struct {
	MaxCombined uint32 `json:"max_combined"`
	Combined    uint32 `json:"combined"`
	MaxRX       uint32 `json:"max_rx"`
	RX          uint32 `json:"rx"`
}

// Ring is the length of a card's rings, in descriptors.
type Ring struct {
	MaxRX uint32 `json:"max_rx"`
	RX    uint32 `json:"rx"`
	MaxTX uint32 `json:"max_tx"`
	TX    uint32 `json:"tx"`
}

// Coalesce is the moderation of a card's interrupts.
type Coalesce struct {
	AdaptiveRX bool   `json:"adaptive_rx"`
	RXUsecs    uint32 `json:"rx_usecs"`
}

// Self is what the kernel says of our process.
type Self struct {
	Uname    Uname             `json:"uname"`
	EUID     int               `json:"euid"`
	Affinity []int             `json:"affinity"` // CPUs that we may run on
	Limits   map[string]Limit  `json:"rlimit"`   // nofile, nproc, memlock
	Clock    *Clock            `json:"clock,omitempty"`
	Calls    map[string]string `json:"calls,omitempty"` // system call → "ok" or the errno of a harmless try
	Boottime float64           `json:"boottime"`        // CLOCK_BOOTTIME − CLOCK_MONOTONIC, seconds: time spent suspended
}

// Uname is what uname(2) says.
type Uname struct {
	System  string `json:"sysname"`
	Release string `json:"release"`
	Version string `json:"version"`
	Machine string `json:"machine"`
}

// Limit is a resource limit; the greatest value is "no limit".
type Limit struct {
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
}

// Clock is what adjtimex(2) says.
type Clock struct {
	Unsynchronised bool    `json:"unsync"`
	MaxError       float64 `json:"maxerror"` // seconds
	Status         int     `json:"status"`
}
