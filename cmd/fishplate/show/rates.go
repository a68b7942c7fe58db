package show

import (
	"io"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"fishplate/internal/admin"
)

// Sight is all counters at one moment.
type Sight struct {
	At       time.Time
	Counters []admin.Counters
}

// Rate is one line of top.
type Rate struct {
	name     string
	requests float64 // per second
	errors   float64 // 5xx and stops, per second
	out      float64 // bytes per second
	active   float64 // now
}

// Rates compares two sights of one kind of thing; what is new counts from zero.
// The busiest comes first.
func Rates(before, after Sight, subject string) []Rate {
	old := make(map[string]map[string]float64)
	for _, c := range before.Counters {
		if c.Subject == subject {
			old[strings.Join(c.Labels, "/")] = c.Values
		}
	}
	seconds := after.At.Sub(before.At).Seconds()
	prefix := "fishplate_" + subject
	var list []Rate
	for _, c := range after.Counters {
		if c.Subject != subject {
			continue
		}
		name := strings.Join(c.Labels, "/")
		per := func(metric string) float64 {
			delta := c.Values[prefix+metric] - old[name][prefix+metric]
			if delta < 0 || seconds <= 0 {
				return 0 // the counter began anew between the sights
			}
			return delta / seconds
		}
		r := Rate{name: name, requests: per("_requests_total"), errors: per("_responses_total{5xx}")}
		switch subject {
		case "vhost":
			r.out = per("_sent_bytes_total")
		case "server":
			for _, why := range []string{"connect", "connect_timeout", "tls", "reset", "first_byte_timeout", "idle_timeout", "malformed"} {
				r.errors += per("_faults_total{" + why + "}")
			}
			r.active = c.Values[prefix+"_active"]
		case "backend":
			r.active = c.Values[prefix+"_queue"]
		case "tenant":
			r.active = c.Values[prefix+"_active"]
			for _, why := range []string{"budget", "time", "memory", "fault"} {
				r.errors += per("_stops_total{" + why + "}")
			}
		}
		list = append(list, r)
	}
	sort.SliceStable(list, func(i, j int) bool {
		if list[i].requests != list[j].requests {
			return list[i].requests > list[j].requests
		}
		return list[i].name < list[j].name
	})
	return list
}

// RateTable writes one table; limit bounds its lines, 0 does not.
func RateTable(w io.Writer, subject string, list []Rate, limit int) error {
	t := tabwriter.NewWriter(w, 10, 4, 2, ' ', tabwriter.AlignRight)
	active := "ACTIVE"
	if subject == "backend" {
		active = "QUEUED"
	}
	printf(t, "REQ/S\tERR/S\tBYTES/S\t%s\t  %s\n", active, strings.ToUpper(subject))
	total := Rate{name: "(all)"}
	for i, r := range list {
		total.requests += r.requests
		total.errors += r.errors
		total.out += r.out
		total.active += r.active
		if limit == 0 || i < limit {
			r.print(t)
		}
	}
	total.print(t)
	return t.Flush()
}

func (r Rate) print(w io.Writer) {
	printf(w, "%.1f\t%.1f\t%.0f\t%.0f\t  %s\n", r.requests, r.errors, r.out, r.active, r.name)
}
