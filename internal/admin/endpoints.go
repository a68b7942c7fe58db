package admin

import (
	"net/http"
)

// Endpoint is one row of the API's table.
type Endpoint struct {
	Method string
	Path   string
	TCP    bool // also answered on the TCP address: reads only
	Doc    string
	handle func(s *Server, w http.ResponseWriter, r *http.Request) error
}

// Endpoints returns the whole API, version 1. The rows are a promise.
func Endpoints() []Endpoint {
	return []Endpoint{
		{"GET", "/healthz", true, "200 and `ok` while the process serves.", (*Server).healthz},
		{"GET", "/metrics", true, "All counters in the Prometheus text format.", (*Server).metrics},
		{"GET", "/v1/status", true, "What `fishplate status --json` prints.", (*Server).status},
		{"GET", "/v1/counters", true, "Every counter as `{subject, labels, values}`; what `top` reads.", (*Server).counters},
		{"GET", "/v1/history", false, "The commits, the newest first.", (*Server).history},
		{"GET", "/v1/export", false, "The running configuration as one file in native syntax, or with `id=N` what ran after a commit.", (*Server).export},
		{"GET", "/v1/log", false, "Access log lines as server-sent events. Query: `follow=1`, `where=EXPR`, `format=json|text`, `lines=N` of the ring first.", (*Server).log},
		{"GET", "/v1/events", false, "Commits and refusals as they happen, as server-sent events `committed` and `refused`.", (*Server).events},
		{"POST", "/v1/plan", false, "Body `{path}`. The typed difference to what runs; `errors` when it would be refused.", (*Server).plan},
		{"POST", "/v1/apply", false, "Body `{path, comment, confirm, canary, for, until}`. `comment` has 1,024 bytes at most, and its control characters become spaces. Answers after the commit (200) or the refusal (422; 409 while another change is tried or waits to be confirmed; behind one that is prepared it waits, 30 s at most). A caller that leaves before the commit takes the question back. With `confirm`, a time, the change is undone after it unless confirmed; with `canary`, a share such as `10%`, `for`, a time, and `until`, conditions, it is tried first. Field `If-Match: \"N\"`: 412 unless generation N runs; so for the next three.", transaction(apply)},
		{"POST", "/v1/reload", false, "Body `{comment, confirm, force}`. Applies the path that `serve` was started with; answers as apply does. After a rollback it wants `force`.", transaction(reload)},
		{"POST", "/v1/rollback", false, "Body `{id, comment, confirm}`. What ran after that commit runs again; 0 is the commit before. Answers as apply does.", transaction(rollback)},
		{"POST", "/v1/edit", false, "Body `{edit: {op, kind, key, values: [{name, text}], before}, comment, confirm}`. Changes one thing of what runs: `op` is `set`, `add` or `remove`. Answers as apply does.", transaction(edit)},
		{"POST", "/v1/confirm", false, "Makes the change that waits for it stay, or gives the one that is tried to all; answers `{id}`. 409 when there is none, or its time was over, 500 when it cannot be written to the history.", (*Server).confirm},
		{"POST", "/v1/upgrade", false, "Body `{path, within, force}`. Starts that binary, hands everything over and answers with `{pid, version, seconds, pause}` of the process that has taken over; 409 and the reason when this one goes on.", (*Server).upgrade},
		{"POST", "/v1/diff", false, "Body `{from, to}`, each `running`, the number of a commit, or a path. Answers as plan does.", (*Server).compare},
		{"POST", "/v1/explain", false, "Body `{method, url, headers, client}`. Where such a request would go, and why.", (*Server).explain},
		{"POST", "/v1/purge", false, "Body `{urls|tags|prefix|host|ban, soft, tenant}`: exactly one of the first five. Takes objects out of the caches; answers `{purged, bans, took}`.", (*Server).purge},
		{"GET", "/v1/cache/stat", true, "Figures and histograms of every store: what `fishplate cache stat --json` prints.", cacheHandler("stat")},
		{"GET", "/v1/cache/ls", false, "Stored objects. Query: `store`, `tenant`, `host`, `prefix`, `tag`, `limit` (to 1,000), `cursor`.", cacheHandler("ls")},
		{"GET", "/v1/cache/top", false, "The objects with the most hits. Query as for ls, without `cursor`.", cacheHandler("top")},
		{"GET", "/v1/cache/show", false, "What is stored for a URL. Query: `url`, `method`, `header=Name: value` (repeated), `store`, `tenant`.", cacheHandler("show")},
		{"GET", "/v1/tenants", false, "Every tenant: what `fishplate tenant ls --json` prints.", (*Server).tenants},
		{"GET", "/v1/tenants/{name}", false, "One tenant: its status, `versions` and `shadow`.", ofTenant((*Server).tenant)},
		{"GET", "/v1/tenants/{name}/versions", false, "The programs that are kept of a tenant, the newest first.", ofTenant((*Server).tenantVersions)},
		{"GET", "/v1/tenants/{name}/metrics", false, "The counters of one tenant in the Prometheus text format.", ofTenant((*Server).tenantMetrics)},
		{"POST", "/v1/tenants/{name}/program", false, "Body: an ELF file. A live update: a change of the history; answers with the new version and the number of the change. Query: `comment`. Field `Fishplate-Signature` where the tenant has a key; `If-Match` as for apply. 413 too large, 429 too often, 403 the signature is not right, 409 another change is under way, 422 it does not start.", ofTenant((*Server).tenantUpdate)},
		{"POST", "/v1/tenants/{name}/rollback", false, "Body `{version, comment}`, 0 is the one before the current. Answers as program does.", ofTenant((*Server).tenantRollback)},
		{"GET", "/v1/tenants/{name}/shadow", false, "The report on a tenant's candidate; 404 when it has none.", ofTenant((*Server).tenantShadow)},
		{"POST", "/v1/tenants/{name}/shadow", false, "Body: an ELF file. Makes it the candidate for `share` (0 to 1) of the requests; `program` is its name in the report. Field `Fishplate-Signature` where the tenant has a key.", ofTenant((*Server).tenantTry)},
		{"DELETE", "/v1/tenants/{name}/shadow", false, "Ends the candidate; answers with the last report.", ofTenant((*Server).tenantUntry)},
		{"GET", "/v1/tenants/{name}/logs", false, "What a tenant's program wrote, as server-sent events `{time, level, text}`. Query: `lines=N` of the past (100), `follow=1`.", ofTenant((*Server).tenantLogs)},
		{"GET", "/v1/tenants/{name}/records", false, "What is kept of a tenant's calls, the newest first: `{id, time, target, cause, instructions, bytes, program}`.", ofTenant((*Server).tenantRecords)},
		{"GET", "/v1/tenants/{name}/records/{id}", false, "The recording of a request as a file, for `fishplate tenant replay FILE`.", ofTenant((*Server).tenantRecord)},
		{"GET", "/v1/tenants/{name}/profile", false, "Counts a tenant's instructions for `for=10s` and answers with the counts for pprof. 409 while another profile is made.", ofTenant((*Server).tenantProfile)},
		{"POST", "/v1/tenants/{name}/gdb", false, "Waits for a request and gives its call to a debugger. Query: `where=EXPR`, `entry` (`on_recv`, `forge`, …), `wait=10m`. With `Upgrade: fishplate-gdb`; answers 101 when a request was chosen, then speaks gdb's remote protocol.", ofTenant((*Server).tenantGDB)},
	}
}
