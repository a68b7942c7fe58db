package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPurgeCall(t *testing.T) {
	var got PurgeRequest
	_, c, _ := open(t, Options{Purge: func(_ context.Context, r PurgeRequest) (any, error) {
		if got = r; strings.Contains(r.Ban, "bad") {
			return nil, fmt.Errorf("%w: compile ban: column 5", ErrInvalid)
		}
		return PurgeResult{Purged: 3, Bans: 1, Took: time.Millisecond}, nil
	}})
	want := PurgeRequest{Tags: []string{"a", "b c"}, Soft: true, Tenant: "shop"}
	r, err := c.Purge(t.Context(), want)
	if err != nil || r.Purged != 3 || r.Took != time.Millisecond {
		t.Errorf("purge: %+v, %v", r, err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for name, q := range map[string]PurgeRequest{
		"nothing": {}, "two kinds": {Host: "h", Prefix: "p"}, "refused below": {Ban: "obj.bad"},
	} {
		_, err := c.Purge(t.Context(), q)
		var api *APIError
		if !errors.As(err, &api) || api.Status != http.StatusBadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCacheQuestionTravels hands every field of a question to the other side.
func TestCacheQuestionTravels(t *testing.T) {
	var got CacheRequest
	_, c, _ := open(t, Options{Cache: func(_ context.Context, r CacheRequest) (any, error) {
		got = r
		return CacheList{Objects: []CacheObject{{URL: "http://a/"}}, Cursor: "next"}, nil
	}})
	for _, q := range []CacheRequest{
		{What: "ls", Store: "main", Tenant: "t", Host: "h", Prefix: "http://h/a?b=1&c", Tag: "x y", Cursor: "1.2", Limit: 7},
		{What: "top", Limit: 1000},
		{What: "show", URL: "http://h/ü?x=%20", Method: "HEAD", Headers: [][2]string{{"Accept", "a, b"}, {"X", ""}}, Limit: 1},
		{What: "stat", Limit: 100},
	} {
		var list CacheList
		if err := c.Cache(t.Context(), q, &list); err != nil || list.Cursor != "next" {
			t.Errorf("%s: %+v, %v", q.What, list, err)
		}
		if d := cmp.Diff(q, got); d != "" {
			t.Errorf("%s:\n%s", q.What, d)
		}
	}
}

func TestCacheQuestionsThatAreWrong(t *testing.T) {
	_, c, _ := open(t, Options{Cache: func(context.Context, CacheRequest) (any, error) { return CacheList{}, nil }})
	for path, want := range map[string]string{
		"/v1/cache/ls?limit=0": "limit", "/v1/cache/top?limit=x": "limit", "/v1/cache/ls?limit=1001": "limit",
		"/v1/cache/show": "url is missing", "/v1/cache/show?url=a&header=b": "header",
	} {
		var api *APIError
		if _, err := c.do(t.Context(), "GET", path, nil); !errors.As(err, &api) || api.Status != 400 || !strings.Contains(api.Message, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	_, c, _ = open(t, Options{})
	var api *APIError
	if err := c.Cache(t.Context(), CacheRequest{What: "stat"}, nil); !errors.As(err, &api) || api.Status != http.StatusNotImplemented {
		t.Errorf("without a cache: %v", err)
	}
	if _, err := c.Purge(t.Context(), PurgeRequest{Host: "h"}); !errors.As(err, &api) || api.Status != http.StatusNotImplemented {
		t.Errorf("purge without a cache: %v", err)
	}
}

// TestCacheGolden pins the keys that tools rely on.
func TestCacheGolden(t *testing.T) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	for _, v := range []any{
		PurgeRequest{URLs: []string{"u"}, Tags: []string{"t"}, Prefix: "p", Host: "h", Ban: "b", Soft: true, Tenant: "n"},
		PurgeResult{},
		CacheList{Objects: []CacheObject{{Tags: []string{"t"}}}},
		CacheShow{Variants: []CacheVariant{{Arithmetic: []string{"a"}, Head: [][2]string{{"n", "v"}}}}},
		CacheStat{Stores: []CacheStore{{StoreStatus: StoreStatus{Disk: &DiskStatus{}}, Ages: []CacheBucket{{}}, Sizes: []CacheBucket{{}}}}, Partitions: []PartitionStatus{{}}},
	} {
		_ = e.Encode(v)
	}
	golden(t, "cache.json", b.Bytes())
}
