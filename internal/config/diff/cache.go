package diff

import (
	"strconv"
	"time"

	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

func (s *sheet) cache(c *model.Cache) {
	s.size("memory", c.Memory)
	s.size("max_object", c.MaxObject)
	if d := c.Disk; s.present("disk", d != nil) {
		s.text("disk.path", d.Path)
		s.size("disk.size", d.Size)
	}
}

// policy writes a cache block. What is on unless written otherwise shows up only
// when it is off, as in the rest of a sheet.
func (s *sheet) policy(c *model.CachePolicy) {
	if !s.present("cache", c != nil) {
		return
	}
	s.off("cache.enabled", c.Enabled)
	s.text("cache.store", c.Store)
	s.policyTimes(c)
	s.words("cache.methods", c.Methods)
	s.expr("cache.bypass", c.Bypass)
	s.text("cache.set_cookie", c.SetCookie)
	s.text("cache.client", c.Client)
	s.size("cache.max_object", c.MaxObject)
	s.words("cache.targeted", c.Targeted)
	s.words("cache.tags", c.Tags)
	s.words("cache.tag_headers", c.TagHeaders)
	s.size("cache.quota", c.Quota)
	s.text("cache.range", c.Range)
	s.size("cache.slice", c.Slice)
	s.text("cache.prefetch", unlessZero(c.Prefetch, strconv.Itoa))
	s.off("cache.status", c.Status)
	s.policyKey(c)
	s.policyParts(c)
}

func (s *sheet) policyTimes(c *model.CachePolicy) {
	s.written("cache.ttl", c.TTL)
	s.written("cache.default_ttl", c.DefaultTTL)
	s.written("cache.negative_ttl", c.NegativeTTL)
	s.written("cache.grace", c.Grace)
	s.written("cache.stale_if_error", c.StaleIfError)
	s.dur("cache.min_ttl", c.MinTTL)
	s.dur("cache.max_ttl", c.MaxTTL)
	s.dur("cache.keep", c.Keep)
	s.dur("cache.hit_for_miss", c.HitForMiss)
	s.dur("cache.wait", c.Wait)
	s.dur("cache.saint", c.Saint)
}

func (s *sheet) policyKey(c *model.CachePolicy) {
	s.text("cache.key.query", c.Key.Query)
	s.words("cache.key.drop", c.Key.Drop)
	s.words("cache.key.keep", c.Key.Keep)
	s.words("cache.key.headers", c.Key.Headers)
	s.words("cache.key.cookies", c.Key.Cookies)
	s.expr("cache.key.value", c.Key.Value)
	s.off("cache.key.scheme", c.Key.Scheme)
	s.off("cache.key.host", c.Key.Host)
	s.words("cache.vary.ignore", c.Vary.Ignore)
	s.off("cache.vary.encoding", c.Vary.Encoding)
}

// policyParts are the blocks whose absence means off.
func (s *sheet) policyParts(c *model.CachePolicy) {
	if e := c.Encode; s.present("cache.encode", e != nil) {
		s.words("cache.encode.types", e.Types)
		s.words("cache.encode.codings", e.Codings)
		s.size("cache.encode.min", e.Min)
	}
	if e := c.ESI; s.present("cache.esi", e != nil) {
		s.int("cache.esi.depth", e.Depth)
		s.int("cache.esi.includes", e.Includes)
		s.text("cache.esi.on_error", e.OnError)
	}
	if p := c.Purge; s.present("cache.purge", p != nil) {
		s.nets("cache.purge.from", p.From)
		s.words("cache.purge.methods", p.Methods)
		s.flag("cache.purge.soft", p.Soft)
	}
	if y := c.Synthetic; s.present("cache.synthetic", y != nil) {
		s.int("cache.synthetic.status", y.Status)
		s.text("cache.synthetic.body", string(y.Body))
		s.fields("cache.synthetic.headers", y.Headers)
		s.dur("cache.synthetic.ttl", y.TTL)
	}
}

// written is a duration of which zero is a value like others.
func (s *sheet) written(name string, d *time.Duration) {
	if d != nil {
		s.text(name, schema.FormatDuration(*d))
	}
}

// off is a switch that is on when nothing is written.
func (s *sheet) off(name string, on bool) {
	if !on {
		s.text(name, "false")
	}
}
