package rules

import (
	"testing"
	"time"

	"fishplate/internal/message"
)

// keeping is a policy under which whatever has a validator is worth storing.
var keeping = Policy{Keep: time.Hour}

// judgeRows name their section; policy nil is keeping.
var judgeRows = []struct {
	section   string
	policy    *Policy
	req, resp string
	want      string
}{
	// RFC 9111 §3: what may be stored.
	{"9111 §3", nil, "", "200 | Cache-Control: max-age=60", "max-age 60"},
	{"9111 §3", nil, "", "200 | Cache-Control: s-maxage=60", "s-maxage 60 +must-revalidate"},
	{"9111 §3", nil, "", "200 | Expires: {+60}", "expires 60"},
	{"9111 §3", nil, "PUT", "200 | Cache-Control: max-age=60", "method"},
	{"9111 §3", nil, "DELETE", "200 | Cache-Control: max-age=60", "method"},
	{"9111 §3", nil, "OPTIONS", "200 | Cache-Control: max-age=60", "method"},
	{"9110 §9.1", nil, "get", "200 | Cache-Control: max-age=60", "method"},
	{"9111 §3", &Policy{Methods: []string{"PUT"}}, "PUT", "200 | Cache-Control: max-age=60", "method"},
	{"9111 §3", nil, "POST", "200 | Cache-Control: max-age=60", "method"},
	{"9110 §9.3.3", &Policy{Methods: []string{"GET", "POST"}}, "POST", "200 | Cache-Control: max-age=60", "max-age 60"},
	{"9110 §9.3.3", &Policy{Methods: []string{"GET", "POST"}}, "POST", "200 | Last-Modified: {-1000}", "post"},
	{"9110 §9.3.3", &Policy{Methods: []string{"GET", "POST"}}, "POST", "200 | Expires: {+9}", "expires 9"},
	{"9110 §9.3.2", nil, "HEAD", "200 | Cache-Control: max-age=60", "head"},
	{"9110 §9.3.2", &Policy{HeadFetches: true}, "HEAD", "200 | Cache-Control: max-age=60", "max-age 60"},
	{"9111 §3", nil, "", "103 | Cache-Control: max-age=60", "not-final"},
	{"9111 §3", nil, "", "304 | Cache-Control: max-age=60", "not-modified"},
	{"9111 §3.3", nil, "", "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/2", "partial"},
	{"9111 §3.3", &Policy{Partial: true}, "", "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/2", "max-age 60"},
	{"9110 §14.6", &Policy{Partial: true}, "", "206 | Cache-Control: max-age=60 | Content-Type: multipart/byteranges", "partial"},
	{"9111 §3", nil, "", "299 | Cache-Control: max-age=60", "max-age 60"},
	{"9111 §3", nil, "", "299 | Last-Modified: {-1000}", "status"},
	{"9110 §15", nil, "", "600 | Cache-Control: max-age=60", "status"},
	{"9110 §15.5.13", nil, "", "412 | Cache-Control: max-age=60", "status"},
	{"9110 §15.5.17", nil, "", "416 | Cache-Control: max-age=60", "status"},
	{"6585 §3", nil, "", "428 | Cache-Control: max-age=60", "status"},
	{"6585 §4", nil, "", "429 | Cache-Control: max-age=60", "status"},
	{"6585 §5", nil, "", "431 | Cache-Control: max-age=60", "status"},
	{"6585 §6", nil, "", "511 | Cache-Control: max-age=60", "status"},
	{"9110 §15.1", nil, "", "302 | Last-Modified: {-1000}", "status"},
	{"9111 §3", nil, "", "302 | Cache-Control: max-age=5", "max-age 5"},
	{"9111 §3", nil, "", "500 | Cache-Control: max-age=5", "max-age 5"},
	{"9110 §15.1", nil, "", "500 | Last-Modified: {-1000}", "status"},
	{"9110 §15.1", nil, "", "403 | Last-Modified: {-1000}", "status"},
	{"9110 §15.1", nil, "", "301 | Last-Modified: {-1000}", "heuristic 100"},
	{"9110 §15.1", nil, "", "308 | Last-Modified: {-1000}", "heuristic 100"},
	{"9110 §15.1", nil, "", "300 | Last-Modified: {-1000}", "heuristic 100"},
	{"9110 §15.1", nil, "", "203 | Last-Modified: {-1000}", "heuristic 100"},
	{"9110 §15.1", nil, "", "204 | Last-Modified: {-1000}", "heuristic 100"},
	{"9110 §15.1", nil, "", "404 | Last-Modified: {-1000}", "heuristic 100"},
	{"9110 §15.1", nil, "", "405 | Last-Modified: {-1000}", "heuristic 100"},
	{"9110 §15.1", nil, "", "410 | Last-Modified: {-1000}", "heuristic 100"},
	{"9110 §15.1", nil, "", "414 | Last-Modified: {-1000}", "heuristic 100"},
	{"9110 §15.1", nil, "", "501 | Last-Modified: {-1000}", "heuristic 100"},
	{"9111 §3", nil, "", "200", "not-reusable"},
	{"9111 §3", nil, "", `200 | ETag: "a"`, "none 0"},
	{"9111 §3", &Policy{}, "", `200 | ETag: "a"`, "not-reusable"},

	// §5.2.2.5, §5.2.2.7, §5.2.1.5: no-store and private.
	{"9111 §5.2.2.5", nil, "", "200 | Cache-Control: max-age=60, no-store", "no-store"},
	{"9111 §5.2.2.5", nil, "", "200 | Cache-Control: max-age=60 | Cache-Control: No-Store", "no-store"},
	{"9111 §5.2.2.5", nil, "", "200 | Cache-Control: no-store=1, max-age=60", "no-store"},
	{"9111 §5.2.2.5", nil, "", "200 | Cache-Control: public, no-store, max-age=60", "no-store"},
	{"9111 §5.2.2.5", nil, "", `200 | Cache-Control: x="no-store", max-age=60`, "max-age 60"},
	{"9111 §5.2.2.5", nil, "", "200 | Cache-Control: no-stores, max-age=60", "max-age 60"},
	{"9111 §5.2.2.7", nil, "", "200 | Cache-Control: private, max-age=60", "private"},
	{"9111 §5.2.2.7", nil, "", "200 | Cache-Control: public, private, max-age=60", "private"},
	{"9111 §5.2.2.7", nil, "", "200 | Cache-Control: s-maxage=9, private", "private"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: private="X-A", max-age=60`, "max-age 60 -X-A"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: private="X-A ,X-B", max-age=60`, "max-age 60 -X-A -X-B"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: private=X-A, max-age=60`, "max-age 60 -X-A"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: private="", max-age=60`, "private"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: private=, max-age=60`, "private"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: private="a b", max-age=60`, "private"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: private="X-A", private, max-age=60`, "private"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: max-age=60, private="X-A`, "private"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: max-age=60; private`, "private"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: no-cache="a, private, max-age=60`, "private"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: private = "X-A", max-age=60`, "private"},
	{"9111 §5.2.1.5", nil, "Cache-Control: no-store", "200 | Cache-Control: max-age=60", "client-no-store"},
	{"9111 §5.2.1.5", nil, "Cache-Control: max-age=1, NO-STORE", "200 | Cache-Control: max-age=60", "client-no-store"},
	{"9111 §5.2.1.5", &Policy{IgnoreClient: true}, "Cache-Control: no-store", "200 | Cache-Control: max-age=60", "max-age 60"},
	{"9111 §5.2.1.4", nil, "Cache-Control: no-cache", "200 | Cache-Control: max-age=60", "max-age 60"},

	// §5.2.2.3: must-understand.
	{"9111 §5.2.2.3", nil, "", "200 | Cache-Control: must-understand, no-store, max-age=60", "max-age 60"},
	{"9111 §5.2.2.3", nil, "", "299 | Cache-Control: must-understand, no-store, max-age=60", "must-understand"},
	{"9111 §5.2.2.3", nil, "", "299 | Cache-Control: must-understand, max-age=60", "must-understand"},
	{"9111 §5.2.2.3", nil, "", "200 | Cache-Control: must-understand, no-store, private", "private"},
	{"9111 §5.2.2.3", nil, "", "200 | Cache-Control: must-understand=1, no-store, max-age=60", "no-store"},
	{"9111 §5.2.2.3", nil, "Cache-Control: no-store", "200 | Cache-Control: must-understand, no-store, max-age=60", "client-no-store"},

	// §3.5: Authorization.
	{"9111 §3.5", nil, "Authorization: Basic x", "200 | Cache-Control: max-age=60", "authorization"},
	{"9111 §3.5", nil, "Authorization: Basic x", "200 | Cache-Control: public, max-age=60", "max-age 60 +authorized"},
	{"9111 §3.5", nil, "Authorization: Basic x", "200 | Cache-Control: s-maxage=60", "s-maxage 60 +must-revalidate +authorized"},
	{"9111 §3.5", nil, "Authorization: Basic x", "200 | Cache-Control: must-revalidate, max-age=60", "max-age 60 +must-revalidate +authorized"},
	{"9111 §3.5", nil, "Authorization: Basic x", "200 | Cache-Control: proxy-revalidate, max-age=60", "authorization"},
	{"9111 §3.5", nil, "Authorization: Basic x", "200 | Expires: {+60}", "authorization"},
	{"9111 §3.5", &Policy{Has: HasTTL, TTL: time.Minute}, "Authorization: Basic x", "200", "authorization"},
	{"9111 §3.5", nil, "Authorization: Basic x", "200 | Cache-Control: public=1, max-age=60", "authorization"},

	// §7.3: Set-Cookie.
	{"9111 §7.3", nil, "", "200 | Cache-Control: max-age=60 | Set-Cookie: a=1", "set-cookie"},
	{"9111 §7.3", &Policy{SetCookie: StripSetCookie}, "", "200 | Cache-Control: max-age=60 | Set-Cookie: a=1", "max-age 60 -Set-Cookie"},
	{"9111 §7.3", &Policy{SetCookie: KeepSetCookie}, "", "200 | Cache-Control: max-age=60 | Set-Cookie: a=1", "max-age 60"},
	{"9111 §5.2.2.4", nil, "", `200 | Cache-Control: max-age=60, no-cache="set-cookie" | Set-Cookie: a=1`, "max-age 60 -set-cookie"},
	{"9111 §5.2.2.7", nil, "", `200 | Cache-Control: max-age=60, private="Set-Cookie" | Set-Cookie: a=1`, "max-age 60 -Set-Cookie"},
	{"9111 §5.2.2.4", nil, "", `200 | Cache-Control: max-age=60, no-cache="X-A" | Set-Cookie: a=1`, "set-cookie"},

	// §5.2.2.4: no-cache.
	{"9111 §5.2.2.4", nil, "", `200 | Cache-Control: max-age=60, no-cache | ETag: "a"`, "max-age 60 +no-cache"},
	{"9111 §5.2.2.4", nil, "", `200 | Cache-Control: max-age=60, no-cache`, "not-reusable"},
	{"9111 §5.2.2.4", &Policy{}, "", `200 | Cache-Control: max-age=60, no-cache | ETag: "a"`, "not-reusable"},
	{"9111 §5.2.2.4", nil, "", `200 | Cache-Control: max-age=60, no-cache="X-A"`, "max-age 60 -X-A"},
	{"9111 §5.2.2.4", nil, "", `200 | Cache-Control: max-age=60, no-cache="X-A", no-cache | ETag: "a"`, "max-age 60 +no-cache -X-A"},
	{"9111 §5.2.2.4", nil, "", `200 | Cache-Control: max-age=60, no-cache=""`, "not-reusable"},
	{"9111 §5.2.2.4", nil, "", `200 | Cache-Control: max-age=60, no-cache="X-A\"" | ETag: "a"`, "max-age 60 +no-cache"},
	{"9111 §5.2.2.4", nil, "", `200 | Cache-Control: no-cache | ETag: "a"`, "none 0 +no-cache"},
	{"9111 §5.4", nil, "", "200 | Cache-Control: max-age=60 | Pragma: no-cache", "max-age 60"},

	// §4.2.1: precedence of freshness.
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=5, s-maxage=60 | Expires: {+9}", "s-maxage 60 +must-revalidate"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=5 | Expires: {+9}", "max-age 5"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=5 | Expires: 0", "max-age 5"},
	{"9111 §4.2.1", nil, "", "200 | Expires: {+9} | Last-Modified: {-1000}", "expires 9"},
	{"9111 §4.2.1", nil, "", "200 | Expires: 0 | Last-Modified: {-1000}", "expires 0"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=0 | Last-Modified: {-1000}", "max-age 0"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=60, max-age=60", "max-age 60"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=60, max-age=10", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=60 | Cache-Control: max-age=0", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=60, max-age=x", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: s-maxage=x, max-age=60", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=x | Expires: {+60}", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=-1", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=+60", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=60.5", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=0x60", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=60s", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age =60", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age= 60", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age=6 0", "not-reusable"},
	{"9111 §4.2.1", nil, "", "200 | Cache-Control: max-age='60'", "not-reusable"},
	{"9111 §4.2.1", nil, "", `200 | Cache-Control: max-age="60`, "not-reusable"},
	{"9111 §4.2.1", nil, "", `200 | Cache-Control: max-age="60"x`, "not-reusable"},
	{"9111 §4.2.1", nil, "", `200 | Cache-Control: x="a, max-age=60`, "not-reusable"},
	{"9111 §4.2.1", nil, "", `200 | Cache-Control: public; max-age=60`, "not-reusable"},
	{"9111 §4.2.1", nil, "", `200 | Cache-Control: x;y, max-age=60`, "max-age 60"},
	{"9111 §5.2", nil, "", `200 | Cache-Control: max-age="60"`, "max-age 60"},
	{"9111 §5.2", nil, "", `200 | Cache-Control: Max-AGE=60`, "max-age 60"},
	{"9111 §5.2", nil, "", `200 | Cache-Control: ,, max-age=60 , ,`, "max-age 60"},
	{"9111 §5.2", nil, "", `200 | Cache-Control: x="a\", max-age=0, \"", max-age=60`, "max-age 60"},
	{"9111 §5.2.3", nil, "", `200 | Cache-Control: frob, x=y, z="max-age=1", max-age=60`, "max-age 60"},
	{"9111 §5.2.3", nil, "", `200 | Cache-Control: x-max-age=60`, "not-reusable"},
	{"9111 §1.2.2", nil, "", "200 | Cache-Control: max-age=2147483647", "max-age 2.147483647e+09"},
	{"9111 §1.2.2", nil, "", "200 | Cache-Control: max-age=2147483648", "max-age 2.147483648e+09"},
	{"9111 §1.2.2", nil, "", "200 | Cache-Control: max-age=4294967301", "max-age 2.147483648e+09"},
	{"9111 §1.2.2", nil, "", "200 | Cache-Control: max-age=99999999999999999999999", "max-age 2.147483648e+09"},
	{"9111 §1.2.2", nil, "", "200 | Cache-Control: max-age=0000060", "max-age 60"},

	// §5.3: Expires.
	{"9111 §5.3", nil, "", "200 | Expires: {-60}", "not-reusable"},
	{"9111 §5.3", nil, "", "200 | Expires: {+0}", "not-reusable"},
	{"9111 §5.3", nil, "", "200 | Expires: 0", "not-reusable"},
	{"9111 §5.3", nil, "", "200 | Expires: -1", "not-reusable"},
	{"9111 §5.3", nil, "", "200 | Expires: soon", "not-reusable"},
	{"9111 §5.3", nil, "", "200 | Expires:", "not-reusable"},
	{"9111 §5.3", nil, "", "200 | Expires: {+60} | Expires: {+60}", "expires 60"},
	{"9111 §5.3", nil, "", "200 | Expires: {+60} | Expires: {+90}", "not-reusable"},
	{"9111 §5.3", nil, "", "200 | Expires: Sat, 21 Nov 2026 13:01:00 CET", "not-reusable"},
	{"9111 §5.3", nil, "", "200 | Expires: sat, 21 nov 2026 12:01:00 gmt", "expires 60"},
	{"9110 §5.6.7", nil, "", "200 | Expires: Saturday, 21-Nov-26 12:01:00 GMT", "expires 60"},
	{"9110 §5.6.7", nil, "", "200 | Expires: Sat Nov 21 12:01:00 2026", "expires 60"},
	{"9111 §5.3", nil, "", "200 | Expires: Fri, 31 Dec 9999 23:59:59 GMT", "expires 2.147483648e+09"},
	{"9111 §4.2.1", nil, "", "200 | Date: {-50} | Expires: {+10}", "expires 60 age=50"},
	{"9111 §4.2.1", nil, "", "200 | Date: {+50} | Expires: {+110}", "expires 60"},
	{"9110 §6.6.1", nil, "", "200 | !Date | Expires: {+60}", "expires 60 +no-date"},
	{"9110 §6.6.1", nil, "", "200 | Date: yesterday | Expires: {+60}", "expires 60 +no-date"},

	// §4.2.2: heuristics.
	{"9111 §4.2.2", nil, "", "200 | Last-Modified: {-1000}", "heuristic 100"},
	{"9111 §4.2.2", nil, "", "200 | Date: {-90} | Last-Modified: {-1090}", "heuristic 100 age=90"},
	{"9111 §4.2.2", nil, "", "200 | !Date | Last-Modified: {-1000}", "heuristic 100 +no-date"},
	{"9111 §4.2.2", nil, "", "200 | Last-Modified: {+1000}", "none 0"},
	{"9111 §4.2.2", nil, "", "200 | Last-Modified: long ago", "none 0"},
	{"9111 §4.2.2", nil, "", "200 | Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT", "heuristic 86400"},
	{"9111 §4.2.2", nil, "", "200 | Cache-Control: public | Last-Modified: {-1000}", "heuristic 100"},
	{"9111 §4.2.2", nil, "", "302 | Cache-Control: public | Last-Modified: {-1000}", "heuristic 100"},
	{"9111 §5.2.2.9", nil, "", "302 | Cache-Control: public", "not-reusable"},
	{"9111 §4.2.2", nil, "", "200 | Cache-Control: must-revalidate | Last-Modified: {-1000}", "heuristic 100 +must-revalidate"},

	// §4.2.3, §5.1: age.
	{"9111 §4.2.3", nil, "", "200 | Cache-Control: max-age=60 | Age: 10", "max-age 60 age=10"},
	{"9111 §4.2.3", nil, "", "200 | Cache-Control: max-age=60 | Age: 70", "max-age 60 age=70"},
	{"9111 §4.2.3", &Policy{}, "", "200 | Cache-Control: max-age=60 | Age: 60", "not-reusable"},
	{"9111 §4.2.3", nil, "", "200 | Cache-Control: max-age=60 | Date: {-20}", "max-age 60 age=20"},
	{"9111 §4.2.3", nil, "", "200 | Cache-Control: max-age=60 | Date: {-20} | Age: 30", "max-age 60 age=30"},
	{"9111 §4.2.3", nil, "", "200 | Cache-Control: max-age=60 | Date: {-30} | Age: 20", "max-age 60 age=30"},
	{"9111 §4.2.3", nil, "", "200 | Cache-Control: max-age=60 | Date: {+30} | Age: 20", "max-age 60 age=20"},
	{"9111 §4.2.3", nil, "", "200 | Cache-Control: max-age=60 | Date: {+1000}", "max-age 60"},
	{"9111 §4.2.3", &Policy{Skew: 10 * time.Second}, "", "200 | Cache-Control: max-age=60 | Date: {-10}", "max-age 60"},
	{"9111 §4.2.3", &Policy{Skew: 10 * time.Second}, "", "200 | Cache-Control: max-age=60 | Date: {-11}", "max-age 60 age=11"},
	{"9111 §5.1", nil, "", "200 | Cache-Control: max-age=60 | Age: -5", "max-age 60"},
	{"9111 §5.1", nil, "", "200 | Cache-Control: max-age=60 | Age: 7.5", "max-age 60"},
	{"9111 §5.1", nil, "", "200 | Cache-Control: max-age=60 | Age: old", "max-age 60"},
	{"9111 §5.1", nil, "", "200 | Cache-Control: max-age=60 | Age: 0030", "max-age 60 age=30"},
	{"9111 §5.1", nil, "", "200 | Cache-Control: max-age=60 | Age: 30, 5", "max-age 60 age=30"},
	{"9111 §5.1", nil, "", "200 | Cache-Control: max-age=60 | Age: 30 | Age: 5", "max-age 60 age=30"},
	{"9111 §5.1", nil, "", "200 | Cache-Control: max-age=60 | Age: x, 5", "max-age 60"},
	{"9111 §1.2.2", &Policy{}, "", "200 | Cache-Control: max-age=60 | Age: 99999999999999999999", "not-reusable"},

	// §4.1: Vary.
	{"9111 §4.1", nil, "", "200 | Cache-Control: max-age=60 | Vary: *", "vary-star"},
	{"9111 §4.1", nil, "", "200 | Cache-Control: max-age=60 | Vary: Accept, *", "vary-star"},
	{"9111 §4.1", nil, "", "200 | Cache-Control: max-age=60 | Vary: Accept | Vary: *", "vary-star"},
	{"9111 §4.1", nil, "", "200 | Cache-Control: max-age=60 | Vary: Accept Encoding", "vary-star"},
	{"9111 §4.1", nil, "", "200 | Cache-Control: max-age=60 | Vary: Accept", "max-age 60"},
	{"9111 §4.1", nil, "", "200 | Cache-Control: max-age=60 | Vary: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "vary-long"},
	{"9111 §4.1", &Policy{VaryIgnore: []string{"q"}}, "", "200 | Cache-Control: max-age=60 | Vary: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,Q", "max-age 60"},

	// RFC 5861: stale content.
	{"5861 §3", nil, "", "200 | Cache-Control: max-age=60, stale-while-revalidate=30", "max-age 60 grace=30"},
	{"5861 §4", nil, "", "200 | Cache-Control: max-age=60, stale-if-error=30", "max-age 60 sie=30"},
	{"5861 §3", nil, "", "200 | Cache-Control: max-age=60, stale-while-revalidate=x", "max-age 60"},
	{"5861 §3", nil, "", "200 | Cache-Control: max-age=60, stale-while-revalidate=3, stale-while-revalidate=4", "max-age 60"},
	{"9111 §5.2.2.2", nil, "", "200 | Cache-Control: max-age=60, must-revalidate, stale-while-revalidate=30", "max-age 60 +must-revalidate"},
	{"9111 §5.2.2.8", nil, "", "200 | Cache-Control: max-age=60, proxy-revalidate, stale-if-error=30", "max-age 60 +must-revalidate"},
	{"9111 §5.2.2.10", nil, "", "200 | Cache-Control: s-maxage=60, stale-while-revalidate=30", "s-maxage 60 +must-revalidate"},
	{"9111 §5.2.2.10", &Policy{SharedStale: true}, "", "200 | Cache-Control: s-maxage=60, stale-while-revalidate=30", "s-maxage 60 grace=30"},
	{"9111 §5.2.2.10", &Policy{SharedStale: true}, "", "200 | Cache-Control: s-maxage=60", "s-maxage 60 +must-revalidate"},
	{"9111 §5.2.2.4", nil, "", `200 | Cache-Control: no-cache, max-age=60, stale-while-revalidate=30 | ETag: "a"`, "max-age 60 +no-cache"},
	{"5861 §3", &Policy{}, "", "200 | Cache-Control: max-age=60, stale-while-revalidate=30 | Age: 80", "max-age 60 age=80 grace=30"},
	{"5861 §3", &Policy{}, "", "200 | Cache-Control: max-age=60, stale-while-revalidate=30 | Age: 90", "not-reusable"},
	{"own", &Policy{Has: HasGrace | HasStaleIfError, Grace: 5e9, StaleIfErr: 7e9}, "", "200 | Cache-Control: max-age=60, stale-while-revalidate=30", "max-age 60 grace=5 sie=7"},
	{"own", &Policy{Has: HasGrace, Grace: 0}, "", "200 | Cache-Control: max-age=60, stale-while-revalidate=30", "max-age 60"},
	{"own", &Policy{Has: HasGrace, Grace: 5e9}, "", "200 | Cache-Control: max-age=0", "not-reusable"},
	{"own", &Policy{Has: HasGrace, Grace: 5e9}, "", "200 | Cache-Control: max-age=0, stale-while-revalidate=30", "max-age 0 grace=5"},
	{"9111 §5.2.2.2", &Policy{Has: HasGrace | HasStaleIfError, Grace: 5e9, StaleIfErr: 5e9}, "", "200 | Cache-Control: max-age=60, must-revalidate", "max-age 60 +must-revalidate"},
	{"8246 §2", nil, "", "200 | Cache-Control: max-age=60, immutable", "max-age 60 +immutable"},
	{"8246 §2", nil, "", "200 | Cache-Control: max-age=60, immutable=1", "max-age 60"},
	{"9111 §5.2.2.6", nil, "", "200 | Cache-Control: max-age=60, no-transform", "max-age 60 +no-transform"},

	// RFC 9213: targeted fields.
	{"9213 §2.2", &targeted, "", "200 | CDN-Cache-Control: max-age=60 | Cache-Control: no-store", "max-age 60"},
	{"9213 §2.2", &targeted, "", "200 | CDN-Cache-Control: no-store | Cache-Control: max-age=60", "no-store"},
	{"9213 §2.2", &targeted, "", "200 | CDN-Cache-Control: private | Cache-Control: max-age=60", "private"},
	{"9213 §2.2", &targeted, "", "200 | CDN-Cache-Control: max-age=60 | Cache-Control: private, no-cache, must-revalidate | Expires: 0", "max-age 60"},
	{"9213 §2.2", &targeted, "", "200 | CDN-Cache-Control: public | Expires: {+60}", "not-reusable"},
	{"9213 §2.2", &targeted, "", "200 | CDN-Cache-Control: max-age=60 | Our-Cache-Control: max-age=5", "max-age 5"},
	{"9213 §2.2", &targeted, "", "200 | CDN-Cache-Control: max-age=60 | Our-Cache-Control:", "max-age 60"},
	{"9213 §2.2", &targeted, "", "200 | CDN-Cache-Control: max-age=60 | Our-Cache-Control: ,", "max-age 60"},
	{"9213 §2.2", nil, "", "200 | CDN-Cache-Control: no-store | Cache-Control: max-age=60", "max-age 60"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: no-store, &&& | Cache-Control: max-age=60", "max-age 60"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: Max-Age=5 | Cache-Control: max-age=60", "max-age 60"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=5, | Cache-Control: max-age=60", "max-age 60"},
	{"9213 §2.1", &targeted, "", `200 | CDN-Cache-Control: max-age="60"`, "not-reusable"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=60.0", "not-reusable"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=-60", "not-reusable"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=0, max-age=60", "max-age 60"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=60;x=1;y, q;z=\"a\"", "max-age 60"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=60 | CDN-Cache-Control: immutable", "max-age 60 +immutable"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=60, no-store=?0", "max-age 60"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=60, no-store=?1", "no-store"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=60, no-store=7", "no-store"},
	{"9213 §2.1", &targeted, "", `200 | CDN-Cache-Control: max-age=60, private="X-A, X-B"`, "max-age 60 -X-A -X-B"},
	{"9213 §2.1", &targeted, "", `200 | CDN-Cache-Control: max-age=60, private=(a b)`, "private"},
	{"9213 §2.1", &targeted, "", `200 | CDN-Cache-Control: max-age=60, a=(1 "x" ?0);p, b=:YQ==:, c=@1, d=%"%c3%bc"`, "max-age 60"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=9999999999", "max-age 2.147483648e+09"},
	{"9213 §2.1", &targeted, "", "200 | CDN-Cache-Control: max-age=1000000000000000 | Cache-Control: max-age=9", "max-age 9"},
	{"9213 §2.2", &targeted, "", "200 | CDN-Cache-Control: max-age=60, must-revalidate, stale-if-error=9", "max-age 60 +must-revalidate"},
	{"9213 §2.2", &targeted, "", "200 | CDN-Cache-Control: max-age=60, stale-while-revalidate=9, stale-if-error=8", "max-age 60 grace=9 sie=8"},
	{"9111 §5.2.2.6", &targeted, "", "200 | CDN-Cache-Control: max-age=60 | Cache-Control: no-transform", "max-age 60 +no-transform"},
	{"9111 §3.5", &targeted, "Authorization: x", "200 | CDN-Cache-Control: max-age=60 | Cache-Control: public", "authorization"},

	// The operator's word.
	{"own", &Policy{Has: HasTTL, TTL: 90e9}, "", "200", "ttl 90"},
	{"own", &Policy{Has: HasTTL, TTL: 90e9}, "", "302", "ttl 90"},
	{"own", &Policy{Has: HasTTL, TTL: 90e9}, "", "200 | Cache-Control: max-age=0", "ttl 90"},
	{"own", &Policy{Has: HasTTL, TTL: 90e9}, "", "200 | Age: 50", "ttl 140 age=50"},
	{"own", &Policy{Has: HasTTL, TTL: 90e9}, "", "404", "not-reusable"},
	{"own", &Policy{Has: HasTTL, TTL: 90e9}, "", "404 | Cache-Control: max-age=5", "max-age 5"},
	{"own", &Policy{Has: HasTTL, TTL: 90e9}, "", "200 | Cache-Control: no-store", "no-store"},
	{"own", &Policy{Has: HasTTL, TTL: 90e9}, "", "200 | Cache-Control: private", "private"},
	{"own", &Policy{Has: HasTTL}, "", "200 | Cache-Control: max-age=60", "not-reusable"},
	{"own", &Policy{Has: HasDefaultTTL, DefaultTTL: 90e9}, "", "200 | Last-Modified: {-1000}", "default-ttl 90"},
	{"own", &Policy{Has: HasDefaultTTL, DefaultTTL: 90e9}, "", "200 | Cache-Control: max-age=5", "max-age 5"},
	{"own", &Policy{Has: HasDefaultTTL, DefaultTTL: 90e9}, "", "302", "status"},
	{"own", &Policy{Has: HasDefaultTTL, DefaultTTL: 90e9}, "", "404", "default-ttl 90"},
	{"own", &Policy{Has: HasDefaultTTL | HasNegativeTTL, DefaultTTL: 90e9, NegativeTTL: 9e9}, "", "404", "negative-ttl 9"},
	{"own", &Policy{Has: HasDefaultTTL | HasNegativeTTL, DefaultTTL: 90e9, NegativeTTL: 9e9}, "", "200", "default-ttl 90"},
	{"own", &Policy{Has: HasNegativeTTL, NegativeTTL: 9e9}, "", "503", "status"},
	{"own", &Policy{Has: HasNegativeTTL}, "", "404 | Last-Modified: {-1000}", "not-reusable"},
	{"own", &Policy{Has: HasNegativeTTL, NegativeTTL: 9e9}, "", "404 | Cache-Control: max-age=5", "max-age 5"},
	{"own", &Policy{MinTTL: 10e9}, "", "200 | Cache-Control: max-age=1", "max-age 10"},
	{"own", &Policy{MinTTL: 10e9}, "", "200 | Cache-Control: max-age=60 | Age: 55", "max-age 65 age=55"},
	{"own", &Policy{MinTTL: 10e9}, "", "200 | Cache-Control: max-age=0", "max-age 10"},
	{"own", &Policy{MinTTL: 10e9}, "", "200 | Cache-Control: max-age=0, must-revalidate", "not-reusable"},
	{"own", &Policy{MinTTL: 10e9}, "", "200 | Cache-Control: no-store", "no-store"},
	{"own", &Policy{MaxTTL: 10e9}, "", "200 | Cache-Control: max-age=60", "max-age 10"},
	{"own", &Policy{MaxTTL: 10e9}, "", "200 | Cache-Control: max-age=60 | Age: 20", "max-age 30 age=20"},
	{"own", &Policy{MaxTTL: 10e9}, "", "200 | Cache-Control: max-age=5", "max-age 5"},
	{"own", &Policy{MinTTL: 20e9, MaxTTL: 10e9}, "", "200 | Cache-Control: max-age=5", "max-age 10"},
	{"own", &Policy{Keep: time.Hour}, "", "200 | Cache-Control: max-age=60 | Age: 100", "max-age 60 age=100"},

	// §3.1: fields that are not stored.
	{"9111 §3.1", nil, "", "200 | Cache-Control: max-age=60 | Connection: close, X-Hop", "max-age 60 -X-Hop"},
}

var targeted = Policy{Targeted: []string{"Our-Cache-Control", "CDN-Cache-Control"}}

func TestJudge(t *testing.T) {
	for _, row := range judgeRows {
		p := row.policy
		if p == nil {
			p = &keeping
		}
		v := judged(p, row.req, row.resp)
		if got := render(v); got != row.want {
			t.Errorf("RFC %s: %q %q: got %s, want %s", row.section, row.req, row.resp, got, row.want)
		}
		if v.Store != (v.Reason == Storable) || !v.Store && v.Fresh != 0 {
			t.Errorf("RFC %s: %q: store %t for %s with %v fresh", row.section, row.resp, v.Store, v.Reason, v.Fresh)
		}
	}
}

// TestDelay holds the part of the age that is the exchange's own (§4.2.3).
func TestDelay(t *testing.T) {
	for _, row := range []struct {
		resp string
		took time.Duration
		want time.Duration
	}{
		{"200 | Cache-Control: max-age=60", 3 * time.Second, 3 * time.Second},
		{"200 | Cache-Control: max-age=60 | Age: 10", 3 * time.Second, 13 * time.Second},
		{"200 | Cache-Control: max-age=60 | Date: {-20}", 3 * time.Second, 20 * time.Second},
		{"200 | Cache-Control: max-age=60", -3 * time.Second, 0}, // the clock was set back
	} {
		var v Verdict
		Judge(&keeping, requestOf(""), responseOf(row.resp), arrival.Add(-row.took), arrival, &v)
		if v.Age != row.want {
			t.Errorf("RFC 9111 §4.2.3: %s after %v: age %v, want %v", row.resp, row.took, v.Age, row.want)
		}
		if at := v.Times(arrival); at.Age(arrival.UnixNano()) != int64(row.want) {
			t.Errorf("%s: the object's age on arrival is %d", row.resp, at.Age(arrival.UnixNano()))
		}
	}
}

// TestDateHasSeconds holds that the fraction of the second in which an answer
// arrives does not make it older than its Date says.
func TestDateHasSeconds(t *testing.T) {
	var v Verdict
	at := arrival.Add(900 * time.Millisecond)
	for date, want := range map[string]time.Duration{"{+0}": 0, "{-1}": time.Second} {
		Judge(&keeping, requestOf(""), responseOf("200 | Cache-Control: max-age=60 | Date: "+date), at, at, &v)
		if v.Age != want {
			t.Errorf("Date %s: age %v, want %v", date, v.Age, want)
		}
	}
}

// TestHitForMiss holds which refusals speak of the key and which of one request.
func TestHitForMiss(t *testing.T) {
	p := Policy{HitForMiss: time.Minute, MaxObject: 10}
	for _, row := range []struct {
		req, resp string
		want      time.Duration
	}{
		{"", "200 | Cache-Control: private", time.Minute},
		{"", "200 | Cache-Control: no-store", time.Minute},
		{"", "200 | Cache-Control: max-age=0", time.Minute},
		{"", "200 | Cache-Control: max-age=5 | Vary: *", time.Minute},
		{"", "200 | Cache-Control: max-age=5 | Set-Cookie: a=1", time.Minute},
		{"", "500", time.Minute},
		{"", "200 | Cache-Control: max-age=5", 0},
		{"PUT", "200 | Cache-Control: max-age=5", 0},
		{"HEAD", "200 | Cache-Control: max-age=5", 0},
		{"Cache-Control: no-store", "200 | Cache-Control: max-age=5", 0},
		{"Authorization: x", "200 | Cache-Control: max-age=5", 0},
	} {
		if got := judged(&p, row.req, row.resp).HitForMiss; got != row.want {
			t.Errorf("%q %q: marked for %v, want %v", row.req, row.resp, got, row.want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	p := Policy{MaxObject: 10}
	resp := responseOf("200 | Cache-Control: max-age=5")
	resp.Framing = message.Length
	for length, want := range map[int64]Reason{10: Storable, 11: ReasonTooLarge} {
		var v Verdict
		resp.Length = length
		if Judge(&p, requestOf(""), resp, arrival, arrival, &v); v.Reason != want {
			t.Errorf("%d bytes: %s, want %s", length, v.Reason, want)
		}
	}
}

// TestStores holds RFC 9111 §3.1: what of a head is stored.
func TestStores(t *testing.T) {
	text := `200 | Cache-Control: max-age=60, no-cache="x-a" | Connection: X-Hop, close | X-Hop: 1 | Keep-Alive: 1 | Transfer-Encoding: chunked |
 TE: x | Trailer: T | Upgrade: h2c | Proxy-Authenticate: Basic | Proxy-Authorization: x | Proxy-Authentication-Info: y | Proxy-Connection: close |
 Age: 5 | X-A: secret | X-B: open | ETag: "a" | Vary: Accept | Content-Type: text/html`
	resp := responseOf(text)
	var v Verdict
	Judge(&keeping, requestOf(""), resp, arrival, arrival, &v)
	var kept []string
	for i := range resp.Len() {
		if v.Stores(&resp.Header, i) {
			kept = append(kept, string(resp.Name(i)))
		}
	}
	want := []string{"Cache-Control", "X-B", "ETag", "Vary", "Content-Type", "Date"}
	if len(kept) != len(want) {
		t.Fatalf("kept %q, want %q", kept, want)
	}
	for i := range want {
		if kept[i] != want[i] {
			t.Errorf("kept %q, want %q", kept, want)
		}
	}
}
