package metrics

// Cells of the process's Set: what belongs to no single listener or route.
const (
	ProcessSteps       = 0  // +step index: exchanges that passed it
	ProcessStepTime    = 12 // +step index: time spent in it
	ProcessExchanges   = 24 // in flight
	ProcessGeneration  = 25
	ProcessReloads     = 26
	ProcessRefused     = 27
	ProcessLogDropped  = 28
	ProcessSpliceBytes = 29
	ProcessParked      = 30
	ProcessDescriptors = 31
	ProcessPorts       = 32
	ProcessPanics      = 33
)

// Process is the table of the one Set that counts for the whole process.
var Process = Table{Subject: "process", Rows: []Row{
	{At: ProcessSteps, Name: "fishplate_step_exchanges_total", Label: "step", Values: steps, Help: "Exchanges that entered the step."},
	{At: ProcessStepTime, Name: "fishplate_step_seconds_total", Unit: Nanoseconds, Label: "step", Values: steps, Help: "Time that exchanges spent in the step."},
	{At: ProcessExchanges, Name: "fishplate_exchanges", Kind: Gauge, Help: "Exchanges in flight."},
	{At: ProcessGeneration, Name: "fishplate_generation", Kind: Gauge, Help: "Number of the running generation."},
	{At: ProcessReloads, Name: "fishplate_commits_total", Help: "Configuration changes that were committed."},
	{At: ProcessRefused, Name: "fishplate_commits_refused_total", Help: "Configuration changes that were refused; the running one stayed."},
	{At: ProcessLogDropped, Name: "fishplate_log_dropped_total", Help: "Access log lines that no sink could take in time."},
	{At: ProcessSpliceBytes, Name: "fishplate_splice_bytes_total", Unit: Bytes, Help: "Body bytes that the kernel moved without a copy."},
	{At: ProcessParked, Name: "fishplate_connections_parked", Kind: Gauge, Help: "Idle client connections that wait without a goroutine."},
	{At: ProcessDescriptors, Name: "fishplate_descriptors_exhausted_total", Help: "Times that a client, or a connection to a server, found no free file descriptor."},
	{At: ProcessPorts, Name: "fishplate_ports_exhausted_total", Help: "Times that a connection to a server found no free local port."},
	{At: ProcessPanics, Name: "fishplate_panics_total", Help: "Panics recovered in an exchange: each is a defect of this program."},
}}

// Cells of a listener's Set.
const (
	ListenerAccepted      = 0
	ListenerConnections   = 1
	ListenerRefused       = 2 // +0 total limit, +1 per client, +2 PROXY protocol
	ListenerRequests      = 5
	ListenerBytesIn       = 6
	ListenerBytesOut      = 7
	ListenerHandshakes    = 8
	ListenerResumed       = 9
	ListenerHandshakeFail = 10
	ListenerTunnels       = 11
)

// Listener is the table of a listener's Set.
var Listener = Table{Subject: "listener", Labels: []string{"listener"}, Rows: []Row{
	{At: ListenerAccepted, Name: "fishplate_listener_accepted_total", Help: "Connections accepted."},
	{At: ListenerConnections, Name: "fishplate_listener_connections", Kind: Gauge, Help: "Open client connections."},
	{At: ListenerRefused, Name: "fishplate_listener_refused_total", Label: "reason", Values: []string{"limit", "per_client", "proxy_protocol"}, Help: "Connections closed at once, by reason."},
	{At: ListenerRequests, Name: "fishplate_listener_requests_total", Help: "Request heads read, well-formed or not."},
	{At: ListenerBytesIn, Name: "fishplate_listener_received_bytes_total", Unit: Bytes, Help: "Bytes read from clients."},
	{At: ListenerBytesOut, Name: "fishplate_listener_sent_bytes_total", Unit: Bytes, Help: "Bytes written to clients."},
	{At: ListenerHandshakes, Name: "fishplate_listener_tls_handshakes_total", Help: "TLS handshakes completed, resumed ones included."},
	{At: ListenerResumed, Name: "fishplate_listener_tls_resumed_total", Help: "TLS handshakes that resumed a session."},
	{At: ListenerHandshakeFail, Name: "fishplate_listener_tls_failures_total", Help: "TLS handshakes that failed."},
	{At: ListenerTunnels, Name: "fishplate_listener_tunnels", Kind: Gauge, Help: "Open tunnels: upgraded connections."},
}}

// Cells of a virtual host's Set.
const (
	VHostRequests  = 0
	VHostResponses = 1 // +Class(status)
	VHostBytesIn   = 6
	VHostBytesOut  = 7
	VHostDuration  = 8 // Observe
)

