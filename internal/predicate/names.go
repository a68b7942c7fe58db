package predicate

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"fishplate/internal/message"
)

// Name is one value that expressions may use: a row of the table behind
// diagnostics and reference.
type Name struct {
	Name  string
	Type  string // "text", "number", "address", "time" or "truth"
	Where string // "" everywhere, "response" with one, "log" in log filters
	Doc   string
	make  func(hclsyntax.Expression) *node
}

// Names returns the table of values, in the order of the reference.
func Names() []Name { return append(requestNames(), factNames()...) }

func requestNames() []Name {
	return []Name{
		{"method", "text", "", "The method, case kept: `GET`.", fromRequest(func(e *Env) (string, bool) { return message.View(e.Req.Method), true })},
		{"scheme", "text", "", "`http` or `https`, as the client reached us.", fromRequest(func(e *Env) (string, bool) { return e.Req.Scheme, e.Req.Scheme != "" })},
		{"host", "text", "", "The host name asked for: lower case, without port; empty when an HTTP/1.0 client names none.", fromRequest(func(e *Env) (string, bool) { return message.View(e.Req.Host), true })},
		{"port", "number", "", "The port asked for; without one the scheme's, 80 or 443.", number(requestPort)},
		{"path", "text", "", "The path in its normal form, still percent-encoded where it must be.", fromRequest(func(e *Env) (string, bool) { return message.View(e.Req.Path), true })},
		{"path_tail", "text", "", "What the `/*` at the end of the route's path stands for, without the slash before it; null for other routes.", text(func(e *Env) (string, bool) { return message.View(e.PathTail), e.PathTail != nil })},
		{"query_string", "text", "", "What follows the `?`, as received; null without one.", fromRequest(func(e *Env) (string, bool) { return message.View(e.Req.Query), e.Req.HasQuery })},
		{"client.ip", "address", "", "Whom the request is from: the peer, or what a trusted proxy says.", func(x hclsyntax.Expression) *node {
			return &node{kind: kindAddr, expr: x, addr: (*Env).client}
		}},
		{"client.port", "number", "", "The peer's port.", number(func(e *Env) (float64, bool) {
			if e.Req == nil || e.Req.Conn == nil || !e.Req.Conn.Client.IsValid() {
				return 0, false
			}
			return float64(e.Req.Conn.Client.Port()), true
		})},
		{"tls.sni", "text", "", "The server name of the ClientHello; null without one.", fromTLS(func(s *tls.ConnectionState) (string, bool) { return s.ServerName, s.ServerName != "" })},
		{"tls.version", "text", "", "`1.2` or `1.3`; null on a plain connection.", fromTLS(tlsVersion)},
		{"tls.alpn", "text", "", "The protocol agreed on by ALPN; null without one.", fromTLS(func(s *tls.ConnectionState) (string, bool) {
			return s.NegotiatedProtocol, s.NegotiatedProtocol != ""
		})},
		{"tls.client.cn", "text", "", "The common name of the client's certificate; null without one.", fromCertificate(func(c *x509.Certificate) (string, bool) { return c.Subject.CommonName, c.Subject.CommonName != "" })},
		{"tls.client.issuer", "text", "", "The common name of who issued the client's certificate.", fromCertificate(func(c *x509.Certificate) (string, bool) { return c.Issuer.CommonName, c.Issuer.CommonName != "" })},
		{"tls.client.san", "text", "", "The first DNS name of the client's certificate; null without one.", fromCertificate(func(c *x509.Certificate) (string, bool) {
			if len(c.DNSNames) == 0 {
				return "", false
			}
			return c.DNSNames[0], true
		})},
		{"tls.client.verified", "truth", "", "The client showed a certificate, and it was verified.", func(x hclsyntax.Expression) *node {
			return truthNode(x, func(e *Env) bool {
				return e.Req != nil && e.Req.Conn != nil && e.Req.Conn.TLS != nil && len(e.Req.Conn.TLS.VerifiedChains) > 0
			})
		}},
		{"tls.ja4", "text", "", "The JA4 fingerprint of the ClientHello; null without TLS, and of one that lists more than 512 of anything.", text(func(e *Env) (string, bool) {
			if e.Req == nil || e.Req.Conn == nil {
				return "", false
			}
			return e.Req.Conn.JA4, e.Req.Conn.JA4 != ""
		})},
		{"mark", "number", "", "The firewall mark that the connection came with; 0 without.", number(func(e *Env) (float64, bool) {
			if e.Req == nil || e.Req.Conn == nil {
				return 0, false
			}
			return float64(e.Req.Conn.Mark), true
		})},
		{"body_size", "number", "", "Bytes of the request's body; null when its end is not announced.", number(func(e *Env) (float64, bool) { return float64(e.BodySize), e.BodySize >= 0 })},
	}
}

