package report

import (
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/upstream"
)

// Backends joins what upstream counts with the gauges of its state.
func Backends(set *upstream.Set) (list []metrics.Reading) {
	for _, b := range set.Backends() {
		st := b.Status()
		list = append(list, metrics.Reading{
			Table: &metrics.Backend, Values: []string{b.Name()}, Set: b.Counters(), More: []int64{int64(st.Waiting)},
		})
		states := map[string]upstream.ServerStatus{} // without those that left
		for _, s := range st.Servers {
			if s.DrainingUntil == nil {
				states[s.Name] = s
			}
		}
		for _, s := range b.Servers() {
			is, up := states[s.Name()], int64(0)
			if is.State == "up" || is.State == "slow-start" {
				up = 1
			}
			list = append(list, metrics.Reading{
				Table: &metrics.Server, Values: []string{b.Name(), s.Name()}, Set: s.Counters(),
				More: []int64{int64(is.Connections), int64(is.Connections + is.Idle), int64(is.Idle), int64(is.Sessions), up},
			})
		}
	}
	return append(list, draining(set.Status(), time.Now())...)
}

// draining tells of the servers that drain.
func draining(backends []upstream.BackendStatus, now time.Time) (list []metrics.Reading) {
	for _, b := range backends {
		for _, s := range b.Servers {
			if s.DrainingSince == nil {
				continue
			}
			left := time.Duration(0)
			if s.DrainingUntil != nil {
				left = max(0, s.DrainingUntil.Sub(now))
			}
			list = append(list, metrics.Reading{
				Table: &metrics.Draining, Values: []string{b.Name, s.Name, s.Address}, Set: metrics.NewSet(0), More: []int64{
					int64(now.Sub(*s.DrainingSince) / time.Second), int64(left / time.Second),
					int64(s.Connections), int64(s.Connections + s.Idle), int64(s.Sessions),
				},
			})
		}
	}
	return list
}