// VHost is the table of a virtual host's Set.
var VHost = Table{Subject: "vhost", Labels: []string{"vhost"}, Rows: []Row{
	{At: VHostRequests, Name: "fishplate_vhost_requests_total", Help: "Requests of the virtual host."},
	{At: VHostResponses, Name: "fishplate_vhost_responses_total", Label: "class", Values: classes, Help: "Responses by class of status."},
	{At: VHostBytesIn, Name: "fishplate_vhost_received_bytes_total", Unit: Bytes, Help: "Request body bytes received."},
	{At: VHostBytesOut, Name: "fishplate_vhost_sent_bytes_total", Unit: Bytes, Help: "Response bytes sent."},
	{At: VHostDuration, Name: "fishplate_vhost_duration_seconds", Kind: Histogram, Unit: Nanoseconds, Bounds: durations[:], Help: "Time from the first byte of a request to the last of its response."},
}}

// Cells of a route's Set.
const (
	RouteRequests  = 0
	RouteResponses = 1 // +Class(status)
	RouteRefused   = 6 // +0 rate, +1 access list, +2 body too large
	RouteTime      = 9
)

// Route is the table of a route's Set.
var Route = Table{Subject: "route", Labels: []string{"vhost", "route"}, Rows: []Row{
	{At: RouteRequests, Name: "fishplate_route_requests_total", Help: "Requests that matched the route."},
	{At: RouteResponses, Name: "fishplate_route_responses_total", Label: "class", Values: classes, Help: "Responses by class of status."},
	{At: RouteRefused, Name: "fishplate_route_refused_total", Label: "limit", Values: []string{"rate", "access", "body"}, Help: "Requests that a limit of the route refused."},
	{At: RouteTime, Name: "fishplate_route_seconds_total", Unit: Nanoseconds, Help: "Time spent on the route's requests."},
}}

// Backend is the table of a backend's Set. Its cells are written by upstream,
// which names them (upstream.BackendRequests and those after it); the gauges
// behind them come from the state of the backend.
var Backend = Table{Subject: "backend", Labels: []string{"backend"}, Rows: []Row{
	{At: 0, Name: "fishplate_backend_requests_total", Help: "Requests that asked the backend for a server, each once."},
	{At: 1, Name: "fishplate_backend_queued_total", Help: "Requests that waited in the queue."},
	{At: 2, Name: "fishplate_backend_queue_seconds_total", Unit: Microseconds, Help: "Time that requests waited in the queue."},
	{At: 3, Name: "fishplate_backend_queue_full_total", Help: "Requests refused because the queue was full."},
	{At: 4, Name: "fishplate_backend_queue_timeouts_total", Help: "Requests whose time in the queue ran out."},
	{At: 5, Name: "fishplate_backend_queue_left_total", Help: "Clients that left while they were queued."},
	{At: 6, Name: "fishplate_backend_no_server_total", Help: "Requests for which no server was usable."},
	{At: 7, Name: "fishplate_backend_retries_total", Help: "Further attempts after a first one failed."},
	{At: 8, Name: "fishplate_backend_retries_denied_total", Help: "Retries that the budget did not allow."},
	{At: 9, Name: "fishplate_backend_repinned_total", Help: "Pinned requests sent elsewhere because their server was out."},
	{At: 10, Name: "fishplate_backend_discovery_errors_total", Help: "Look-ups of the backend's name that failed."},
	{At: 11, Name: "fishplate_backend_queue", Kind: Gauge, Help: "Requests waiting for a free server."},
}}

// Server is the table of a server's Set. Its cells are written by upstream,
// which names them (upstream.ServerRequests and those after it); the gauges
// behind them come from the state of the server.
var Server = Table{Subject: "server", Labels: []string{"backend", "server"}, Rows: []Row{
	{At: 0, Name: "fishplate_server_requests_total", Help: "Tries that chose the server: retries, and those that got no connection, included."},
	{At: 1, Name: "fishplate_server_connects_total", Help: "Connections opened to the server."},
	{At: 2, Name: "fishplate_server_reuses_total", Help: "Requests sent on a kept connection."},
	{At: 3, Name: "fishplate_server_stale_total", Help: "Kept connections that turned out to be closed."},
	{At: 4, Name: "fishplate_server_faults_total", Label: "cause", Values: []string{"connect", "connect_timeout", "tls", "reset", "first_byte_timeout", "idle_timeout", "malformed"}, Help: "What went wrong with the server, by cause."},
	{At: 11, Name: "fishplate_server_responses_total", Label: "class", Values: classes, Help: "Its responses by class of status."},
	{At: 16, Name: "fishplate_server_retried_total", Help: "Requests that failed here and were tried again."},
	{At: 17, Name: "fishplate_server_connect_seconds_total", Unit: Microseconds, Help: "Time to connect, TLS included."},
	{At: 18, Name: "fishplate_server_first_byte_seconds_total", Unit: Microseconds, Help: "Time from the request to the head of its response."},
	{At: 19, Name: "fishplate_server_tls_handshakes_total", Help: "TLS handshakes completed."},
	{At: 20, Name: "fishplate_server_tls_resumed_total", Help: "TLS handshakes that resumed a session."},
	{At: 21, Name: "fishplate_server_checks_total", Help: "Active health checks made."},
	{At: 22, Name: "fishplate_server_check_failures_total", Help: "Active health checks that failed."},
	{At: 23, Name: "fishplate_server_ejections_total", Help: "Times that outlier detection put it out."},
	{At: 24, Name: "fishplate_server_pinned_total", Help: "Requests sent here by persistence."},
	{At: 25, Name: "fishplate_server_active", Kind: Gauge, Help: "Requests in flight at the server."},
	{At: 26, Name: "fishplate_server_connections", Kind: Gauge, Help: "Open connections, idle ones included."},
	{At: 27, Name: "fishplate_server_connections_idle", Kind: Gauge, Help: "Idle connections kept for reuse."},
	{At: 28, Name: "fishplate_server_sessions", Kind: Gauge, Help: "Pinned sessions that a table holds for it."},
	{At: 29, Name: "fishplate_server_up", Kind: Gauge, Help: "1 when the server is used, 0 when not."},
}}

