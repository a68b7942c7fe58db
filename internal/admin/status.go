package admin

import "time"

// Status is what `status` shows: the running generation and everything that
// stands on it. Its keys are a promise; all counts are since the process began
// unless they are gauges.
type Status struct {
	Generation uint64           `json:"generation"`
	Uptime     float64          `json:"uptime"` // seconds
	Version    string           `json:"version"`
	PID        int              `json:"pid"`
	Path       string           `json:"path"` // what serve was started with
	Listeners  []ListenerStatus `json:"listeners"`
	VHosts     []VHostStatus    `json:"vhosts"`
	Backends   []BackendStatus  `json:"backends"`
	Tenants    []TenantStatus   `json:"tenants"`
	Cache      *CacheStatus     `json:"cache"` // null: none is configured
	Findings   []Finding        `json:"findings"`
	Draining   []DrainStatus    `json:"draining"`
}

// ListenerStatus is one listener.
type ListenerStatus struct {
	Name        string   `json:"name"`
	Bind        []string `json:"bind"` // the addresses that are really open
	TLS         bool     `json:"tls"`
	Connections int64    `json:"connections"`
	Accepted    int64    `json:"accepted"`
	Requests    int64    `json:"requests"`
	Refused     int64    `json:"refused"`
}

// VHostStatus is one virtual host.
type VHostStatus struct {
	Name     string        `json:"name"`
	Hosts    []string      `json:"hosts"`
	Tenant   string        `json:"tenant,omitempty"`
	Requests int64         `json:"requests"`
	Errors   int64         `json:"errors"` // 5xx answers
	Routes   []RouteStatus `json:"routes"`
}

// RouteStatus is one route.
type RouteStatus struct {
	Name     string `json:"name"`
	Backend  string `json:"backend,omitempty"`
	Requests int64  `json:"requests"`
}

// BackendStatus is one backend.
type BackendStatus struct {
	Name     string         `json:"name"`
	Balance  string         `json:"balance"`
	Requests int64          `json:"requests"`
	Queue    int64          `json:"queue"`
	Retries  int64          `json:"retries"`
	Servers  []ServerStatus `json:"servers"`
}

// ServerStatus is one server. A server that the configuration no longer names
// is listed, with DrainingSince, until it is released.
type ServerStatus struct {
	Name          string     `json:"name"`
	Address       string     `json:"address"`
	State         string     `json:"state"` // up, down, drain, maintenance, ejected, slow-start
	Weight        int        `json:"weight"`
	Connections   int64      `json:"connections"`
	Active        int64      `json:"active"`
	Sessions      int64      `json:"sessions"`
	Requests      int64      `json:"requests"`
	Errors        int64      `json:"errors"` // 5xx answers, failed dials and spoiled exchanges
	DrainingSince *time.Time `json:"draining_since"`
	Check         string     `json:"check,omitempty"` // result of the last health check
}

// TenantStatus is one tenant.
type TenantStatus struct {
	Name     string `json:"name"`
	State    string `json:"state"` // "ready", or why not
	Program  string `json:"program"`
	Requests int64  `json:"requests"`
	Active   int64  `json:"active"`
	Waiting  int64  `json:"waiting"`
	Stops    int64  `json:"stops"` // calls that were stopped by a limit or a fault
	Refused  int64  `json:"refused"`
}

// CacheStatus is the cache as a whole.
type CacheStatus struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

// Finding is something that an operator ought to know.
type Finding struct {
	ID       string `json:"id"`
	Severity string `json:"severity"` // "warn" or "fail"
	Text     string `json:"text"`
}

// DrainStatus is a replaced generation that something still holds.
type DrainStatus struct {
	Generation uint64 `json:"generation"`
	Part       string `json:"part"`
}
