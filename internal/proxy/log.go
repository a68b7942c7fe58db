package proxy

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

const (
	logFlushEvery = 100 * time.Millisecond
	logFlushSize  = 32 << 10 // a shard wakes the writer when it holds this much
	logShardMax   = 1 << 20  // and drops lines beyond this
	logShards     = 8
	logKept       = 1000 // lines that a new subscriber can be given
)

// A Log is one access log: it encodes records into memory on the exchange's
// goroutine, and one goroutine of its own writes them. A line that finds no
// room is dropped and counted. Subscribers get every line that was written.
type Log struct {
	text    bool // the file has lines for people; ring and subscribers always have JSON
	sample  float64
	path    string
	toFile  bool // false: only subscribers are served
	dropped *metrics.Set

	listeners atomic.Int32
	shards    [logShards]logShard
	wake      chan struct{}
	due       chan chan struct{} // who waits until all that was encoded is written
	stop      chan struct{}
	done      chan struct{}

	mu   sync.Mutex // guards what follows; held by the writer while it writes
	out  io.Writer
	file *os.File // nil for stdout and stderr
	subs map[*Subscription]struct{}
	ring lineRing
	lost atomic.Int64
}

type logShard struct {
	mu  sync.Mutex
	buf []byte // JSON lines
	txt []byte // the same records as text, when the file wants that
	_   [8]byte
}

// NewLog opens the log that m describes. Dropped lines are counted in process,
// a Set of metrics.Process.
func NewLog(m *model.Log, process *metrics.Set) (*Log, error) {
	l := &Log{
		text: m.Format == "text", sample: m.Sample, path: m.Path, toFile: true, dropped: process,
		wake: make(chan struct{}, 1), due: make(chan chan struct{}), stop: make(chan struct{}), done: make(chan struct{}),
		subs: make(map[*Subscription]struct{}),
	}
	switch m.Path {
	case "stdout", "":
		l.out = os.Stdout
	case "stderr":
		l.out = os.Stderr
	case "off":
		l.toFile = false
	default:
		if err := l.open(); err != nil {
			return nil, err
		}
	}
	go l.run()
	return l, nil
}

func (l *Log) open() error {
	// A pipe without a reader would be waited for, and the whole change with it.
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0o640)
	if errors.Is(err, syscall.ENXIO) {
		return fmt.Errorf("open log %q: it is a pipe that nobody reads, or a socket", l.path)
	}
	if err != nil {
		return fmt.Errorf("open log %q: %w", l.path, err)
	}
	l.out, l.file = f, f
	return nil
}

// Reopen opens the log's file again, after it was moved away.
func (l *Log) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	old := l.file
	if err := l.open(); err != nil {
		return err
	}
	return old.Close()
}

// Wanted reports whether anybody would read a record: a log that is off and has
// no subscribers costs nothing.
func (l *Log) Wanted() bool { return l.toFile || l.listeners.Load() > 0 }

// Write encodes one record, or none when it was not sampled.
func (l *Log) Write(shard metrics.Shard, r *Record) {
	if !l.Wanted() || l.sample < 1 && rand.Float64() >= l.sample {
		return
	}
	s := &l.shards[uint32(shard)%logShards]
	s.mu.Lock()
	if len(s.buf) >= logShardMax {
		s.mu.Unlock()
		l.drop(1)
		return
	}
	before := len(s.buf)
	s.buf = append(AppendJSON(s.buf, r), '\n')
	if l.text && l.toFile {
		s.txt = append(AppendText(s.txt, r), '\n')
	}
	full := before < logFlushSize && len(s.buf) >= logFlushSize
	s.mu.Unlock()
	if full {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

func (l *Log) drop(lines int64) {
	l.lost.Add(lines)
	if l.dropped != nil {
		l.dropped.Add(0, metrics.ProcessLogDropped, lines)
	}
}

// Dropped returns how many lines were lost.
func (l *Log) Dropped() int64 { return l.lost.Load() }

func (l *Log) run() {
	defer close(l.done)
	tick := time.NewTicker(logFlushEvery)
	defer tick.Stop()
	var spare []byte
	for {
		var written chan struct{}
		select {
		case <-l.stop:
			l.flush(spare)
			return
		case <-tick.C:
		case <-l.wake:
		case written = <-l.due:
		}
		spare = l.flush(spare)
		if written != nil {
			close(written)
		}
	}
}

// settle waits until what has been encoded so far is written.
func (l *Log) settle() {
	written := make(chan struct{})
	select {
	case l.due <- written:
		<-written
	case <-l.done:
	}
}

// flush writes what the shards hold, using spare as the next empty buffer, and
// returns a buffer to use next time.
func (l *Log) flush(spare []byte) []byte {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		full := s.buf
		if len(full) == 0 {
			s.mu.Unlock()
			continue
		}
		text := s.txt
		s.buf, s.txt = spare[:0], nil
		s.mu.Unlock()
		if !l.text {
			text = full
		}
		l.emit(full, text)
		spare = full
	}
	return spare
}

// emit writes whole lines to the ring and the subscribers, and text, which is
// the same lines in the file's format, to the file.
func (l *Log) emit(lines, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.toFile {
		if n, err := l.out.Write(text); err != nil {
			l.drop(countLines(text[n:]))
		}
	}
	eachLine(lines, func(line []byte) {
		kept := l.ring.add(line)
		for s := range l.subs {
			s.offer(kept)
		}
	})
}

// Close writes what is left and closes the log. Nothing may be written to it
// afterwards.
func (l *Log) Close() error {
	close(l.stop)
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.subs {
		close(s.lines)
		delete(l.subs, s)
	}
	if l.file != nil {
		return l.file.Close()
	}
	return nil
}
