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
		{"GET", "/v1/history", false, "The commits of this process, the newest first.", (*Server).history},
		{"GET", "/v1/log", false, "Access log lines as server-sent events. Query: `follow=1`, `where=EXPR`, `format=json|text`, `lines=N` of the ring first.", (*Server).log},
		{"GET", "/v1/events", false, "Commits and refusals as they happen, as server-sent events `committed` and `refused`.", (*Server).events},
		{"POST", "/v1/plan", false, "Body `{path}`. The typed difference to what runs; `errors` when it would be refused.", (*Server).plan},
		{"POST", "/v1/apply", false, "Body `{path, comment}`. Answers after the commit (200) or the refusal (422).", (*Server).apply},
		{"POST", "/v1/reload", false, "Applies the path that `serve` was started with; answers as apply does.", (*Server).reload},
		{"POST", "/v1/explain", false, "Body `{method, url, headers, client}`. Where such a request would go, and why.", (*Server).explain},
		{"POST", "/v1/purge", false, "Body `{urls|tags|prefix|host|ban, soft, tenant}`: exactly one of the first five. Takes objects out of the caches; answers `{purged, bans, took}`.", (*Server).purge},
		{"GET", "/v1/cache/stat", true, "Figures and histograms of every store: what `fishplate cache stat --json` prints.", cacheHandler("stat")},
		{"GET", "/v1/cache/ls", false, "Stored objects. Query: `store`, `tenant`, `host`, `prefix`, `tag`, `limit` (to 1,000), `cursor`.", cacheHandler("ls")},
		{"GET", "/v1/cache/top", false, "The objects with the most hits. Query as for ls, without `cursor`.", cacheHandler("top")},
		{"GET", "/v1/cache/show", false, "What is stored for a URL. Query: `url`, `method`, `header=Name: value` (repeated), `store`, `tenant`.", cacheHandler("show")},
	}
}
