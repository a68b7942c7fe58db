package upstream

import "fishplate/internal/metrics"

// CounterRow documents one counter. Name and meaning are part of what the
// product promises.
type CounterRow struct{ Name, Unit, Doc string }

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

// ServerCounters returns the table of a server's counters.
func ServerCounters() []CounterRow {
	return []CounterRow{
		ServerRequests:          {"requests", "requests", "requests given a connection to the server, retries included"},
		ServerConnections:       {"connections", "connections", "connections opened to the server"},
		ServerReused:            {"reused", "requests", "requests that took an idle connection"},
		ServerStale:             {"stale", "connections", "idle connections found closed by the server, before or after the request was sent"},
		ServerConnectErrors:     {"connect_errors", "errors", "connections refused, unreachable or failed"},
		ServerConnectTimeouts:   {"connect_timeouts", "errors", "connections not made within timeouts.connect, TLS included"},
		ServerTLSErrors:         {"tls_errors", "errors", "TLS handshakes that failed, verification included"},
		ServerResets:            {"resets", "errors", "connections that broke before the response's end"},
		ServerFirstByteTimeouts: {"first_byte_timeouts", "errors", "responses that did not begin within timeouts.first_byte"},
		ServerIdleTimeouts:      {"idle_timeouts", "errors", "bodies that stood still for timeouts.idle"},
		ServerResponseErrors:    {"response_errors", "errors", "responses that are not HTTP"},
		Server1xx:               {"responses_1xx", "responses", "final responses of status 1xx (protocol switches)"},
		Server2xx:               {"responses_2xx", "responses", "responses of status 2xx"},
		Server3xx:               {"responses_3xx", "responses", "responses of status 3xx"},
		Server4xx:               {"responses_4xx", "responses", "responses of status 4xx"},
		Server5xx:               {"responses_5xx", "responses", "responses of status 5xx"},
		ServerRetries:           {"retries", "requests", "requests that failed here and were tried again"},
		ServerConnectTime:       {"connect_time", "microseconds", "sum of the time to connect, TLS included"},
		ServerFirstByteTime:     {"first_byte_time", "microseconds", "sum of the time from request to response head"},
		ServerTLSHandshakes:     {"tls_handshakes", "handshakes", "TLS handshakes completed"},
		ServerTLSResumed:        {"tls_resumed", "handshakes", "TLS handshakes that resumed a session"},
		ServerChecks:            {"checks", "checks", "health checks made"},
		ServerCheckFailures:     {"check_failures", "checks", "health checks that failed"},
		ServerEjections:         {"ejections", "events", "times the server was ejected as an outlier"},
		ServerPinned:            {"pinned", "requests", "requests sent here by persistence"},
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

// BackendCounters returns the table of a backend's counters.
func BackendCounters() []CounterRow {
	return []CounterRow{
		BackendRequests:        {"requests", "requests", "requests that asked for a server, each once"},
		BackendQueued:          {"queued", "requests", "requests that waited in the queue"},
		BackendQueueTime:       {"queue_time", "microseconds", "sum of the time waited in the queue"},
		BackendQueueFull:       {"queue_full", "requests", "requests refused because the queue was full"},
		BackendQueueTimeouts:   {"queue_timeouts", "requests", "requests whose wait reached queue.timeout"},
		BackendQueueLeft:       {"queue_left", "requests", "requests whose client left while they waited"},
		BackendNoServer:        {"no_server", "requests", "requests for which no server was usable"},
		BackendRetries:         {"retries", "requests", "tries after the first"},
		BackendRetriesRefused:  {"retries_refused", "requests", "retries that the budget did not allow"},
		BackendRepinned:        {"repinned", "requests", "pinned requests sent elsewhere because their server was out"},
		BackendDiscoveryErrors: {"discovery_errors", "errors", "look-ups of the backend's name that failed"},
	}
}

// micros is the unit of the time counters.
const micros = 1000

func newServerSet() *metrics.Set  { return metrics.NewSet(serverCounters) }
func newBackendSet() *metrics.Set { return metrics.NewSet(backendCounters) }
