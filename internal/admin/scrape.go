package admin

import (
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fishplate/internal/metrics"
)

// newScrape returns the handler of /metrics: our tables, and the Go runtime's
// and the process's own figures.
func newScrape(o Options) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		newCollector(o),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector prints Readings. It names at most budget things of a kind and sums
// the others, so that a configuration with very many routes cannot overwhelm
// whoever collects; the sum is exact and never decreases.
type collector struct {
	readings func() []metrics.Reading
	words    func() []metrics.WordReading
	version  string
	budget   int
	descs    map[string]*prometheus.Desc // by metric name
	build    *prometheus.Desc

	mu     sync.Mutex
	shares map[*metrics.Table]*share
}

// share is one table's budget: who is named, and what the others have counted.
type share struct {
	named map[*metrics.Set]bool
	rest  map[*metrics.Set][]int64 // last seen cells of those that are not named
	gone  []int64                  // cells of those of the rest that vanished
}

func newCollector(o Options) *collector {
	c := &collector{
		readings: o.Readings, words: o.Words, version: o.Version, budget: o.Budget,
		descs:  make(map[string]*prometheus.Desc),
		shares: make(map[*metrics.Table]*share),
		build:  prometheus.NewDesc("fishplate_build_info", "Always 1; the version is its label.", []string{"version"}, nil),
	}
	for _, table := range metrics.Tables() {
		for i := range table.Rows {
			row := &table.Rows[i]
			labels := table.Labels
			if row.Label != "" {
				labels = append(append([]string{}, labels...), row.Label)
			}
			c.descs[row.Name] = prometheus.NewDesc(row.Name, row.Help, labels, nil)
		}
	}
	for _, w := range metrics.WordTables() {
		c.descs[w.Name] = prometheus.NewDesc(w.Name, w.Help, []string{w.Label}, nil)
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.build
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(c.build, prometheus.GaugeValue, 1, c.version)
	if c.readings != nil {
		byTable := make(map[*metrics.Table][]metrics.Reading)
		for _, r := range c.readings() {
			byTable[r.Table] = append(byTable[r.Table], r)
		}
		c.mu.Lock()
		for _, table := range metrics.Tables() {
			c.collect(out, table, byTable[table])
		}
		c.mu.Unlock()
	}
	if c.words == nil {
		return
	}
	for _, w := range c.words() {
		for _, n := range w.Words.Counts() {
			out <- prometheus.MustNewConstMetric(c.descs[w.Table.Name], prometheus.CounterValue, float64(n.Count), n.Word)
		}
	}
}

func (c *collector) collect(out chan<- prometheus.Metric, table *metrics.Table, readings []metrics.Reading) {
	s := c.shares[table]
	if s == nil {
		s = &share{named: make(map[*metrics.Set]bool), rest: make(map[*metrics.Set][]int64)}
		c.shares[table] = s
	}
	named, others := s.divide(table, readings, c.budget)
	for _, r := range named {
		c.emit(out, table, r.Values, r.Cells())
	}
	if others != nil {
		values := make([]string, len(table.Labels))
		for i := range values {
			values[i] = metrics.Other
		}
		c.emit(out, table, values, others)
	}
}

// divide returns the readings that are named and the summed cells of the rest,
// nil when there never was a rest. What was once in the rest stays there: moving
// it out would make the sum decrease.
func (s *share) divide(table *metrics.Table, readings []metrics.Reading, budget int) (named []metrics.Reading, rest []int64) {
	present := make(map[*metrics.Set]bool, len(readings))
	for _, r := range readings {
		present[r.Set] = true
	}
	for set := range s.named {
		if !present[set] {
			delete(s.named, set)
		}
	}
	for set, cells := range s.rest {
		if !present[set] {
			s.retire(table, cells)
			delete(s.rest, set)
		}
	}
	for _, r := range readings {
		_, inRest := s.rest[r.Set]
		switch {
		case s.named[r.Set] || !inRest && len(s.named) < budget:
			s.named[r.Set] = true
			named = append(named, r)
		default:
			s.rest[r.Set] = r.Cells()
		}
	}
	if len(s.rest) == 0 && s.gone == nil {
		return named, nil
	}
	rest = make([]int64, table.Cells())
	copy(rest, s.gone)
	for _, cells := range s.rest {
		for i, v := range cells {
			rest[i] += v
		}
	}
	return named, rest
}

// retire keeps the counts, but not the gauges, of a vanished thing.
func (s *share) retire(table *metrics.Table, cells []int64) {
	if s.gone == nil {
		s.gone = make([]int64, table.Cells())
	}
	for i := range table.Rows {
		row := &table.Rows[i]
		if row.Kind == metrics.Gauge {
			continue
		}
		for j := row.At; j < row.At+row.Cells(); j++ {
			s.gone[j] += cells[j]
		}
	}
}

// emit prints all rows of one thing.
func (c *collector) emit(out chan<- prometheus.Metric, table *metrics.Table, labels []string, cells []int64) {
	for i := range table.Rows {
		row := &table.Rows[i]
		desc := c.descs[row.Name]
		kind := prometheus.CounterValue
		if row.Kind == metrics.Gauge {
			kind = prometheus.GaugeValue
		}
		switch {
		case row.Kind == metrics.Histogram:
			out <- histogram(desc, row, labels, cells)
		case row.Label != "":
			for j, value := range row.Values {
				out <- prometheus.MustNewConstMetric(desc, kind, row.Unit.Scale(cells[row.At+j]), append(labels[:len(labels):len(labels)], value)...)
			}
		default:
			out <- prometheus.MustNewConstMetric(desc, kind, row.Unit.Scale(cells[row.At]), labels...)
		}
	}
}

func histogram(desc *prometheus.Desc, row *metrics.Row, labels []string, cells []int64) prometheus.Metric {
	buckets := make(map[float64]uint64, len(row.Bounds))
	count := uint64(0)
	for j, bound := range row.Bounds {
		count += uint64(cells[row.At+j])
		buckets[bound.Seconds()] = count
	}
	count += uint64(cells[row.At+len(row.Bounds)])
	sum := row.Unit.Scale(cells[row.At+len(row.Bounds)+1])
	return prometheus.MustNewConstHistogram(desc, count, sum, buckets, labels...)
}

// Counters is one thing's counters in the API's form.
type Counters struct {
	Subject string             `json:"subject"`
	Labels  []string           `json:"labels"`
	Values  map[string]float64 `json:"values"` // by metric name, "{value}" appended for a labelled row
}

func flatten(readings []metrics.Reading) []Counters {
	list := make([]Counters, 0, len(readings))
	for _, r := range readings {
		c := Counters{Subject: r.Table.Subject, Labels: append([]string{}, r.Values...), Values: make(map[string]float64)}
		cells := r.Cells()
		for i := range r.Table.Rows {
			row := &r.Table.Rows[i]
			switch {
			case row.Kind == metrics.Histogram:
				count := int64(0)
				for _, v := range cells[row.At : row.At+len(row.Bounds)+1] {
					count += v
				}
				c.Values[row.Name+"{count}"] = float64(count)
				c.Values[row.Name+"{sum}"] = row.Unit.Scale(cells[row.At+len(row.Bounds)+1])
			case row.Label != "":
				for j, value := range row.Values {
					c.Values[row.Name+"{"+value+"}"] = row.Unit.Scale(cells[row.At+j])
				}
			default:
				c.Values[row.Name] = row.Unit.Scale(cells[row.At])
			}
		}
		list = append(list, c)
	}
	return list
}
