package main

import (
	"fishplate/internal/config"
	"fishplate/internal/control"
	"fishplate/internal/model"
)

// diffConfig compares two configurations, for control.Options.Diff.
func diffConfig(old, next *model.Config) (list []control.Change) {
	for _, d := range config.Diff(old, next) {
		c := control.Change{Kind: d.Kind, Key: d.Key, Action: d.Action, Fields: make([]control.Field, 0, len(d.Fields))}
		for _, f := range d.Fields {
			c.Fields = append(c.Fields, control.Field{Name: f.Name, Old: f.Old, New: f.New})
		}
		list = append(list, c)
	}
	return list
}
