package advice

import (
	"strings"

	"fishplate/internal/model"
)

// Owners returns the tenants of tenants files by the host that they are found by:
// their name, lower-cased. Of several with one host the one has it whose name is
// the host as it stands, else the first.
func Owners(list []*model.Tenant) map[string]*model.Tenant {
	owners := map[string]*model.Tenant{}
	for _, t := range list {
		if host, err := HostName(t.Name); err == nil && t.FromFile && (owners[host] == nil || t.Name == host) {
			owners[host] = t
		}
	}
	return owners
}

// Takers finds vhosts by host, as requests do.
type Takers struct {
	hosts, names map[string]*model.VHost
	any          *model.VHost // the one for any host
}

// TakersOf prepares the vhosts that are written.
func TakersOf(list []*model.VHost) *Takers {
	t := &Takers{hosts: map[string]*model.VHost{}, names: map[string]*model.VHost{}}
	for _, v := range list {
		t.names[v.Name] = v
		for _, h := range v.Hosts {
			t.hosts[h] = v
		}
		if len(v.Hosts) == 0 && t.any == nil {
			t.any = v
		}
	}
	return t
}

// Named reports whether a vhost names the host itself.
func (t *Takers) Named(host string) bool { return t.hosts[host] != nil }

// Of is the vhost that takes a host which none names: that of the nearest
// wildcard, else the one for any host; nil when there is neither.
func (t *Takers) Of(host string) *model.VHost {
	for _, below, more := strings.Cut(host, "."); more; _, below, more = strings.Cut(below, ".") {
		if v := t.hosts["*."+below]; v != nil {
			return v
		}
	}
	return t.any
}

// Copy makes a vhost for one host of the one that takes it, with a tenant in all
// routes but those that are written with their own. Which cache policy holds for
// them, and whose share of a store they have, is to be found anew.
func (t *Takers) Copy(like *model.VHost, owner *model.Tenant, host string, written map[string]bool) *model.VHost {
	v := *like
	v.Name, v.Hosts, v.SNI, v.Tenant, v.At = owner.Name, []string{host}, nil, owner.Name, owner.At
	if t.names[v.Name] != nil {
		v.Name += " of " + like.Name
	}
	v.Routes = make([]*model.Route, len(like.Routes))
	for i, r := range like.Routes {
		c := *r
		c.Effective, c.Partition = nil, ""
		if !written[r.Name] {
			c.Tenant = owner.Name
		}
		v.Routes[i] = &c
	}
	t.hosts[host], t.names[v.Name] = &v, &v
	return &v
}
