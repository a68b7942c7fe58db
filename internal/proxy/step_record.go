package proxy

import (
	"time"

	"fishplate/internal/metrics"
)

// stepRecord counts the exchange, writes its line to the access logs and gives
// back what it still holds.
func stepRecord(x *exchange) step {
	r := &x.rec
	r.Duration = time.Duration(x.mark - x.begin)
	x.count(r)
	if !x.notes.Empty() {
		r.Guest = &x.notes
	}
	for _, log := range x.s.logs() {
		if log.Wanted() {
			x.fill(r)
			log.Write(x.s.shard, r)
		}
	}
	if x.run != nil {
		x.run.Release()
		x.run = nil
	}
	x.unpin()
	return finished
}

// fill copies what only the log wants.
func (x *exchange) fill(r *Record) {
	if r.Listener != "" {
		return
	}
	s := x.s
	r.Time = x.srv.wheel.time(x.begin)
	r.Listener, r.Client, r.ClientIP = s.conn.Listener, s.conn.Client, x.req.ClientIP
	if s.conn.TLS != nil {
		r.TLS = tlsVersion(s.conn.TLS.Version)
	}
}

// count adds the exchange to the counters.
func (x *exchange) count(r *Record) {
	s := x.s
	shard := s.shard
	for at, d := range r.Steps {
		if d != 0 {
			x.srv.process.Add(shard, metrics.ProcessStepTime+at, int64(d))
		}
	}
	s.counters.Add(shard, metrics.ListenerRequests, 1)
	s.counters.Add(shard, metrics.ListenerBytesOut, r.BytesOut)
	if r.BytesIn > 0 {
		s.counters.Add(shard, metrics.ListenerBytesIn, r.BytesIn)
	}
	if x.routeCounters != nil {
		x.countRoute(r, shard)
	}
	if x.side != nil {
		x.countSide(r, shard)
	}
	if x.fault != nil {
		x.srv.causes.Add(x.fault.Cause)
	}
}

func (x *exchange) countRoute(r *Record, shard metrics.Shard) {
	x.routeCounters.Add(shard, metrics.RouteRequests, 1)
	x.routeCounters.Add(shard, metrics.RouteTime, int64(r.Duration))
	v := x.vhostCounters
	v.Add(shard, metrics.VHostRequests, 1)
	v.Add(shard, metrics.VHostBytesOut, r.BytesOut)
	if r.BytesIn > 0 {
		v.Add(shard, metrics.VHostBytesIn, r.BytesIn)
	}
	v.Observe(shard, metrics.VHostDuration, r.Duration)
	if r.Status != 0 {
		x.routeCounters.Add(shard, metrics.RouteResponses+metrics.Class(r.Status), 1)
		v.Add(shard, metrics.VHostResponses+metrics.Class(r.Status), 1)
	}
}
