package main

import (
	"fishplate/internal/control"
	"fishplate/internal/model"
)

// diffConfig compares two configurations by the names of their parts.
func diffConfig(old, next *model.Config) (list []control.Change) {
	was, is := namesOf(old), namesOf(next)
	have := map[[2]string]bool{}
	for _, n := range was {
		have[n] = true
	}
	for _, n := range is {
		if !have[n] {
			list = append(list, control.Change{Kind: n[0], Key: n[1], Action: "add"})
		}
		delete(have, n)
	}
	for _, n := range was {
		if have[n] {
			list = append(list, control.Change{Kind: n[0], Key: n[1], Action: "remove"})
		}
	}
	if len(list) == 0 && len(old.Sources) > 0 && old.Sources[0] != next.Sources[0] {
		list = append(list, control.Change{Kind: "file", Key: next.Sources[0].Path, Action: "change"})
	}
	return list
}

func namesOf(c *model.Config) (list [][2]string) {
	for _, l := range c.Listeners {
		list = append(list, [2]string{"listener", l.Name})
	}
	for _, v := range c.VHosts {
		list = append(list, [2]string{"vhost", v.Name})
		for _, r := range v.Routes {
			list = append(list, [2]string{"route", v.Name + "/" + r.Name})
		}
	}
	for _, b := range c.Backends {
		list = append(list, [2]string{"backend", b.Name})
		for _, s := range b.Servers {
			list = append(list, [2]string{"server", b.Name + "/" + s.Name})
		}
	}
	return list
}
