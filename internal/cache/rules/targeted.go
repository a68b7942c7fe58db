package rules

import "fishplate/internal/message"

// targeted reads a targeted field into c, which is empty (RFC 9213 §2.1). False
// when it is absent, empty or not a dictionary: then it counts for nothing.
func (c *control) targeted(h *message.Header, name string) bool {
	value := combined(h, name)
	if len(value) == 0 {
		return false
	}
	s := scanner{s: value}
	for {
		key, v := s.member()
		if s.bad {
			return false
		}
		c.assign(key, &v)
		if !s.more() {
			return !s.bad
		}
	}
}

// assign takes one member into account. In a dictionary the last of equal keys
// counts, so that everything is overwritten.
func (c *control) assign(key []byte, v *item) {
	switch string(key) {
	case "max-age":
		c.maxAge = v.amount()
	case "s-maxage":
		c.sMaxAge = v.amount()
	case "stale-while-revalidate":
		c.staleWhile = v.amount()
	case "stale-if-error":
		c.staleError = v.amount()
	case "no-store":
		c.set(saidNoStore, !v.no())
	case "no-cache":
		c.set(saidNoCache, !v.no() && !c.listed(v))
	case "private":
		c.set(saidPrivate, !v.no() && !c.listed(v))
	case "must-revalidate":
		c.set(saidMustRevalidate, !v.no())
	case "proxy-revalidate":
		c.set(saidProxyRevalidate, !v.no())
	case "no-transform":
		c.set(saidNoTransform, !v.no())
	case "public":
		c.set(saidPublic, v.yes())
	case "must-understand":
		c.set(saidMustUnderstand, v.yes())
	case "immutable":
		c.set(saidImmutable, v.yes())
	}
}

func (c *control) set(what said, on bool) {
	if on {
		c.said |= what
	} else {
		c.said &^= what
	}
}

// listed reports whether the value is a list of field names, and notes them.
func (c *control) listed(v *item) bool {
	return (v.kind == sfString || v.kind == sfToken) && c.fields(v.text)
}

func (v *item) yes() bool { return v.kind == sfBoolean && v.n == 1 }
func (v *item) no() bool  { return v.kind == sfBoolean && v.n == 0 }

// amount returns a number of seconds. Another type is not converted (RFC 9213
// §2.1) but makes the answer stale, as freshness that cannot be read does.
func (v *item) amount() amount {
	return amount{n: min(v.n, maxSeconds), set: true, bad: v.kind != sfInteger || v.n < 0}
}
