package pulse

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/internal/admin"
	"fishplate/internal/doctor"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/netio"
)

// result is the verdict of one check, as the doctor gives it.
func result(t *testing.T, status doctor.Status, found string) doctor.Result {
	t.Helper()
	row, err := doctor.Lookup("sys.nofile")
	if err != nil {
		t.Fatal(err)
	}
	r := doctor.Result{Check: row.Check}
	r.Finding.Status, r.Finding.Found = status, found
	return r
}

func nothing() Options {
	return Options{
		Logger: slog.New(slog.DiscardHandler), Open: func() map[*netio.Listener]string { return nil },
		Config: func() *model.Config { return nil }, Refused: func(string) int64 { return 0 },
	}
}

// TestChangesAreLoggedOnce: a verdict that stays says nothing, and one that is mended
// says so.
func TestChangesAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	o := nothing()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	p := New(o)
	begun := time.Unix(1e9, 0)
	for i, step := range []struct {
		status doctor.Status
		says   []string // nil is nothing
	}{
		{doctor.OK, nil},
		{doctor.Warn, []string{"level=WARN", "check=sys.nofile", "status=warn", "was=ok", "prlimit", "LimitNOFILE"}},
		{doctor.Warn, nil},
		{doctor.Fail, []string{"level=WARN", "status=fail", "was=warn"}},
		{doctor.OK, []string{"level=INFO", "status=ok", "was=fail"}},
		{doctor.Unknown, nil},
		{doctor.OK, nil},
	} {
		log.Reset()
		p.settle([]doctor.Result{result(t, step.status, "850 of 1000 are taken")}, begun.Add(time.Duration(i)*time.Minute))
		if n := strings.Count(log.String(), "\n"); n > 1 || (n == 1) != (step.says != nil) {
			t.Errorf("%d, %s: %s", i, step.status, &log)
		}
		for _, says := range step.says {
			if !strings.Contains(log.String(), says) {
				t.Errorf("%d, %s: it does not say %q: %s", i, step.status, says, &log)
			}
		}
		if i == 2 {
			var st admin.Status
			p.Status(&st)
			if len(st.Checks) != 1 || !st.Checks[0].Since.Equal(begun.Add(time.Minute)) || len(st.Checks[0].Fix) == 0 || len(st.Findings) != 1 || st.Findings[0].Severity != "warn" {
				t.Errorf("%+v %+v", st.Checks, st.Findings)
			}
		}
	}
	var st admin.Status
	p.Status(&st)
	if len(st.Findings) != 0 || len(st.Checks) != 1 || st.Checks[0].Fix == nil {
		t.Errorf("%+v %+v", st.Checks, st.Findings)
	}
}

func TestBeat(t *testing.T) {
	now := time.Unix(1e9, 0)
	w := watcher{p: New(nothing()), last: now}
	for _, late := range []time.Duration{0, 3 * time.Second, time.Millisecond} {
		now = now.Add(beat + late)
		w.beat(now)
	}
	if w.stall != 3*time.Second {
		t.Errorf("stood still for %s", w.stall)
	}
}