func factNames() []Name {
	return []Name{
		{"server.name", "text", "", "The server that the request was given to; null before.", text(func(e *Env) (string, bool) { return e.Server, e.Server != "" })},
		{"tenant.name", "text", "", "The tenant whose program sees the request; null without.", text(func(e *Env) (string, bool) { return e.Tenant, e.Tenant != "" })},
		{"time", "time", "", "Now. Compares with `\"2026-01-31T12:00:00Z\"`; as a text it is written so.", timeNode},
		{"status", "number", "response", "The status of the response.", number(func(e *Env) (float64, bool) {
			if e.Resp == nil {
				return 0, false
			}
			return float64(e.Resp.Status), true
		})},
		{"duration", "number", "log", "Seconds from the first byte of the request to the last of the response.", number(func(e *Env) (float64, bool) { return e.Duration.Seconds(), true })},
		{"vhost", "text", "log", "The vhost's name.", text(func(e *Env) (string, bool) { return e.VHost, e.VHost != "" })},
		{"route", "text", "log", "The route's name.", text(func(e *Env) (string, bool) { return e.Route, e.Route != "" })},
		{"backend", "text", "log", "The backend's name.", text(func(e *Env) (string, bool) { return e.Backend, e.Backend != "" })},
	}
}

func text(f textFunc) func(hclsyntax.Expression) *node {
	return func(x hclsyntax.Expression) *node { return textNode(x, f) }
}

func number(f numberFunc) func(hclsyntax.Expression) *node {
	return func(x hclsyntax.Expression) *node { return numberNode(x, f) }
}

func fromRequest(f textFunc) func(hclsyntax.Expression) *node {
	return text(func(e *Env) (string, bool) {
		if e.Req == nil {
			return "", false
		}
		return f(e)
	})
}

func fromTLS(f func(*tls.ConnectionState) (string, bool)) func(hclsyntax.Expression) *node {
	return text(func(e *Env) (string, bool) {
		if e.Req == nil || e.Req.Conn == nil || e.Req.Conn.TLS == nil {
			return "", false
		}
		return f(e.Req.Conn.TLS)
	})
}

func fromCertificate(f func(*x509.Certificate) (string, bool)) func(hclsyntax.Expression) *node {
	return fromTLS(func(s *tls.ConnectionState) (string, bool) {
		if len(s.PeerCertificates) == 0 {
			return "", false
		}
		return f(s.PeerCertificates[0])
	})
}

func tlsVersion(s *tls.ConnectionState) (string, bool) {
	switch s.Version {
	case tls.VersionTLS12:
		return "1.2", true
	case tls.VersionTLS13:
		return "1.3", true
	}
	return "", false
}

func requestPort(e *Env) (float64, bool) {
	switch {
	case e.Req == nil:
		return 0, false
	case e.Req.Port != 0:
		return float64(e.Req.Port), true
	case e.Req.Scheme == "https":
		return 443, true
	}
	return 80, true
}

func timeNode(x hclsyntax.Expression) *node {
	return &node{kind: kindTime, expr: x,
		number: func(e *Env) (float64, bool) { return seconds(e.Now), !e.Now.IsZero() },
		text: func(e *Env) (string, bool) {
			if e.Now.IsZero() {
				return "", false
			}
			start := len(e.Scratch)
			e.Scratch = e.Now.UTC().AppendFormat(e.Scratch, time.RFC3339)
			return e.since(start), true
		}}
}

// allowed reports whether a row may be used where this expression stands.
func (c *compiler) allowed(where string) bool {
	return where == "" || c.o.Log || where == "response" && c.o.Response
}

// traversal compiles a name: one of the table, or a variable of Locals.
func (c *compiler) traversal(x *hclsyntax.ScopeTraversalExpr) *node {
	for ctx := c.o.Locals; ctx != nil; ctx = ctx.Parent() {
		if _, ok := ctx.Variables[x.Traversal.RootName()]; ok {
			return c.evaluated(x)
		}
	}
	word := traversalText(x.Traversal)
	var known []string
	for _, row := range Names() {
		switch {
		case row.Name == word && c.allowed(row.Where):
			return row.make(x)
		case row.Name == word && row.Where == "response":
			return c.fail(x, word+" is not known here", "There is a status once there is a response: in a response block and in log filters.", "")
		case row.Name == word:
			return c.fail(x, word+" is not known here", "It is known to log filters only.", "")
		case c.allowed(row.Where):
			known = append(known, row.Name)
		}
	}
	for _, f := range functions() {
		if f.Name == word {
			return c.fail(x, word+" is a function", "It is written "+f.Form+".", "")
		}
	}
	return c.fail(x, "unknown value \""+word+"\"", "Known values are "+listOf(known)+".", c.meant(x, word, known))
}

// meant guesses what an unknown name stands for: a near name, the function of
// a dotted form, or a text without its quotes.
func (c *compiler) meant(x *hclsyntax.ScopeTraversalExpr, word string, known []string) string {
	if root, rest, ok := strings.Cut(word, "."); ok {
		if root == "header" || root == "cookie" || root == "query" {
			return root + "(\"" + rest + "\")"
		}
	}
	if near := closest(word, known); near != "" {
		return near
	}
	if len(x.Traversal) == 1 {
		return "the text \"" + word + "\""
	}
	return ""
}

// evaluated is what an expression came to while the configuration was read.
func (c *compiler) evaluated(x hclsyntax.Expression) *node {
	v, diags := x.Value(c.o.Locals)
	if c.diags = append(c.diags, diags...); diags.HasErrors() {
		return nil
	}
	return c.literal(x, v)
}