// Draining is the table of a server that drains: NewSet(0) and Reading.More has
// them all. Of one name several may drain, at other addresses.
var Draining = Table{Subject: "server that drains", Labels: []string{"backend", "server", "address"}, Rows: []Row{
	{At: 0, Name: "fishplate_draining_seconds", Kind: Gauge, Help: "How long the server has been draining, by order or since it left the configuration."},
	{At: 1, Name: "fishplate_draining_grace_seconds", Kind: Gauge, Help: "What is left of its grace; 0 when it is over, or when the server drains by order."},
	{At: 2, Name: "fishplate_draining_active", Kind: Gauge, Help: "Requests in flight at it."},
	{At: 3, Name: "fishplate_draining_connections", Kind: Gauge, Help: "Open connections to it, idle ones included."},
	{At: 4, Name: "fishplate_draining_sessions", Kind: Gauge, Help: "Pinned sessions that a table holds for it."},
}}

// Cells of a tenant's Set.
const (
	TenantRequests     = 0
	TenantCalls        = 1 // +0 on_recv, +1 forge, +2 on_deliver, +3 start, +4 on_hash … +12 storage, as in the row
	TenantInstructions = 14
	TenantTime         = 15
	TenantStops        = 16 // +0 budget, +1 time, +2 memory, +3 fault
	TenantRefused      = 20
	TenantActive       = 21
	TenantWaiting      = 22
	TenantAnswers      = 23
	TenantSlices       = 24
	TenantMemory       = 25
	TenantForks        = 26
	TenantDirty        = 27
	TenantQueued       = 28
	TenantLogs         = 29
	TenantUncached     = 30
	TenantFetches      = 31 // +0 begun, +1 refused, +2 failed
	TenantStreamed     = 34 // +0 in, +1 out
	TenantFallbacks    = 36
	TenantLogsDropped  = 37
	TenantLimits       = 38 // +0 wait, +1 rate, +2 forks, +3 response, +4 storage, +5 start
	TenantStore        = 44 // +0 bytes, +1 keys: what it keeps
	TenantStoreUse     = 46 // +0 reads, +1 writes, +2 refused, +3 expired
	TenantStorageWaits = 50
	TenantStorageTime  = 51
	TenantShadow       = 52 // +0 repeated, +1 differing, +2 dropped, +3 skipped
)

