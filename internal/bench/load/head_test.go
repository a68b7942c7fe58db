package load

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseHead(t *testing.T) {
	for _, c := range []struct {
		in   string
		want head
		bad  bool
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", head{size: 38, status: 200, length: 5}, false},
		{"HTTP/1.1 200 OK\r\ncontent-length:7\r\nConnection: Close\r\n\r\n", head{size: 56, status: 200, length: 7, close: true}, false},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", head{size: 47, status: 200, length: -1, chunked: true}, false},
		{"HTTP/1.1 204 No\r\n\r\n", head{size: 19, status: 204}, false},
		{"HTTP/1.1 200 OK\r\nContent-Le", head{}, false},
		{"HT", head{}, false},
		{"SSH-2.0-x", head{}, true},
		{"HTTP/1.1 abc OK\r\n\r\n", head{}, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", head{}, true},
		{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 65<<10), head{}, true},
	} {
		got, err := parseHead([]byte(c.in))
		if (err != nil) != c.bad || !c.bad && got != c.want {
			t.Errorf("parseHead(%.60q) = %+v, %v", c.in, got, err)
		}
	}
}

// However a response is cut, it is complete exactly at its end.
func TestResponseInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 204 No Content\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n00A;a=b\r\n\r\n0\r\n\r\n123\r\n0;x\r\nX: y\r\nZ:\r\n\r\n",
			"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
			"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
		}).Draw(t, "response")
		var r response
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			done, err := r.take([]byte(rest[:n]))
			rest = rest[n:]
			if err != nil || done != (rest == "") || r.ended() != done {
				t.Fatalf("done %v, ended %v, %v with %d bytes left", done, r.ended(), err, len(rest))
			}
		}
		if _, err := r.take([]byte("x")); err == nil {
			t.Fatal("a byte after it was taken")
		}
	})
}

// What is no chunk is said, and not waited for.
func TestResponseRefusesChunks(t *testing.T) {
	for _, body := range []string{"x\r\n", "\r\n", "ffffffffffffffff\r\n", "2\r\nabc", "2x\r\n", "0\r\n\rX", "-1\r\n"} {
		var r response
		if done, err := r.take([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)); err == nil {
			t.Errorf("%q: done %v", body, done)
		}
	}
}

// The histogram's quantiles are those of the sorted values, to its three
// digits.
func TestHistogramAgainstExactQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(shortest, int64(30e9)), 1, 500).Draw(t, "values")
		a, b := newHistogram(), newHistogram()
		for i, v := range values {
			if i%2 == 0 {
				record(a, v)
			} else {
				record(b, v)
			}
		}
		a.Merge(b)
		slices.Sort(values)
		for _, q := range []float64{50, 90, 99, 99.9, 100} {
			// The library takes the nearest rank, half a rank up.
			rank := max(int(q/100*float64(len(values))+0.5), 1)
			exact := values[rank-1]
			got := a.ValueAtPercentile(q)
			if math.Abs(float64(got-exact)) > float64(exact)/900+float64(shortest) {
				t.Fatalf("p%v = %d, exactly %d", q, got, exact)
			}
		}
	})
}
