package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// PurgeRequest names what is to go out of the caches. Exactly one of URLs,
// Tags, Prefix, Host and Ban is set.
type PurgeRequest struct {
	URLs   []string `json:"urls,omitempty"`
	Tags   []string `json:"tags,omitempty"`
	Prefix string   `json:"prefix,omitempty"` // of the URL, scheme and host included
	Host   string   `json:"host,omitempty"`   // without port
	Ban    string   `json:"ban,omitempty"`    // an expression over obj
	// Soft makes objects stale in place of removing them: grace, revalidation
	// and stale-if-error go on.
	Soft   bool   `json:"soft,omitempty"`
	Tenant string `json:"tenant,omitempty"` // only objects of this tenant; "" = all
}

// Kind is the word of what is set, or an error when that is not one thing.
func (r *PurgeRequest) Kind() (string, error) {
	var kinds []string
	for _, k := range []struct {
		name string
		set  bool
	}{{"urls", len(r.URLs) > 0}, {"tags", len(r.Tags) > 0}, {"prefix", r.Prefix != ""}, {"host", r.Host != ""}, {"ban", r.Ban != ""}} {
		if k.set {
			kinds = append(kinds, k.name)
		}
	}
	if len(kinds) != 1 {
		return "", fmt.Errorf("%w: a purge names one of urls, tags, prefix, host and ban; here are %d of them", ErrInvalid, len(kinds))
	}
	return kinds[0], nil
}

// PurgeResult says what a purge did.
type PurgeResult struct {
	Purged int `json:"purged"` // objects that were removed or made stale at once
	// Bans counts the expressions that are in force now: their objects are
	// found when they are asked for, or by and by in the background.
	Bans int           `json:"bans"`
	Took time.Duration `json:"took"` // nanoseconds
}

// CacheRequest is a question about what the caches hold.
type CacheRequest struct {
	What   string // "ls", "show", "stat" or "top"
	Store  string // only this store; "" = all
	Tenant string // only objects of this tenant; "" = all
	Host   string // ls, top: only this host
	Prefix string // ls, top: only URLs that begin so
	Tag    string // ls, top: only objects with this tag
	Limit  int    // ls, top: at most so many rows, from 1 to 1,000
	Cursor string // ls: where an earlier answer ended; "" = the beginning

	Method  string      // show: "" = GET
	URL     string      // show
	Headers [][2]string // show: request fields that may choose a variant
}

// CacheObject is one stored object.
type CacheObject struct {
	URL       string   `json:"url"`
	Key       string   `json:"key"` // the whole key text: the URL, and parts a line each
	Store     string   `json:"store"`
	Partition string   `json:"partition"` // "tenant/NAME" or "vhost/NAME"
	Tier      string   `json:"tier"`      // "memory", "disk" or "memory+disk"
	State     string   `json:"state"`     // "fresh", "grace", "keep" or "filling"
	Status    int      `json:"status"`
	Size      int64    `json:"size"`   // bytes of the body
	Memory    int64    `json:"memory"` // bytes that it takes, head and rounding included
	Age       float64  `json:"age"`    // seconds
	TTL       float64  `json:"ttl"`    // seconds of freshness left; negative: stale for so long
	Hits      int64    `json:"hits"`
	Tags      []string `json:"tags"`
	Vary      string   `json:"vary"`   // what chose the variant; "" = nothing
	Coding    string   `json:"coding"` // content coding; "" = none
}

// CacheList is the answer to ls and top.
type CacheList struct {
	Objects []CacheObject `json:"objects"`
	Cursor  string        `json:"cursor"`  // for the next question; "" = that was all
	Scanned int64         `json:"scanned"` // objects looked at for this answer
}

// CacheVariant is one object of a key, in full.
type CacheVariant struct {
	CacheObject
	Selected   bool        `json:"selected"`   // the request would be answered from it
	Arithmetic []string    `json:"arithmetic"` // how age and freshness come about, a line each
	Head       [][2]string `json:"head"`       // stored fields
}

// CacheShow is the answer to show.
type CacheShow struct {
	Key       string         `json:"key"`
	Partition string         `json:"partition"`
	Store     string         `json:"store"`
	Outcome   string         `json:"outcome"` // what lookup would say, in the words of the metrics
	Why       string         `json:"why"`
	Variants  []CacheVariant `json:"variants"`
}

