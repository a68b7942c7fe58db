package control

import (
	"slices"
	"strings"
)

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

// Impact says what a change disturbs, how much stays as it is, and in words what
// becomes of both.
type Impact struct {
	Numbers        // disturbed
	Stays   Stays  `json:"stays"`
	Text    string `json:"text"`
}

// Numbers count what stands on a thing at this moment.
type Numbers struct {
	Connections int64 `json:"connections"` // open connections, or requests in flight
	Sessions    int64 `json:"sessions"`    // pinned to it
	Objects     int64 `json:"objects"`     // cached for it
	Tenants     int64 `json:"tenants"`     // whose program runs
}

// Stays counts what a change leaves alone.
type Stays struct {
	Connections int64 `json:"connections"`
	Sessions    int64 `json:"sessions"`
	Objects     int64 `json:"objects"`
}

// hits says which of the numbers a change disturbs.
type hits uint8

const (
	connections hits = 1 << iota // they are drained
	sessions                     // they move
	objects                      // they are not found any more
	tenants                      // they are restarted
)

// split tells what is disturbed from what stays. A program that is not restarted
// is no figure of either.
func (h hits) split(n Numbers) (hit Numbers, stays Stays) {
	for _, f := range []struct {
		is        hits
		n         int64
		hit, stay *int64
	}{
		{connections, n.Connections, &hit.Connections, &stays.Connections},
		{sessions, n.Sessions, &hit.Sessions, &stays.Sessions},
		{objects, n.Objects, &hit.Objects, &stays.Objects},
		{tenants, n.Tenants, &hit.Tenants, new(int64)},
	} {
		if h&f.is != 0 {
			*f.hit = f.n
		} else {
			*f.stay = f.n
		}
	}
	return hit, stays
}

const (
	untouched = "connections stay; a request in flight finishes under the old text, new requests meet the new one at once"
	kept      = "connections, health history and pinned sessions are kept; new requests see it at once"
	newPins   = "connections are kept; pins under the old terms are not read any more, and are made anew with the next answer"
	finishes  = "its requests finish and its pinned sessions stay until the grace ends; new requests go elsewhere"

	startsBeside = "its program is started beside the old one, which finishes its calls; storage state is handed over where both have the callbacks for it; key-value storage stays"
)

// effects is the table of what every change does to traffic. The empty action
// stands for all actions of the kind that have no row of their own.
var effects = []struct {
	kind, action string
	hits         hits
	text         string
}{
	{"vhost", "", 0, untouched},
	{"vhost", "add", 0, "no connection is touched; new requests for its hosts meet it at once"},
	{"vhost", "remove", objects, "a request in flight finishes; new requests for its hosts find none at once"},
	{"route", "", 0, untouched},
	{"route", "add", 0, "no connection is touched; new requests meet it at once"},
	{"route", "remove", 0, "a request in flight finishes; new requests meet the routes after it at once"},
	{"server", "add", 0, "used when its first check passes, or at once if it is not checked"},
	{"server", "remove", connections | sessions, finishes},
	{"server", "change", 0, kept},
	{"backend", "add", 0, "used as soon as a route names it"},
	{"backend", "remove", connections | sessions, "all its servers: " + finishes},
	{"backend", "change", 0, kept},
	{"listener", "add", 0, "accepts at once"},
	{"listener", "remove", connections, "its accept queue is drained, its connections finish, new ones are refused at once"},
	{"listener", "change", 0, "the socket stays; connections keep their terms, new ones meet the new terms at once"},
	{"certificate", "", 0, "open connections keep the certificate that they began with; the next handshake gets the new one"},
	{"tenant", "add", 0, "its program serves after it started; its key-value storage begins empty"},
	{"tenant", "remove", objects, "calls in flight finish; new requests do not meet its program; its key-value storage and its versions are forgotten, with --confirm when that is given"},
	{"tenant", "change", tenants, startsBeside},
	{"log", "", 0, "lines in flight go to the old sink, the next to the new one"},
	{"cache", "add", 0, "it is empty; memory is taken as objects come"},
	{"cache", "remove", objects, "its objects are forgotten, what is being sent from it is sent; its disk stays as it is"},
	{"cache", "change", 0, "objects stay; a smaller bound evicts at once what is least used"},
	{"admin", "", 0, "calls in flight finish; the next meet the new terms"},
	{"process", "", 0, "refused: who the process is, is decided when it starts"},
	{"state", "", 0, "refused: what it holds is opened once, when the process starts"},
}

