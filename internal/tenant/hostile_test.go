package tenant

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// drive leads a request through every callback, as an exchange would.
func drive(ctx context.Context, tn *Tenant, path string) (body []byte, f *message.Fault) {
	r, f := tn.Admit(ctx)
	if f != nil {
		return nil, f
	}
	defer r.Release()
	req := request(path)
	if strings.HasPrefix(path, "/name/") {
		if _, _, f = r.Named(ctx, req, nil, "name", "x"); f != nil {
			return nil, f
		}
	}
	d, f := r.OnRecv(ctx, req, "")
	if f != nil {
		return nil, f
	}
	var resp message.Response
	switch d.Kind {
	case Answer:
		if body, f = r.Answer(ctx, d, req, &resp); f != nil {
			return nil, f
		}
	case Forge:
		if body, f = r.Forge(ctx, req, nil, &resp); f != nil {
			return nil, f
		}
	default:
		if f := lookedUp(ctx, r, req, &resp); f != nil {
			return nil, f
		}
	}
	return body, r.OnDeliver(ctx, req, &resp)
}

// lookedUp is what follows on_recv when the program lets the request go on.
func lookedUp(ctx context.Context, r *Run, req *message.Request, resp *message.Response) *message.Fault {
	if _, f := r.OnHit(ctx, req, &message.Response{Status: 200}); f != nil {
		return f
	}
	if _, f := r.OnMiss(ctx, req, true); f != nil {
		return f
	}
	if _, f := r.OnFetch(ctx, req); f != nil {
		return f
	}
	resp.Status = 200
	if f := r.OnResponse(ctx, req, resp); f != nil {
		return f
	}
	_, _, f := r.OnError(ctx, req, resp, nil)
	r.Fetched()
	return f
}

// hostileModes are the modes of test/guests/hostile.c by what ends their call
// within 5,000,000 instructions.
func hostileModes() map[string]string {
	return map[string]string{
		"guest-budget": "spin heap foreach_nest breaks unknown cheap chunks calloc_ reserve holes protect discard compare fillall foreach_ever loop_return signal_all threads " +
			"thread_exit futex sleep robust fields long_field urls tags notes logs bans regexes regex_large regex_slow regex_back regex_grow regex_one regex_fits regex_pages regex_none json json_path xml " +
			"entities glob jwt keys digests kv kv_small objects fetch_huge storage storage/4 stream/stream_none forge/spin hit/spin miss/spin fetch/spin response/spin error/spin synth/spin deliver/spin hash/spin name/spin",
		"guest-fault": "recurse own_code to_nowhere to_data bad_code memset_ foreach_bad fault_handler fault_spin signal_storm signal_fault sigreturn " +
			"thread_fault thread_foreach storage/2 storage/6 storage/7 storage_text storage_ever hit/own_code forge/own_code deliver/own_code name/own_code",
		"guest-memory":   "brk mmap pages storage/5 forge/pages",
		"guest-deadlock": "deadlock storage/3",
		"guest-regex":    "regex_many",
		"guest-response": "forge/stop status/101 status/100 status/0 status/65535 synth_lies stream/stream_short stream/stream_lies/101 stream/stream_lies/1000 stream/stream_read",
		"": "stop wfi foreach_wide foreach_stop thread_group thread_synth inject decide/1 decide/3 decide/5 decide/10 huge_word pause storage/1 status/204 status/304 " +
			"stream/stream_ever stream/stream_lies/204 stream/stream_lies/304 stream/stream_twice fetch_self fetch_wide fetch_other fetch_hang deliver/stop hit/stop name/stop",
	}
}

// hostilePath is where a mode is asked for.
func hostilePath(mode string) string {
	if stage, _, _ := strings.Cut(mode, "/"); !strings.Contains(" stream forge hit miss fetch response error synth deliver hash name ", " "+stage+" ") {
		return "/recv/" + mode
	}
	return "/" + mode
}

// TestHostileModes: whatever a program does, its call ends within its budget and
// for the right reason, and leaves neither goroutines nor permits behind.
func TestHostileModes(t *testing.T) {
	const budget, past = 5_000_000, 40_000
	m := guestModel("hostile")
	m.Instructions, m.Memory, m.Time = budget, 16<<20, time.Minute
	s := quietSet(1)
	small := *m
	small.Name, small.Memory = "small", 6<<20 // all of it costs less than the budget
	load(t, s, m, &small)
	t.Cleanup(s.Close)
	before := runtime.NumGoroutine()
	for want, modes := range hostileModes() {
		tn := s.Tenant(m.Name)
		if want == "guest-memory" {
			tn = s.Tenant(small.Name)
		}
		for mode := range strings.FieldsSeq(modes) {
			path := hostilePath(mode)
			cells := tn.Counters()
			was, calls := cells.Value(metrics.TenantInstructions), callsOf(tn)
			_, f := drive(context.Background(), tn, path)
			got := ""
			if f != nil {
				got = f.Cause
			}
			if got != want {
				t.Errorf("%s ends with %q, want %q: %v", path, got, want, f)
			}
			// One call of the host may go beyond the budget by what is charged when it is
			// done, of which there is little: the pages of a piece of its result.
			if n := cells.Value(metrics.TenantInstructions) - was; n > max(1, callsOf(tn)-calls)*(budget+foreachBudget+signalBudget)+past {
				t.Errorf("%s took %d instructions", path, n)
			}
			if free, waiting := s.permits.State(); free != 1 || waiting != 0 {
				t.Fatalf("%s leaves %d permits free, %d waiting", path, free, waiting)
			}
		}
	}
	for _, name := range []string{m.Name, small.Name} {
		if st := s.Tenant(name).Status(); st.Active != 0 || st.Waiting != 0 {
			t.Errorf("active %d, waiting %d", st.Active, st.Waiting)
		}
	}
	for range 6000 { // a minute at least
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

func callsOf(tn *Tenant) (n int64) {
	for i := range 3 {
		n += tn.Counters().Value(metrics.TenantCalls + i)
	}
	return n
}