// CacheBucket is one bar of a histogram.
type CacheBucket struct {
	// Upto is the greatest value that is counted here, in seconds or bytes; 0
	// in the last one, which has no bound.
	Upto  float64 `json:"upto"`
	Count int64   `json:"count"`
}

// CacheBans are the bans of one store.
type CacheBans struct {
	Active  int     `json:"active"`
	Limit   int     `json:"limit"`
	Oldest  float64 `json:"oldest"`  // seconds
	Overdue bool    `json:"overdue"` // the oldest waits for longer than the alarm
	Tests   int64   `json:"tests"`
	Matched int64   `json:"matched"`
}

// CacheStore is one store in figures.
type CacheStore struct {
	StoreStatus
	Index   int64            `json:"index"` // bytes; the four sum up to Bytes
	Heads   int64            `json:"heads"`
	Bodies  int64            `json:"bodies"`
	Free    int64            `json:"free"`
	Refused int64            `json:"refused"` // objects that found no room
	Ages    []CacheBucket    `json:"ages"`
	Sizes   []CacheBucket    `json:"sizes"`
	BanList CacheBans        `json:"ban_list"`
	Counts  map[string]int64 `json:"counts"` // requests by outcome, in the words of the metrics
}

// CacheStat is the answer to stat.
type CacheStat struct {
	Stores     []CacheStore      `json:"stores"`
	Partitions []PartitionStatus `json:"partitions"`
}

// cacheRows bounds the rows of one answer.
const cacheRows = 1000

func (s *Server) purge(w http.ResponseWriter, r *http.Request) error {
	if s.o.Purge == nil {
		return errors.ErrUnsupported
	}
	var q PurgeRequest
	if err := question(r, &q); err != nil {
		return err
	}
	if _, err := q.Kind(); err != nil {
		return err
	}
	result, err := s.o.Purge(r.Context(), q)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, result)
}

// cacheHandler answers one of the questions below /v1/cache.
func cacheHandler(what string) func(*Server, http.ResponseWriter, *http.Request) error {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error { return s.askCache(what, w, r) }
}

func (s *Server) askCache(what string, w http.ResponseWriter, r *http.Request) error {
	if s.o.Cache == nil {
		return errors.ErrUnsupported
	}
	q, err := cacheQuestion(what, r.URL.Query())
	if err != nil {
		return err
	}
	result, err := s.o.Cache(r.Context(), q)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, result)
}

func cacheQuestion(what string, v url.Values) (q CacheRequest, err error) {
	q = CacheRequest{
		What: what, Store: v.Get("store"), Tenant: v.Get("tenant"), Host: v.Get("host"), Prefix: v.Get("prefix"),
		Tag: v.Get("tag"), Cursor: v.Get("cursor"), Limit: 100, Method: v.Get("method"), URL: v.Get("url"),
	}
	if text := v.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > cacheRows {
			return q, fmt.Errorf("%w: limit is from 1 to %d, not %q", ErrInvalid, cacheRows, text)
		}
	}
	for _, field := range v["header"] {
		name, value, ok := strings.Cut(field, ":")
		if !ok {
			return q, fmt.Errorf("%w: header is \"Name: value\", not %q", ErrInvalid, field)
		}
		q.Headers = append(q.Headers, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	if what == "show" && q.URL == "" {
		return q, fmt.Errorf("%w: url is missing", ErrInvalid)
	}
	return q, nil
}

// query is the counterpart of cacheQuestion.
func (q *CacheRequest) query() string {
	v := url.Values{}
	for name, value := range map[string]string{
		"store": q.Store, "tenant": q.Tenant, "host": q.Host, "prefix": q.Prefix, "tag": q.Tag, "cursor": q.Cursor,
		"method": q.Method, "url": q.URL,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	for _, h := range q.Headers {
		v.Add("header", h[0]+": "+h[1])
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// Purge takes objects out of the caches.
func (c *Client) Purge(ctx context.Context, r PurgeRequest) (result PurgeResult, err error) {
	return result, c.call(ctx, "POST", "/v1/purge", r, &result)
}

// Cache asks one of the questions of CacheRequest. The answer, a CacheList,
// CacheShow or CacheStat, is decoded into into.
func (c *Client) Cache(ctx context.Context, q CacheRequest, into any) error {
	return c.call(ctx, "GET", "/v1/cache/"+q.What+q.query(), nil, into)
}
