package upstream

import "fishplate/internal/metrics"

// Counters of one server, in the order of its metrics.Set.
const (
	ServerRequests = iota
	ServerConnections
	ServerReused
	ServerStale
	ServerConnectErrors
	ServerConnectTimeouts
	ServerTLSErrors
	ServerResets
	ServerFirstByteTimeouts
	ServerIdleTimeouts
	ServerResponseErrors
	Server1xx
	Server2xx
	Server3xx
	Server4xx
	Server5xx
	ServerRetries
	ServerConnectTime
	ServerFirstByteTime
	ServerTLSHandshakes
	ServerTLSResumed
	ServerChecks
	ServerCheckFailures
	ServerEjections
	ServerPinned
	serverCounters
)

// ServerCounters returns the names of a server's counters, as its status gives them;
// metrics.Server says what they count.
func ServerCounters() []string {
	return []string{
		ServerRequests:          "requests",
		ServerConnections:       "connections",
		ServerReused:            "reused",
		ServerStale:             "stale",
		ServerConnectErrors:     "connect_errors",
		ServerConnectTimeouts:   "connect_timeouts",
		ServerTLSErrors:         "tls_errors",
		ServerResets:            "resets",
		ServerFirstByteTimeouts: "first_byte_timeouts",
		ServerIdleTimeouts:      "idle_timeouts",
		ServerResponseErrors:    "response_errors",
		Server1xx:               "responses_1xx",
		Server2xx:               "responses_2xx",
		Server3xx:               "responses_3xx",
		Server4xx:               "responses_4xx",
		Server5xx:               "responses_5xx",
		ServerRetries:           "retries",
		ServerConnectTime:       "connect_time",
		ServerFirstByteTime:     "first_byte_time",
		ServerTLSHandshakes:     "tls_handshakes",
		ServerTLSResumed:        "tls_resumed",
		ServerChecks:            "checks",
		ServerCheckFailures:     "check_failures",
		ServerEjections:         "ejections",
		ServerPinned:            "pinned",
	}
}

// Counters of one backend, in the order of its metrics.Set.
const (
	BackendRequests = iota
	BackendQueued
	BackendQueueTime
	BackendQueueFull
	BackendQueueTimeouts
	BackendQueueLeft
	BackendNoServer
	BackendRetries
	BackendRetriesRefused
	BackendRepinned
	BackendDiscoveryErrors
	backendCounters
)

// BackendCounters returns the names of a backend's counters, as its status gives them;
// metrics.Backend says what they count.
func BackendCounters() []string {
	return []string{
		BackendRequests:        "requests",
		BackendQueued:          "queued",
		BackendQueueTime:       "queue_time",
		BackendQueueFull:       "queue_full",
		BackendQueueTimeouts:   "queue_timeouts",
		BackendQueueLeft:       "queue_left",
		BackendNoServer:        "no_server",
		BackendRetries:         "retries",
		BackendRetriesRefused:  "retries_refused",
		BackendRepinned:        "repinned",
		BackendDiscoveryErrors: "discovery_errors",
	}
}

// micros is the unit of the time counters.
const micros = 1000

func newServerSet() *metrics.Set  { return metrics.NewSet(serverCounters) }
func newBackendSet() *metrics.Set { return metrics.NewSet(backendCounters) }