// Tenant is the table of a tenant's Set.
var Tenant = Table{Subject: "tenant", Labels: []string{"tenant"}, Rows: []Row{
	{At: TenantRequests, Name: "fishplate_tenant_requests_total", Help: "Requests that the tenant's program was asked about."},
	{At: TenantCalls, Name: "fishplate_tenant_calls_total", Label: "callback", Values: []string{"on_recv", "forge", "on_deliver", "start", "on_hash", "on_hit", "on_miss", "on_backend_fetch", "on_backend_response", "on_backend_error", "on_synth", "function", "storage"}, Help: "Calls of the program by callback; function is those that expressions make, storage those into its storage machine."},
	{At: TenantInstructions, Name: "fishplate_tenant_instructions_total", Unit: Instructions, Help: "Guest instructions retired."},
	{At: TenantTime, Name: "fishplate_tenant_seconds_total", Unit: Nanoseconds, Help: "Time spent running the program."},
	{At: TenantStops, Name: "fishplate_tenant_stops_total", Label: "reason", Values: []string{"budget", "time", "memory", "fault"}, Help: "Calls that were stopped, by reason."},
	{At: TenantRefused, Name: "fishplate_tenant_refused_total", Help: "Requests refused because the tenant's queue was full."},
	{At: TenantActive, Name: "fishplate_tenant_active", Kind: Gauge, Help: "Requests admitted to the program."},
	{At: TenantWaiting, Name: "fishplate_tenant_queue", Kind: Gauge, Help: "Requests waiting to be admitted."},
	{At: TenantAnswers, Name: "fishplate_tenant_answers_total", Help: "Requests that the program answered itself."},
	{At: TenantSlices, Name: "fishplate_tenant_slices_total", Help: "Slices of 100,000 instructions that needed a permit."},
	{At: TenantMemory, Name: "fishplate_tenant_memory_bytes", Kind: Gauge, Unit: Bytes, Help: "Memory of the image that its forks share."},
	{At: TenantForks, Name: "fishplate_tenant_forks_total", Help: "Forks taken from the image's pool, or made."},
	{At: TenantDirty, Name: "fishplate_tenant_dirty_pages_total", Help: "Pages that forks had changed when they were given back."},
	{At: TenantQueued, Name: "fishplate_tenant_queue_waits_total", Help: "Requests that waited before they were admitted."},
	{At: TenantLogs, Name: "fishplate_tenant_log_lines_total", Help: "Lines that the program printed or logged."},
	{At: TenantUncached, Name: "fishplate_tenant_uncached_forges_total", Help: "Answers that the program wanted cached and that were not."},
	{At: TenantFetches, Name: "fishplate_tenant_fetches_total", Label: "outcome", Values: []string{"begun", "refused", "failed"}, Help: "Requests that the program made itself: those begun, those that it may not make, and those begun that had no answer."},
	{At: TenantStreamed, Name: "fishplate_tenant_streamed_bytes_total", Unit: Bytes, Label: "way", Values: []string{"in", "out"}, Help: "Bytes of bodies that the program read or sent by pieces."},
	{At: TenantFallbacks, Name: "fishplate_tenant_regex_fallbacks_total", Help: "Searches by backtracking, for expressions that RE2 cannot read."},
	{At: TenantLogsDropped, Name: "fishplate_tenant_log_dropped_total", Help: "Lines beyond the tenant's lines per second, which were dropped."},
	{At: TenantLimits, Name: "fishplate_tenant_limits_total", Label: "limit", Values: []string{"wait", "rate", "forks", "response", "storage", "start"}, Help: "Times that a limit had an effect: waits for the rate or for others' shares, calls refused or ended for the rate, forks refused, answers too large, values refused for want of storage, requests that a program's start took too long for."},
	{At: TenantStore, Name: "fishplate_tenant_kv_bytes", Kind: Gauge, Unit: Bytes, Help: "Keys, values and 128 bytes for each entry that the tenant keeps."},
	{At: TenantStore + 1, Name: "fishplate_tenant_kv_keys", Kind: Gauge, Help: "Keys that the tenant keeps."},
	{At: TenantStoreUse, Name: "fishplate_tenant_kv_operations_total", Label: "operation", Values: []string{"read", "write", "refused", "expired"}, Help: "Reads and writes of keys, writes refused for want of room, and entries whose time was over."},
	{At: TenantStorageWaits, Name: "fishplate_tenant_storage_waits_total", Help: "Calls into the storage machine that waited for others."},
	{At: TenantStorageTime, Name: "fishplate_tenant_storage_wait_seconds_total", Unit: Nanoseconds, Help: "Time that calls waited for the storage machine."},
	{At: TenantShadow, Name: "fishplate_tenant_shadow_total", Label: "outcome", Values: []string{"repeated", "differing", "dropped", "skipped"}, Help: "Requests repeated with a candidate, those of them that differed, those dropped for want of room in its queue, and those not repeated because of their body."},
}}

// TenantCustom is the table of one counter that a tenant's program made up.
var TenantCustom = Table{Subject: "counter of a tenant's program", Labels: []string{"tenant", "name"}, Rows: []Row{
	{At: 0, Name: "fishplate_tenant_custom_total", Help: "Counters that programs made up, by call COUNTER_ADD."},
}}

// TenantSpan is the table of one part of requests that a tenant's program named.
var TenantSpan = Table{Subject: "span of a tenant's program", Labels: []string{"tenant", "name"}, Rows: []Row{
	{At: 0, Name: "fishplate_tenant_span_seconds", Kind: Histogram, Unit: Nanoseconds, Bounds: durations[:], Help: "Time from call SPAN_BEGIN to SPAN_END."},
}}

// Tables returns all tables, in the order of the documentation.
func Tables() []*Table {
	return []*Table{&Process, &Listener, &Address, &Check, &Namespace, &VHost, &Route, &Backend, &Server, &Draining, &Tenant, &TenantCustom, &TenantSpan, &Partition, &Cache}
}
