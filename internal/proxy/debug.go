package proxy

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// The signed debug field: a request with "Fishplate-Debug: TIME.MAC", TIME in
// Unix seconds and MAC = hex(HMAC-SHA256(key, TIME)), is answered with
// "Fishplate-Explain: JSON", the record that `fishplate explain` prints, made
// for this very request, and Server-Timing with the times of its steps. The key
// lies in the state folder. A field that is wrong or older than a minute is
// ignored, and never goes on to a server.
const (
	debugField   = "Fishplate-Debug"
	explainField = "Fishplate-Explain"
	debugAge     = time.Minute
	explainMax   = 8 << 10 // bytes of the answer's field; a longer record is cut to its choice
)

// DebugToken returns a value for the debug field, valid around now.
func DebugToken(key []byte, now time.Time) string {
	at := strconv.FormatInt(now.Unix(), 10)
	return at + "." + hex.EncodeToString(debugMAC(key, at))
}

func debugMAC(key []byte, at string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(at))
	return m.Sum(nil)
}

// debugValid checks a value of the debug field.
func debugValid(key []byte, value string, now time.Time) bool {
	at, mac, ok := strings.Cut(value, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil {
		return false
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > debugAge || d < -debugAge {
		return false
	}
	got, err := hex.DecodeString(mac)
	return err == nil && subtle.ConstantTimeCompare(got, debugMAC(key, at)) == 1
}

// debugRequest looks for the field and takes it out.
func (x *exchange) debugRequest() {
	v, ok := x.req.Get(debugField)
	if !ok {
		return
	}
	x.debug = debugValid(x.srv.debugKey, string(v), time.Now())
	x.req.Remove(debugField)
	if x.debug {
		e := x.gen.Explain(x.srv.ctx, &x.req)
		x.explained = &e
	}
}

// debugAnswer adds the record to the answer.
func (x *exchange) debugAnswer() {
	e := x.explained
	if x.rec.Server != "" { // what happened, not what would have
		e.Backend, e.Server = x.rec.Backend, x.rec.Server
	}
	text := e.JSON()
	if len(text) > explainMax {
		short := Explanation{VHost: e.VHost, Route: e.Route, Tenant: e.Tenant, Backend: e.Backend, Server: e.Server, Persist: e.Persist}
		text = short.JSON()
	}
	x.resp.Remove(explainField)
	x.resp.Add(explainField, string(text))
	var timing []string
	for i, d := range x.rec.Steps {
		if d > 0 {
			timing = append(timing, step(i).String()+";dur="+strconv.FormatFloat(float64(d)/1e6, 'f', 3, 64))
		}
	}
	x.resp.Add("Server-Timing", strings.Join(timing, ", "))
}
