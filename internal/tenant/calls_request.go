package tenant

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"net/netip"

	"fishplate/internal/message"
	"fishplate/internal/tenant/lines"
	"fishplate/internal/tenant/text"
)

func requestCalls() []Call {
	return []Call{
		{546, "ERROR_TEXT", "a0, a1 destination, size", "a0 = length", "", "length", "Text of the last negative result of these calls; empty when there was none.", sysErrorText},
		{600, "CLIENT_ADDRESS", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE, FP_E_NONE", "100", "Address of who the request is from, `192.0.2.1`, as a trusted proxy says it.", sysClientAddress},
		{601, "CLIENT_PORT", "", "a0 = port", "FP_E_STAGE, FP_E_NONE", "", "Port of the client's end of the connection.", sysClientPort},
		{602, "LOCAL_ADDRESS", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE, FP_E_NONE", "100", "Address and port that the client reached, `192.0.2.1:443`.", sysLocalAddress},
		{603, "SCHEME", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE", "length", "`http` or `https`.", sysScheme},
		{604, "TLS_FACT", "a0 fact, a1, a2 destination, size", "a0 = length", "FP_E_STAGE; FP_E_NONE without TLS or such a fact; FP_E_INVALID", "200", "Facts: 0 version (`1.3`), 1 cipher suite, 2 server name, 3 protocol (ALPN), 4 common name of the client's certificate, 5 JA4 fingerprint of the client's first message.", sysTLSFact},
		{605, "REQUEST_ID", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE", "100", "The request's name in logs.", sysRequestID},
		{606, "TENANT_NAME", "a0, a1 destination, size", "a0 = length", "", "length", "The tenant's name.", sysTenantName},
		{607, "QUERY_GET", "a0, a1 name; a2, a3 destination, size", "a0 = length", "FP_E_STAGE, FP_E_NONE", "200 and the query's length", "First value of a query parameter, decoded: `+` is a space.", sysQueryGet},
		{608, "QUERY_SET", "a0, a1 name; a2, a3 value", "a0 = 0", "FP_E_STAGE, FP_E_INVALID, FP_E_LIMIT", "500 and the query's length", "Makes the parameters of that name one, in the request to be forwarded.", sysQuerySet},
		{609, "QUERY_UNSET", "a0, a1 name", "a0 = how many there were", "FP_E_STAGE, FP_E_LIMIT", "500 and the query's length", "Removes the parameters of that name.", sysQueryUnset},
		{610, "COOKIE_GET", "a0, a1 name; a2, a3 destination, size", "a0 = length", "FP_E_STAGE, FP_E_NONE", "200 and the cookies' length", "Value of a cookie.", sysCookieGet},
		{611, "PATH", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE", "length", "The path in its normal form, without query.", sysPath},
		{612, "PATH_SEGMENT", "a0 index, a1, a2 destination, size", "a0 = length", "FP_E_STAGE, FP_E_NONE", "the path's length", "A segment of the path, decoded; 0 is the first, -1 the last.", sysPathSegment},
		{613, "HOST", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE", "length", "The host in lower case, without port.", sysHost},
		{614, "FIELD_VALUE", "a0 where; a1, a2 name; a3, a4 destination, size", "a0 = length", "FP_E_NONE; FP_E_STAGE: no such message", "200 and length", "Value of the first field of that name.", sysFieldValue},
		{615, "FIELD_REPLACE", "a0 where; a1, a2 name; a3, a4 value", "a0 = index", "FP_E_INVALID: refused; FP_E_STAGE; FP_E_LIMIT", "300 and length", "Makes the fields of that name one, at the first one's place.", sysFieldReplace},
		{616, "FIELD_REMOVE", "a0 where; a1, a2 name", "a0 = how many there were", "FP_E_DENIED: refused; FP_E_STAGE", "300", "Removes the fields of that name.", sysFieldRemove},
		{617, "HEADERS", "a0 where; a1, a2 destination, size", "a0 = length", "FP_E_STAGE", "length", "All fields as lines, each with a newline.", sysHeaders},
	}
}

// atHand returns the request at hand, or answers FP_E_STAGE.
func (v *vm) atHand() *message.Request {
	w := v.views[whereReq]
	if w == nil {
		w = v.views[whereBereq]
	}
	if w == nil {
		v.wrong(errStage, "there is no request")
		return nil
	}
	return w.Request()
}

// fact answers with a text about the client that is not in the message.
func (v *vm) fact(pace *pacer, cost uint64, dst, size uint64, tell func(dst []byte, r *message.Request) []byte) error {
	v.m.Charge(cost)
	r := v.atHand()
	if r == nil {
		return nil
	}
	b, err := v.learn(pace.ctx, learnClient, func(context.Context) ([]byte, error) {
		v.bench.out = tell(v.bench.out[:0], r)
		return v.bench.out, nil
	})
	switch {
	case err != nil:
		return err
	case len(b) == 0:
		v.code(errNone)
		return nil
	}
	return v.give(b, dst, size)
}

func sysClientAddress(v *vm, pace *pacer) error {
	return v.fact(pace, 100, v.arg(0), v.arg(1), func(dst []byte, r *message.Request) []byte {
		switch {
		case r.ClientIP.IsValid():
			return r.ClientIP.Unmap().AppendTo(dst)
		case r.Conn != nil && r.Conn.Client.IsValid():
			return r.Conn.Client.Addr().Unmap().AppendTo(dst)
		}
		return dst
	})
}

func sysClientPort(v *vm, pace *pacer) error {
	v.m.Charge(100)
	r := v.atHand()
	if r == nil {
		return nil
	}
	b, err := v.learn(pace.ctx, learnClient, func(context.Context) ([]byte, error) {
		if r.Conn == nil || !r.Conn.Client.IsValid() {
			return nil, nil
		}
		port := r.Conn.Client.Port()
		v.bench.out = append(v.bench.out[:0], byte(port), byte(port>>8))
		return v.bench.out, nil
	})
	if err != nil {
		return err
	}
	if len(b) != 2 {
		v.code(errNone)
		return nil
	}
	v.result(uint64(b[0]) | uint64(b[1])<<8)
	return nil
}

func sysLocalAddress(v *vm, pace *pacer) error {
	return v.fact(pace, 100, v.arg(0), v.arg(1), func(dst []byte, r *message.Request) []byte {
		if r.Conn == nil || !r.Conn.Local.IsValid() {
			return dst
		}
		return netip.AddrPortFrom(r.Conn.Local.Addr().Unmap(), r.Conn.Local.Port()).AppendTo(dst)
	})
}

func sysScheme(v *vm, _ *pacer) error {
	r := v.atHand()
	if r == nil {
		return nil
	}
	v.bench.out = append(v.bench.out[:0], r.Scheme...)
	return v.give(v.bench.out, v.arg(0), v.arg(1))
}

func sysTLSFact(v *vm, pace *pacer) error {
	what := v.arg(0)
	if what > 5 {
		v.wrong(errInvalid, "there is no such TLS fact")
		return nil
	}
	return v.fact(pace, 200, v.arg(1), v.arg(2), func(dst []byte, r *message.Request) []byte {
		return tlsFact(dst, r, what)
	})
}

func sysRequestID(v *vm, pace *pacer) error {
	return v.fact(pace, 100, v.arg(0), v.arg(1), func(dst []byte, r *message.Request) []byte {
		return v.requestID(dst)
	})
}

func sysTenantName(v *vm, _ *pacer) error {
	v.bench.out = append(v.bench.out[:0], v.image.tenant.Name...)
	return v.give(v.bench.out, v.arg(0), v.arg(1))
}

func sysQueryGet(v *vm, _ *pacer) error {
	r := v.atHand()
	if r == nil {
		return nil
	}
	name, err := v.given(0)
	if err != nil {
		return err
	}
	if err := v.spend(200 + 2*uint64(len(r.Query)+len(name))); err != nil {
		return err
	}
	out, ok := text.QueryValue(v.bench.out[:0], r.Query, name)
	v.bench.out = out
	if !ok {
		v.code(errNone)
		return nil
	}
	return v.give(out, v.arg(2), v.arg(3))
}

func sysQuerySet(v *vm, _ *pacer) error {
	name, err := v.given(0)
	if err != nil {
		return err
	}
	value, err := v.given(2)
	if err != nil {
		return err
	}
	return v.editQuery(name, value, true)
}

func sysQueryUnset(v *vm, _ *pacer) error {
	name, err := v.given(0)
	if err != nil {
		return err
	}
	return v.editQuery(name, nil, false)
}

// editQuery rewrites the query without the parameters of a name, and with one
// of it when set is.
func (v *vm) editQuery(name, value []byte, set bool) error {
	w := v.views[whereReq]
	if v.stage == stageFetch {
		w = v.views[whereBereq]
	}
	if w == nil || w.Request() == nil {
		v.wrong(errStage, "there is no request to be edited")
		return nil
	}
	r := w.Request()
	if err := v.spend(500 + 4*uint64(len(r.Query)+len(name)+len(value))); err != nil {
		return err
	}
	if len(name) > lines.MaxLine || len(value) > lines.MaxLine {
		v.wrong(errLimit, "the parameter is too long")
		return nil
	}
	out := append(v.bench.out[:0], r.Path...)
	query, count := text.EditQuery(append(out, '?'), len(r.Path)+1, r.Query, name, value, set)
	v.bench.out = query
	if len(query) == len(r.Path)+1 {
		query = query[:len(r.Path)] // nothing is left of it
	}
	if (set || count > 0) && !w.Set(lines.URL, query) {
		v.wrong(errLimit, "the target cannot be changed so")
		return nil
	}
	if set {
		count = 0
	}
	v.result(uint64(count))
	return nil
}

func sysCookieGet(v *vm, _ *pacer) error {
	r := v.atHand()
	if r == nil {
		return nil
	}
	name, err := v.given(0)
	if err != nil {
		return err
	}
	cost := uint64(200)
	for i := r.Index(message.Cookie, 0); i >= 0; i = r.Index(message.Cookie, i+1) {
		cost += uint64(len(r.Value(i)))
	}
	v.m.Charge(cost)
	value, ok := r.CookieValue(message.View(name))
	if !ok || len(name) == 0 {
		v.code(errNone)
		return nil
	}
	return v.give(value, v.arg(2), v.arg(3))
}

func sysPath(v *vm, _ *pacer) error {
	r := v.atHand()
	if r == nil {
		return nil
	}
	return v.give(r.Path, v.arg(0), v.arg(1))
}

func sysPathSegment(v *vm, _ *pacer) error {
	r := v.atHand()
	if r == nil {
		return nil
	}
	v.m.Charge(50 + 2*uint64(len(r.Path)))
	out, ok := text.PathSegment(v.bench.out[:0], r.Path, int(int32(v.arg(0))))
	v.bench.out = out
	if !ok {
		v.code(errNone)
		return nil
	}
	return v.give(out, v.arg(1), v.arg(2))
}

func sysHost(v *vm, _ *pacer) error {
	r := v.atHand()
	if r == nil {
		return nil
	}
	return v.give(r.Host, v.arg(0), v.arg(1))
}

// message returns the message that a guest selected, or answers FP_E_STAGE.
func (v *vm) message(where uint64) *lines.View {
	if w := uint32(where); w < whereCount && v.views[w] != nil {
		return v.views[w]
	}
	v.wrong(errStage, "there is no such message in this callback")
	return nil
}

// namedField returns the message that a guest selected, and the name that follows.
// Without a message the call is over: answered, or ended by the error.
func (v *vm) namedField() (w *lines.View, name []byte, err error) {
	if w = v.message(v.arg(0)); w == nil {
		return nil, nil, nil
	}
	if name, err = v.given(1); err != nil {
		return nil, nil, err
	}
	return w, name, nil
}

func sysFieldValue(v *vm, _ *pacer) error {
	w, name, err := v.namedField()
	if w == nil {
		return err
	}
	v.m.Charge(200 + uint64(len(name)))
	value, ok := w.Value(name)
	if !ok {
		v.code(errNone)
		return nil
	}
	return v.give(value, v.arg(3), v.arg(4))
}

func sysFieldReplace(v *vm, _ *pacer) error {
	w, name, err := v.namedField()
	if w == nil {
		return err
	}
	value, err := v.given(3)
	if err != nil {
		return err
	}
	v.m.Charge(300 + uint64(len(name)+len(value)))
	if len(name)+len(value)+2 > lines.MaxLine {
		v.wrong(errLimit, "the field is too long")
		return nil
	}
	line := append(append(append(v.bench.out[:0], name...), ": "...), value...)
	v.bench.out = line
	i := w.Find(name)
	switch {
	case i == lines.Invalid:
		i = w.Append(line)
	case !w.Set(i, line):
		i = lines.Invalid
	default:
		for j := w.Len() - 1; j > i; j-- {
			if w.Named(j, name) {
				w.Unset(j)
			}
		}
	}
	if i == lines.Invalid {
		v.wrong(errInvalid, "the field is malformed or not the program's to set, or the message may not be edited")
		return nil
	}
	v.result(uint64(i))
	return nil
}

func sysFieldRemove(v *vm, _ *pacer) error {
	w, name, err := v.namedField()
	if w == nil {
		return err
	}
	v.m.Charge(300 + uint64(len(name)))
	count := 0
	for j := w.Len() - 1; j >= lines.FirstField; j-- {
		if !w.Named(j, name) {
			continue
		}
		if !w.Unset(j) {
			v.wrong(errDenied, "the field is not the program's to remove, or the message may not be edited")
			return nil
		}
		count++
	}
	v.result(uint64(count))
	return nil
}

func sysHeaders(v *vm, _ *pacer) error {
	w := v.message(v.arg(0))
	if w == nil {
		return nil
	}
	out := v.bench.out[:0]
	for i := uint32(lines.FirstField); i < w.Len(); i++ {
		out, _ = w.AppendLine(out, i)
		out = append(out, '\n')
	}
	v.bench.out = out
	v.m.Charge(20 * uint64(w.Len()))
	return v.give(out, v.arg(1), v.arg(2))
}

// tlsFact appends what is known of the client's TLS connection.
func tlsFact(dst []byte, r *message.Request, what uint64) []byte {
	if r.Conn == nil || r.Conn.TLS == nil {
		return dst
	}
	state := r.Conn.TLS
	switch what {
	case 0:
		switch state.Version {
		case tls.VersionTLS13:
			return append(dst, "1.3"...)
		case tls.VersionTLS12:
			return append(dst, "1.2"...)
		}
	case 1:
		return append(dst, tls.CipherSuiteName(state.CipherSuite)...)
	case 2:
		return append(dst, state.ServerName...)
	case 3:
		return append(dst, state.NegotiatedProtocol...)
	case 4:
		if len(state.PeerCertificates) > 0 {
			return append(dst, state.PeerCertificates[0].Subject.CommonName...)
		}
	case 5:
		return append(dst, r.Conn.JA4...)
	}
	return dst
}

// requestID appends the request's name, which it gets when it is first asked for.
func (v *vm) requestID(dst []byte) []byte {
	n := v.annotated()
	if n == nil {
		return dst
	}
	if n.id == [8]byte{} {
		_, _ = rand.Read(n.id[:]) // it does not fail
	}
	return hex.AppendEncode(dst, n.id[:])
}