// returns are the words for what a rollback brings back that waits set aside: it was
// removed by a change that nobody has confirmed.
var returns = map[string]string{
	"tenant": "its program serves after it started; its key-value storage, its versions and its counters are given back as they were",
}

// facets are the parts of a thing whose change has words of its own. A part is
// the beginning of a field's name, and value, if any, how the field is to end up.
var facets = []struct {
	kind, part, value string
	hits              hits
	text              string
}{
	{"server", "address", "", connections | sessions, "the old address finishes its requests and keeps its pinned sessions until the grace ends; the new one is used when its first check passes, or at once if it is not checked"},
	{"server", "weight", "", 0, "connections, health history and pinned sessions are kept; its share of new requests changes at once"},
	{"server", "state", "drain", connections, "its requests finish and its pinned sessions stay; new sessions go elsewhere"},
	{"server", "state", "maintenance", connections | sessions, "its requests finish; new requests and pinned sessions go elsewhere, as on_down says"},
	{"backend", "balance", "", 0, "connections, health history and pinned sessions are kept; the next request is placed by the new rule"},
	{"backend", "check", "", 0, "connections and pinned sessions are kept, and what the checks found; they go on under the new terms"},
	{"backend", "queue", "", 0, "requests that wait go on waiting under the terms that they came with; the next meet the new ones"},
	{"backend", "timeouts", "", 0, "requests in flight keep their times; the next have the new ones"},
	{"backend", "persist", "on", 0, "connections are kept; clients are pinned with their next answer"},
	{"backend", "persist.kind", "", sessions, newPins},
	{"backend", "persist.mode", "", sessions, newPins},
	{"backend", "persist.name", "", sessions, newPins},
	{"backend", "persist.", "", 0, "connections and pins are kept; the next answer sets them under the new terms"},
	{"backend", "persist", "", sessions, "connections are kept; nobody is pinned any more"},
	{"backend", "tls", "", connections, "requests in flight finish on the connections that they have, which are not used again; new ones are made under the new terms"},
	{"tenant", "storage", "", tenants, startsBeside + ", also what a smaller bound has no room for; without the block it is forgotten, with --confirm when that is given"},
	{"tenant", "update.warm_up", "", 0, "the warm-up requests are for the next program that starts"},
	{"listener", "bind", "", 0, "addresses that stay keep their socket; dropped ones drain their accept queue and their connections finish; new ones accept at once"},
	{"listener", "accept.shards", "", 0, "other sockets are opened beside these and accept at once; these finish what their queues hold, no connection is refused or cut"},
	{"listener", "limits", "", 0, "the socket stays; connections beyond a lower limit stay, new ones are refused"},
	{"listener", "timeouts", "", 0, "the socket stays; a request in flight keeps its times, the next has the new ones"},
	{"listener", "tls", "", 0, "the socket stays; open connections keep what their handshake agreed on, the next handshake gets the new terms"},
	{"route", "limits", "", 0, "connections stay; what clients used of a rate stays counted; new requests meet the new limits at once"},
	{"route", "timeouts", "", 0, "a request in flight keeps its times; new requests have the new ones"},
}

// effect returns the row of a change of that kind.
func effect(kind, action string) (text string, h hits) {
	for _, row := range effects {
		switch {
		case row.kind != kind:
		case row.action == action:
			return row.text, row.hits
		case row.action == "":
			text, h = row.text, row.hits
		}
	}
	if text == "" {
		return untouched, 0
	}
	return text, h
}

