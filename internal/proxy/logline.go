package proxy

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"

	"fishplate/internal/tenant"
)

// AppendJSON appends the record as one JSON object on one line. Fields that say
// nothing are left out.
func AppendJSON(dst []byte, r *Record) []byte {
	dst = append(dst, `{"time":"`...)
	dst = r.Time.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	dst = append(dst, '"')
	dst = jsonText(dst, "listener", r.Listener)
	dst = jsonAddr(dst, "client", r.Client)
	if r.ClientIP.IsValid() && r.ClientIP != r.Client.Addr() {
		dst = append(dst, `,"client_ip":"`...)
		dst = append(r.ClientIP.AppendTo(dst), '"')
	}
	dst = jsonText(dst, "tls", r.TLS)
	if r.HasRequest {
		dst = jsonText(dst, "method", r.Method)
		dst = jsonText(dst, "path", r.Path)
		dst = jsonText(dst, "query", r.Query)
		dst = jsonInt(dst, "minor", int64(r.Minor))
	}
	dst = jsonText(dst, "host", r.Host) // of a tunnel: its server name
	dst = jsonText(dst, "vhost", r.VHost)
	dst = jsonText(dst, "route", r.Route)
	dst = jsonText(dst, "tenant", r.Tenant)
	dst = jsonText(dst, "backend", r.Backend)
	dst = jsonText(dst, "server", r.Server)
	dst = jsonInt(dst, "status", int64(r.Status))
	dst = jsonInt(dst, "bytes_in", r.BytesIn)
	dst = jsonInt(dst, "bytes_out", r.BytesOut)
	dst = jsonMicros(append(dst, `,"duration_ms":`...), r.Duration)
	if r.FirstByte > 0 {
		dst = jsonMicros(append(dst, `,"first_byte_ms":`...), r.FirstByte)
	}
	dst = jsonSteps(dst, r)
	dst = jsonText(dst, "cache", r.Cache)
	dst = jsonText(dst, "cache_why", r.CacheWhy)
	dst = jsonText(dst, "cause", r.Cause)
	dst = jsonText(dst, "side", r.Side)
	dst = jsonText(dst, "detail", r.Detail)
	dst = jsonGuest(dst, r.Guest)
	dst = jsonText(dst, "step", r.Last)
	if r.Retries > 0 {
		dst = jsonInt(dst, "retries", int64(r.Retries))
	}
	dst = jsonFlag(dst, "reused", r.Reused)
	dst = jsonFlag(dst, "spliced", r.Spliced)
	dst = jsonFlag(dst, "tunnel", r.Tunnel)
	dst = jsonInt(dst, "generation", int64(r.Generation))
	return append(dst, '}')
}

// jsonGuest appends what a tenant's program wrote about the request: its name,
// fields, and spans in milliseconds.
func jsonGuest(dst []byte, n *tenant.Notes) []byte {
	if n == nil {
		return dst
	}
	if id := n.ID(); id != [8]byte{} {
		dst = append(dst, `,"request_id":"`...)
		dst = append(hex.AppendEncode(dst, id[:]), '"')
	}
	if n.Fields() > 0 {
		dst = append(dst, `,"guest":{`...)
		for i := range n.Fields() {
			name, value := n.Field(i)
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(quoteJSON(append(dst, '"'), name), `":"`...)
			dst = append(quoteJSON(dst, value), '"')
		}
		dst = append(dst, '}')
	}
	if n.Spans() > 0 {
		dst = append(dst, `,"guest_spans":[`...)
		for i := range n.Spans() {
			name, took := n.Span(i, time.Now())
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(quoteJSON(append(dst, `{"name":"`...), name), `","ms":`...)
			dst = append(jsonMicros(dst, took), '}')
		}
		dst = append(dst, ']')
	}
	return dst
}

func jsonSteps(dst []byte, r *Record) []byte {
	dst = append(dst, `,"steps_ms":{`...)
	first := true
	for i, d := range r.Steps {
		if d <= 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(append(dst, '"'), step(i).String()...), `":`...)
		dst = jsonMicros(dst, d)
	}
	return append(dst, '}')
}

// jsonMicros appends d in milliseconds with three decimals.
func jsonMicros(dst []byte, d time.Duration) []byte {
	us := d.Microseconds()
	dst = strconv.AppendInt(dst, us/1000, 10)
	us %= 1000
	return append(dst, '.', byte('0'+us/100), byte('0'+us/10%10), byte('0'+us%10))
}

func jsonInt(dst []byte, name string, v int64) []byte {
	dst = append(append(append(dst, ',', '"'), name...), `":`...)
	return strconv.AppendInt(dst, v, 10)
}

func jsonFlag(dst []byte, name string, v bool) []byte {
	if !v {
		return dst
	}
	return append(append(append(dst, ',', '"'), name...), `":true`...)
}

func jsonAddr(dst []byte, name string, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return dst
	}
	dst = append(append(append(dst, ',', '"'), name...), `":"`...)
	return append(a.AppendTo(dst), '"')
}

func jsonText[T ~string | ~[]byte](dst []byte, name string, v T) []byte {
	if len(v) == 0 {
		return dst
	}
	dst = append(append(append(dst, ',', '"'), name...), `":"`...)
	return append(quoteJSON(dst, v), '"')
}

const hexDigits = "0123456789abcdef"

// quoteJSON appends v with what JSON (RFC 8259 §7) does not allow escaped.
// Bytes that are not UTF-8 are written as U+FFFD.
func quoteJSON[T ~string | ~[]byte](dst []byte, v T) []byte {
	for i := 0; i < len(v); {
		c := v[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
			i++
		case c < 0x20 || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			i++
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(string(v[i:min(i+utf8.UTFMax, len(v))]))
			dst = utf8.AppendRune(dst, r)
			i += n
		}
	}
	return dst
}

// AppendText appends the record as a line for people:
// client time "method host path" status bytes duration vhost/route backend/server
// cache=word cause.
func AppendText(dst []byte, r *Record) []byte {
	dst = r.Client.AppendTo(dst)
	dst = append(dst, ' ')
	dst = r.Time.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	dst = append(dst, ` "`...)
	if r.HasRequest {
		dst = append(quoteJSON(dst, r.Method), ' ')
		dst = append(quoteJSON(dst, r.Host), ' ')
		dst = quoteJSON(dst, r.Path)
	}
	dst = append(dst, `" `...)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = strconv.AppendInt(append(dst, ' '), r.BytesOut, 10)
	dst = append(jsonMicros(append(dst, ' '), r.Duration), "ms "...)
	dst = append(append(append(dst, dash(r.VHost)...), '/'), dash(r.Route)...)
	dst = append(append(append(append(dst, ' '), dash(r.Backend)...), '/'), dash(r.Server)...)
	if r.Cache != "" {
		dst = append(append(dst, " cache="...), r.Cache...)
	}
	if r.Cause != "" {
		dst = append(append(dst, ' '), r.Cause...)
	}
	return dst
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
