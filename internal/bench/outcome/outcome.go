package outcome

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fishplate/internal/bench/stats"
	"fishplate/internal/file"
)

// Schema names the document.
const Schema = "fishplate.bench/1"

// Result is one benchmark. Durations are nanoseconds, rates are a second's.
type Result struct {
	Schema     string           `json:"schema"`
	At         time.Time        `json:"at"`
	Version    string           `json:"version"`
	Params     Params           `json:"params"`
	Hash       string           `json:"params_hash"` // of what must be equal for a comparison
	Host       Host             `json:"host"`
	Server     Server           `json:"server"`
	Rate       stats.Interval   `json:"rate"` // transactions a second, of the repetitions
	Reached    bool             `json:"reached"`
	Reps       []Repetition     `json:"repetitions"`
	Totals     Totals           `json:"totals"`
	Latency    Latencies        `json:"latency"`
	Errors     map[string]int64 `json:"errors"`
	CPU        CPU              `json:"cpu"`
	Processors []Share          `json:"processors"`
	Counters   Counters         `json:"counters"`
	Seconds    []Second         `json:"seconds"`
	Diagnosis  []Diagnosis      `json:"diagnosis"`
}

// Params are what was asked for.
type Params struct {
	Workload       string        `json:"workload"`
	Server         string        `json:"server"` // loopback, or an address
	Connections    int           `json:"connections"`
	Rate           float64       `json:"rate"` // 0 is a closed loop
	Duration       time.Duration `json:"duration"`
	Repeat         int           `json:"repeat"` // at most
	SingleAcceptor bool          `json:"single_acceptor"`
	Backlog        int           `json:"backlog"` // 0 is the largest
	Plain          bool          `json:"plain"`
	Threads        int           `json:"threads"`
	Sources        int           `json:"sources"`
	Reset          bool          `json:"reset"`
	Path           string        `json:"path,omitempty"`
	Host           string        `json:"host,omitempty"`
}

// Loop names the kind of load.
func (p Params) Loop() string {
	if p.Rate > 0 {
		return "open"
	}
	return "closed"
}

// Hash is over the parameters that make two results comparable: what is done
// and how it is measured. What is compared, the server and its options, is not
// part of it, nor how long and how often it was measured.
func (p Params) Hash() string {
	same := fmt.Sprintf("%s %d %g %d %d %t %s", p.Workload, p.Connections, p.Rate, p.Threads, p.Sources, p.Reset, p.Path)
	sum := sha256.Sum256([]byte(same))
	return hex.EncodeToString(sum[:8])
}

// Server is what is known of the server's side; of a foreign one, only the
// address.
type Server struct {
	Address   string `json:"address"`
	PID       int    `json:"pid"` // 0 = not on this machine, or not told
	Listeners int    `json:"listeners"`
	Workers   int    `json:"workers"`
	Acceptors []int  `json:"acceptors"` // threads
	Backlog   int    `json:"backlog"`   // as the kernel cut it; 0 = unknown
}

// Repetition is one measurement.
type Repetition struct {
	Seconds      float64 `json:"seconds"`
	Transactions int64   `json:"transactions"`
	Rate         float64 `json:"rate"`
	P50          int64   `json:"p50"`
	P99          int64   `json:"p99"`
	Errors       int64   `json:"errors"`
}

// Totals are over all repetitions.
type Totals struct {
	Seconds      float64 `json:"seconds"`
	Watched      float64 `json:"watched_seconds"` // of them, what counters and processor time are of
	Transactions int64   `json:"transactions"`
	Connections  int64   `json:"connections"`
	Errors       int64   `json:"errors"`
	Behind       int64   `json:"behind"` // due in an open loop, and never begun
	Late         int64   `json:"late"`   // begun more than a millisecond late
}

// Latencies are of what succeeded.
type Latencies struct {
	From    string  `json:"from"` // "intended" in an open loop, "begun" in a closed one
	Connect Latency `json:"connect"`
	First   Latency `json:"first_byte"`
	Total   Latency `json:"total"`
}

// Latency is one distribution, in nanoseconds.
type Latency struct {
	Count int64   `json:"count"`
	Min   int64   `json:"min"`
	Mean  float64 `json:"mean"`
	P50   int64   `json:"p50"`
	P90   int64   `json:"p90"`
	P99   int64   `json:"p99"`
	P999  int64   `json:"p999"`
	Max   int64   `json:"max"`
	Curve []Point `json:"curve"`
}

// Point says that a share of the transactions took no longer.
type Point struct {
	Share float64 `json:"share"`
	Value int64   `json:"value"`
}

// CPU is what each side used.
type CPU struct {
	Client Side `json:"client"`
	Server Side `json:"server"`
}

// Side is the processor time of one process. On the loopback the kernel charges
// the work of a packet to whoever sent it, so the sides share the network's.
type Side struct {
	Known    bool    `json:"known"`
	Micros   float64 `json:"us_per_transaction"`
	Share    float64 `json:"share"`   // processors in use, 1 is one of them
	Busiest  float64 `json:"busiest"` // of its busiest thread
	Name     string  `json:"busiest_name"`
	Waiting  float64 `json:"waiting"` // of its threads, ready to run and not running
	Sleeps   float64 `json:"sleeps_per_transaction"`
	Threads  int     `json:"threads"`  // that ran at all
	Acceptor float64 `json:"acceptor"` // share of its busiest acceptor, built-in server only
}

// Share is where one processor's time went.
type Share struct {
	User    float64 `json:"user"`
	System  float64 `json:"system"`
	Softirq float64 `json:"softirq"`
	Irq     float64 `json:"irq"`
	Steal   float64 `json:"steal"`
	Idle    float64 `json:"idle"`
}

// Counters are the differences of what the kernel counted, by group and name.
// They are those of the network namespace and the machine, of everything that
// ran.
type Counters map[string]map[string]int64

// Second is one look.
type Second struct {
	At     float64 `json:"at"`
	Rate   float64 `json:"rate"`
	P50    int64   `json:"p50"`
	P99    int64   `json:"p99"`
	Flying int64   `json:"flying"`
	Behind int64   `json:"behind"`
	Errors int64   `json:"errors"`
}

// Diagnosis says what bounds the result, with the numbers it follows from.
type Diagnosis struct {
	ID      string             `json:"id"`
	Title   string             `json:"title"`
	Text    string             `json:"text"`
	Advice  string             `json:"advice"`
	Numbers map[string]float64 `json:"numbers"`
}

// Read reads a result from a file.
func Read(path string) (*Result, error) {
	b, err := file.Read(path, file.Most)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	r, err := Decode(b)
	if err != nil {
		return nil, fmt.Errorf("read result %s: %w: fishplate bench WORKLOAD --json writes one that can be read", path, err)
	}
	return r, nil
}

// Decode reads a result from JSON.
func Decode(b []byte) (*Result, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, errors.New("it is empty")
	}
	var head struct{ Schema string }
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, err
	}
	if head.Schema != Schema {
		return nil, fmt.Errorf("its schema is %q, not %s", head.Schema, Schema)
	}
	var r Result
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	return &r, nil
}
