package admin

import (
	"time"

	"fishplate/internal/admin/vitals"
	"fishplate/internal/control"
)

// The parts of the status that tell how the process is doing on its machine.
type (
	AcceptStatus = vitals.Accept
	CheckStatus  = vitals.Check
)

// Status is what `status` shows: the running generation and everything that
// stands on it. Its keys are a promise; all counts are since the process began
// unless they are gauges.
type Status struct {
	Generation uint64  `json:"generation"`
	Uptime     float64 `json:"uptime"` // seconds
	Version    string  `json:"version"`
	PID        int     `json:"pid"`
	// Predecessor is the process that this one has replaced, while it serves its
	// last connections; 0 is none.
	Predecessor int              `json:"predecessor,omitempty"`
	Path        string           `json:"path"` // what serve was started with
	Listeners   []ListenerStatus `json:"listeners"`
	VHosts      []VHostStatus    `json:"vhosts"`
	Backends    []BackendStatus  `json:"backends"`
	Tenants     []TenantStatus   `json:"tenants"`
	Cache       *CacheStatus     `json:"cache"` // null: none is configured
	Findings    []Finding        `json:"findings"`
	Checks      []CheckStatus    `json:"checks"` // by the doctor, beside the service
	Draining    []DrainStatus    `json:"draining"`
	// Canary is the change that is being tried; null is none.
	Canary *control.Ongoing `json:"canary"`
}

// ListenerStatus is one listener.
type ListenerStatus struct {
	Name        string   `json:"name"`
	Bind        []string `json:"bind"`             // the addresses that are really open
	Failed      []string `json:"failed,omitempty"` // those where it does not listen yet, which is tried again, with the reason
	TLS         bool     `json:"tls"`
	Connections int64    `json:"connections"`
	Accepted    int64    `json:"accepted"`
	Requests    int64    `json:"requests"`
	Refused     int64    `json:"refused"`

	Accept *AcceptStatus `json:"accept"` // null while it is not open
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
	State         string     `json:"state"` // up, down, starting, drain, maintenance, ejected, slow-start, removed
	Weight        int        `json:"weight"`
	Connections   int64      `json:"connections"`
	Active        int64      `json:"active"`
	Sessions      *int64     `json:"sessions"` // pinned ones; null: a cookie tells, and no table counts them
	Requests      int64      `json:"requests"`
	Errors        int64      `json:"errors"` // 5xx answers, failed dials and spoiled exchanges
	DrainingSince *time.Time `json:"draining_since"`
	DrainingUntil *time.Time `json:"draining_until"`  // when the grace of a removed server ends; null: it was not removed
	Check         string     `json:"check,omitempty"` // result of the last health check
}

// TenantStatus is one tenant.
type TenantStatus struct {
	Name     string `json:"name"`
	State    string `json:"state"` // "ready", or why not
	Program  string `json:"program"`
	Hash     string `json:"hash"` // the beginning of that of what runs; "" before it does
	Requests int64  `json:"requests"`
	Active   int64  `json:"active"`
	Waiting  int64  `json:"waiting"`
	Stops    int64  `json:"stops"` // calls that were stopped by a limit or a fault
	Refused  int64  `json:"refused"`
}

// CacheStatus is the cache as a whole: the sums over its stores, and each of them.
type CacheStatus struct {
	Objects    int64             `json:"objects"` // in memory
	Bytes      int64             `json:"bytes"`   // that the stores take of memory, index and overhead included
	Requests   int64             `json:"requests"`
	Hits       int64             `json:"hits"` // answered without waiting for a server: hit, stale, stale-error, coalesced
	Stores     []StoreStatus     `json:"stores"`
	Partitions []PartitionStatus `json:"partitions"`
}

// StoreStatus is one store.
type StoreStatus struct {
	Name    string      `json:"name"`
	Objects int64       `json:"objects"`
	Bytes   int64       `json:"bytes"`
	Limit   int64       `json:"limit"`
	Evicted int64       `json:"evicted"`
	Bans    int64       `json:"bans"`
	Disk    *DiskStatus `json:"disk"` // null: memory alone
}

// DiskStatus is a store's second tier.
type DiskStatus struct {
	Path    string `json:"path"`
	Objects int64  `json:"objects"`
	Bytes   int64  `json:"bytes"`
	Limit   int64  `json:"limit"`
	Loaded  bool   `json:"loaded"`  // false: its index is still being read
	Dropped int64  `json:"dropped"` // objects that it was too slow to take
}

// PartitionStatus is what one tenant, or one virtual host without a tenant, has
// in the stores.
type PartitionStatus struct {
	Name     string           `json:"name"` // "tenant/NAME" or "vhost/NAME"
	Objects  int64            `json:"objects"`
	Bytes    int64            `json:"bytes"`
	Quota    int64            `json:"quota"`    // 0: none
	Requests map[string]int64 `json:"requests"` // by the words of metrics.CacheWords
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
