package control

import "strings"

// Change is one difference between two configurations, with what it does to
// traffic.
type Change struct {
	Kind   string  `json:"kind"`
	Key    string  `json:"key"`
	Action string  `json:"action"` // "add", "remove" or "change"
	Fields []Field `json:"fields"`
	Impact Impact  `json:"impact"`
}

// Field is one attribute that differs.
type Field struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Impact says what a change disturbs: how much there is now, and in words what
// becomes of it.
type Impact struct {
	Numbers
	Text string `json:"text"`
}

// Numbers count what stands on a thing at this moment.
type Numbers struct {
	Connections int64 `json:"connections"` // open connections, or requests in flight
	Sessions    int64 `json:"sessions"`    // pinned to it
	Objects     int64 `json:"objects"`     // cached for it
}

const (
	untouched = "connections stay; a request in flight finishes under the old text, new requests meet the new one at once"
	kept      = "connections, health history and pinned sessions are kept; new requests see it at once"
	finishes  = "its requests finish and its pinned sessions stay until the grace ends; new requests go elsewhere"
)

// effects is the table of what every change does to traffic. The empty action
// stands for all actions of the kind that have no row of their own.
var effects = []struct{ kind, action, text string }{
	{"vhost", "", untouched},
	{"vhost", "add", "no connection is touched; new requests for its hosts meet it at once"},
	{"vhost", "remove", "a request in flight finishes; new requests for its hosts find none at once"},
	{"route", "", untouched},
	{"route", "add", "no connection is touched; new requests meet it at once"},
	{"route", "remove", "a request in flight finishes; new requests meet the routes after it at once"},
	{"server", "add", "used when its first check passes, or at once if it is not checked"},
	{"server", "remove", finishes},
	{"server", "change", kept},
	{"backend", "add", "used as soon as a route names it"},
	{"backend", "remove", "all its servers: " + finishes},
	{"backend", "change", kept},
	{"listener", "add", "accepts at once"},
	{"listener", "remove", "its accept queue is drained, its connections finish, new ones are refused at once"},
	{"listener", "change", "the socket stays; connections keep their terms, new ones meet the new terms at once"},
	{"certificate", "", "sessions keep the certificate that they began with; the next handshake gets the new one"},
	{"tenant", "add", "its program serves after it started"},
	{"tenant", "remove", "calls in flight finish; new requests do not meet its program; its key-value storage and its versions are forgotten"},
	{"tenant", "change", "its program is started beside the old one, which finishes its calls; storage state is handed over where both have the callbacks for it; key-value storage stays"},
	{"log", "", "lines in flight go to the old sink, the next to the new one"},
	{"cache", "add", "it is empty; memory is taken as objects come"},
	{"cache", "remove", "its objects are forgotten, what is being sent from it is sent; its disk stays as it is"},
	{"cache", "change", "objects stay; a smaller bound evicts at once what is least used"},
	{"admin", "", "calls in flight finish; the next meet the new terms"},
	{"state", "", "takes effect when the process is started again"},
}

// effect returns the words for a change of that kind.
func effect(kind, action string) string {
	general := ""
	for _, row := range effects {
		switch {
		case row.kind != kind:
		case row.action == action:
			return row.text
		case row.action == "":
			general = row.text
		}
	}
	if general == "" {
		return untouched
	}
	return general
}

// cached says what a change of fields does to stored objects; "" when it does
// nothing to them, or when other things change too.
func cached(c *Change) string {
	parts := map[string]string{} // first word of what changed, and its new value
	for _, f := range c.Fields {
		name := f.Name
		if c.Kind != "cache" {
			rest, ok := strings.CutPrefix(name, "cache")
			if !ok {
				return ""
			}
			name = strings.TrimPrefix(rest, ".")
		}
		part, _, _ := strings.Cut(name, ".")
		parts[part] = f.New
	}
	changes := func(part string) bool { _, ok := parts[part]; return ok }
	switch {
	case c.Kind == "cache" && changes("disk"):
		return "objects in memory stay; a disk that is taken away or moved is emptied, since purges do not reach it"
	case c.Kind == "cache" || len(parts) == 0:
		return ""
	case changes("") && parts[""] == "" || parts["enabled"] == "false":
		return "nothing of it is looked up any more; what is stored goes as others need the room"
	case changes("") || changes("enabled"):
		return "answers are stored from now on"
	case changes("store") || changes("key"):
		return "what is stored is not found any more and goes as others need the room: expect misses until the cache is warm again"
	case changes("vary") || changes("encode"):
		return "variants that are stored under the old terms may not be found any more: expect misses"
	}
	return "stored objects keep the times and tags that they came with; the next answers get the new ones"
}

// assess completes the changes with what they disturb. A rebound listener and
// what is stored are the changes whose words depend on fields.
func assess(changes []Change, census func(kind, key string) Numbers) []Change {
	for i := range changes {
		c := &changes[i]
		if c.Fields == nil {
			c.Fields = []Field{}
		}
		c.Impact.Text = effect(c.Kind, c.Action)
		if c.Kind == "listener" && c.Action == "change" && has(c.Fields, "bind") {
			c.Impact.Text = "addresses that stay keep their socket; dropped ones drain their accept queue and their connections finish; new ones accept at once"
		}
		if text := cached(c); c.Action == "change" && text != "" {
			c.Impact.Text = text
		}
		if c.Action != "add" && census != nil {
			c.Impact.Numbers = census(c.Kind, c.Key)
		}
	}
	if changes == nil {
		return []Change{}
	}
	return changes
}

// remark adds what only the process knows.
func (c *Controller) remark(changes []Change) {
	if c.o.Remark == nil {
		return
	}
	for i := range changes {
		if text := c.o.Remark(changes[i]); text != "" {
			changes[i].Impact.Text += "; " + text
		}
	}
}

func has(fields []Field, name string) bool {
	for _, f := range fields {
		if f.Name == name {
			return true
		}
	}
	return false
}
