package proxy

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"
)

// logLine is the form of AppendJSON's lines, for reading them back.
type logLine struct {
	Time       time.Time          `json:"time"`
	Listener   string             `json:"listener"`
	Client     netip.AddrPort     `json:"client"`
	ClientIP   *netip.Addr        `json:"client_ip"`
	TLS        string             `json:"tls"`
	Method     string             `json:"method"`
	Host       string             `json:"host"`
	Path       string             `json:"path"`
	Query      string             `json:"query"`
	Minor      uint8              `json:"minor"`
	VHost      string             `json:"vhost"`
	Route      string             `json:"route"`
	Tenant     string             `json:"tenant"`
	Backend    string             `json:"backend"`
	Server     string             `json:"server"`
	Status     int                `json:"status"`
	BytesIn    int64              `json:"bytes_in"`
	BytesOut   int64              `json:"bytes_out"`
	Duration   float64            `json:"duration_ms"`
	FirstByte  float64            `json:"first_byte_ms"`
	Steps      map[string]float64 `json:"steps_ms"`
	Cache      string             `json:"cache"`
	CacheWhy   string             `json:"cache_why"`
	Cause      string             `json:"cause"`
	Side       string             `json:"side"`
	Detail     string             `json:"detail"`
	Last       string             `json:"step"`
	Retries    int                `json:"retries"`
	Reused     bool               `json:"reused"`
	Spliced    bool               `json:"spliced"`
	Tunnel     bool               `json:"tunnel"`
	Generation uint64             `json:"generation"`
}

// ParseJSON reads a line of AppendJSON back, for filters over the log.
func ParseJSON(line []byte) (*Record, error) {
	var l logLine
	if err := json.Unmarshal(line, &l); err != nil {
		return nil, fmt.Errorf("read log line: %w", err)
	}
	r := &Record{
		Time: l.Time, Generation: l.Generation, Listener: l.Listener, Client: l.Client, ClientIP: l.Client.Addr(), TLS: l.TLS,
		Minor: l.Minor, Method: []byte(l.Method), Host: []byte(l.Host), Path: []byte(l.Path), Query: []byte(l.Query),
		HasRequest: l.Method != "", VHost: l.VHost, Route: l.Route, Tenant: l.Tenant, Backend: l.Backend, Server: l.Server,
		Status: l.Status, BytesIn: l.BytesIn, BytesOut: l.BytesOut, Duration: millis(l.Duration), FirstByte: millis(l.FirstByte),
		Last: l.Last, Cause: l.Cause, Side: l.Side, Detail: l.Detail, Retries: l.Retries, Reused: l.Reused, Spliced: l.Spliced,
		Tunnel: l.Tunnel, Cache: l.Cache, CacheWhy: l.CacheWhy,
	}
	if l.ClientIP != nil {
		r.ClientIP = *l.ClientIP
	}
	for i := range r.Steps {
		r.Steps[i] = millis(l.Steps[step(i).String()])
	}
	return r, nil
}

func millis(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