// consequence is the words and hits of one change. Where every field that
// changes is of a part with words of its own, those are told.
func consequence(c *Change) (string, hits) {
	general, h := effect(c.Kind, c.Action)
	if c.Action != "change" {
		return general, h
	}
	if text, struck := cached(c); text != "" {
		return text, struck
	}
	var texts []string
	var struck hits
	for _, f := range c.Fields {
		text, hit := general, h
		for _, row := range facets {
			name, in := strings.CutPrefix(f.Name, row.part)
			if c.Kind == row.kind && in && (name == "" || name[0] == '.' || strings.HasSuffix(row.part, ".")) && (row.value == "" || row.value == f.New) {
				text, hit = row.text, row.hits
				break
			}
		}
		struck |= hit
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	switch len(texts) {
	case 0:
		return general, h
	case 1:
		return texts[0], struck // the history keeps it, and it is everybody's
	}
	var clauses []string
	for clause := range strings.SplitSeq(strings.Join(texts, "; "), "; ") {
		if !slices.Contains(clauses, clause) {
			clauses = append(clauses, clause)
		}
	}
	return strings.Join(clauses, "; "), struck
}

// cached says what a change of fields does to stored objects; "" when it does
// nothing to them, or when other things change too.
func cached(c *Change) (string, hits) {
	parts := map[string]string{} // first word of what changed, and its new value
	for _, f := range c.Fields {
		name := f.Name
		if c.Kind != "cache" {
			rest, ok := strings.CutPrefix(name, "cache")
			if !ok {
				return "", 0
			}
			name = strings.TrimPrefix(rest, ".")
		}
		part, _, _ := strings.Cut(name, ".")
		parts[part] = f.New
	}
	changes := func(part string) bool { _, ok := parts[part]; return ok }
	switch {
	case c.Kind == "cache" && changes("disk"):
		return "objects in memory stay; a disk that is taken away or moved is emptied, since purges do not reach it", 0
	case c.Kind == "cache" || len(parts) == 0:
		return "", 0
	case changes("") && parts[""] == "" || parts["enabled"] == "false":
		return "nothing of it is looked up any more; what is stored goes as others need the room", objects
	case changes("") || changes("enabled"):
		return "answers are stored from now on", 0
	case changes("store") || changes("key"):
		return "what is stored is not found any more and goes as others need the room: expect misses until the cache is warm again", objects
	case changes("vary") || changes("encode"):
		return "variants that are stored under the old terms may not be found any more: expect misses", objects
	}
	return "stored objects keep the times and tags that they came with; the next answers get the new ones", 0
}

// assess completes the changes with what they disturb.
func assess(changes []Change, census func() func(kind, key string) Numbers) []Change {
	var count func(kind, key string) Numbers
	for i := range changes {
		c := &changes[i]
		if c.Fields == nil {
			c.Fields = []Field{}
		}
		var h hits
		c.Impact.Text, h = consequence(c)
		if c.Action != "add" && census != nil {
			if count == nil {
				count = census()
			}
			c.Impact.Numbers, c.Impact.Stays = h.split(count(c.Kind, c.Key))
		}
	}
	if changes == nil {
		return []Change{}
	}
	return changes
}

// remark says what comes back that waits set aside, and adds what only the process
// knows.
func (c *Controller) remark(changes []Change) {
	var waits Entry
	if w := c.awaited(); w != nil {
		waits, _ = c.entry(w.id)
	}
	for i := range changes {
		ch := &changes[i]
		text := returns[ch.Kind]
		if text != "" && ch.Action == "add" && slices.ContainsFunc(waits.Changes, func(was Change) bool {
			return was.Kind == ch.Kind && was.Key == ch.Key && was.Action == "remove"
		}) {
			ch.Impact.Text = text
		}
		if c.o.Remark == nil {
			continue
		}
		if text := c.o.Remark(*ch); text != "" {
			ch.Impact.Text += "; " + text
		}
	}
}

func has(fields []Field, name string) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name })
}