// TestQueues looks at two listeners of one name and one without a queue that can be
// seen, and at what happened since the look before.
func TestQueues(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux, whose sockets tell their queues")
	}
	open := map[*netio.Listener]string{}
	listen := func(name, address string, backlog int) *netio.Listener {
		l, err := netio.Listen(t.Context(), address, netio.ListenOptions{Backlog: backlog})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		open[l] = name
		return l
	}
	a := listen("web", "127.0.0.1:0", 7)
	listen("web", "127.0.0.1:0", 5)
	listen("file", "unix:"+t.TempDir()+"/s", 5)
	cfg := &model.Config{Listeners: []*model.Listener{{Name: "web", Accept: model.Accept{Backlog: 9}}, {Name: "file"}}}
	o := nothing()
	refused := int64(5)
	o.Open, o.Config = func() map[*netio.Listener]string { return open }, func() *model.Config { return cfg }
	o.Refused = func(string) int64 { return refused }
	p := New(o)
	was := p.counts()
	for range 3 {
		c, err := net.Dial("tcp", a.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	s, err := a.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	refused = 8
	ours := p.counts().since(was, cfg)
	for _, l := range ours.Listeners {
		switch {
		case l.Name == "file" && l.Queue != nil, l.Name == "web" && (l.Queue == nil || l.Backlog != 9 || l.Queue.Refused != 3):
			t.Errorf("%+v %+v", l, l.Queue)
		case l.Queue != nil && l.Queue.Granted == 7 && (l.Queue.Accepted != 1 || l.Queue.Len != 2):
			t.Errorf("%+v", l.Queue)
		}
	}
	if r := ours.Running; len(ours.Listeners) != 3 || r == nil || r.Files.Soft == 0 || r.Procs == 0 {
		t.Errorf("%+v %+v", ours, ours.Running)
	}
	st := admin.Status{Listeners: []admin.ListenerStatus{{Name: "web"}, {Name: "file"}, {Name: "closed"}}}
	p.Status(&st)
	web, file := st.Listeners[0].Accept, st.Listeners[1].Accept
	if web == nil || web.Shards != 2 || web.Backlog != 9 || *web.Granted != 5 || *web.Queue != 2 || *web.Most < 2 {
		t.Errorf("web: %+v", web)
	}
	if file == nil || file.Shards != 1 || file.Granted != nil || file.Queue != nil || file.Dropped != nil || st.Listeners[2].Accept != nil {
		t.Errorf("file: %+v, closed: %+v", file, st.Listeners[2].Accept)
	}
	if list := p.Readings(); len(list) != 3 || list[1].Table != &metrics.Address || len(list[1].Cells()) != len(metrics.Address.Rows) {
		t.Errorf("%+v", list)
	}
	first := p.Readings()[1].Set
	if p.Readings()[1].Set != first {
		t.Error("an address is another one at each reading")
	}
	for l := range open {
		delete(open, l)
	}
	if p.Readings(); len(p.sets) != 0 {
		t.Error("who closed stays")
	}
}

// TestRun looks at this machine, and ends when it is told to.
func TestRun(t *testing.T) {
	o := nothing()
	o.Every = time.Millisecond
	p := New(o)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	var st admin.Status
	for len(st.Checks) == 0 && t.Context().Err() == nil {
		p.Status(&st)
	}
	cancel()
	running.Wait()
	for _, r := range p.Readings() {
		if r.Table == &metrics.Check {
			sum := int64(0)
			for _, n := range r.Cells() {
				sum += n
			}
			if sum != 1 {
				t.Errorf("%v: %v", r.Values, r.Cells())
			}
		}
	}
}

// BenchmarkLook is what a look of the whole watcher costs.
func BenchmarkLook(b *testing.B) {
	o := nothing()
	cfg := &model.Config{}
	o.Config = func() *model.Config { return cfg }
	open := map[*netio.Listener]string{}
	for range 10 {
		l, err := netio.Listen(b.Context(), "127.0.0.1:0", netio.ListenOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(l.Close)
		open[l] = "web"
	}
	o.Open = func() map[*netio.Listener]string { return open }
	light, err := doctor.NewLight(doctor.Watching())
	if err != nil {
		b.Fatal(err)
	}
	p := New(o)
	w := watcher{p: p, light: light, last: time.Now(), was: p.counts()}
	b.ReportAllocs()
	for b.Loop() {
		w.look(time.Now())
	}
}

// TestAsked lets a queue overflow between two looks that are an hour apart: who asks
// next is told, and what is fresh is not looked at again.
func TestAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux, whose sockets tell their queues")
	}
	l, err := netio.Listen(t.Context(), "127.0.0.1:0", netio.ListenOptions{Backlog: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if q := l.Queues(); len(q) != 1 || q[0].Drops < 0 {
		t.Skip("the system does not tell what a listener dropped")
	}
	var looks atomic.Int64
	o := nothing()
	o.Every = time.Hour
	o.Open = func() map[*netio.Listener]string { return map[*netio.Listener]string{l: "web"} }
	o.Config = func() *model.Config { return &model.Config{Listeners: []*model.Listener{{Name: "web"}}} }
	o.Refused = func(string) int64 { return looks.Add(1) } // asked for at each look, and by nothing else
	status := func(p *Pulse) (st admin.Status) {
		st.Listeners = []admin.ListenerStatus{{Name: "web"}}
		p.Status(&st)
		return st
	}
	watched := func(fresh time.Duration) *Pulse {
		p := New(o)
		p.fresh = fresh
		var running sync.WaitGroup
		running.Go(func() { p.Run(t.Context()) })
		t.Cleanup(running.Wait)                                      // its context ends first
		for len(status(p).Checks) == 0 && t.Context().Err() == nil { // the look after the start
		}
		return p
	}
	known, old, scraped := watched(time.Hour), watched(0), watched(0)

	var clients []net.Conn
	defer func() {
		for _, c := range clients {
			c.Close()
		}
	}()
	for l.Queues()[0].Drops == 0 && t.Context().Err() == nil {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // for ever where the queue is full
		if c, err := new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String()); err == nil {
			clients = append(clients, c)
		}
		cancel()
	}
	st := status(old)
	i := slices.IndexFunc(st.Findings, func(f admin.Finding) bool { return f.ID == "tcp.listen-overflow" && f.Severity == "fail" })
	if i < 0 || !strings.Contains(st.Findings[i].Text, "listener web") || *st.Listeners[0].Accept.Dropped == 0 {
		t.Errorf("%+v, %+v", st.Findings, st.Listeners[0].Accept)
	}
	if r := scraped.Readings()[0]; r.Table != &metrics.Address || r.Cells()[2] == 0 { // fishplate_accept_dropped_total
		t.Errorf("%+v", r)
	}
	looks.Store(0)
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() { status(known) })
	}
	asking.Wait()
	if n := looks.Load(); n != 0 {
		t.Errorf("%d looks for counters that are as fresh as they need to be", n)
	}
}
