package tcp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"fishplate/internal/doctor/cpu"
	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/see"
)

// ourOverflow judges the queues of our own listeners, whose bounds and drops are
// known one by one. ok is false when none is in trouble.
func ourOverflow(v *see.View, c gauge.Counts, e []fact.Evidence) (f fact.Finding, ok bool) {
	if v.Ours == nil {
		return f, false
	}
	var listeners []see.OurListener
	for _, l := range v.Ours.Listeners {
		if l.Queue == nil {
			continue
		}
		l.Queue = l.Queue.Lost(int64(c.Sum("TcpExt.ListenDrops")))
		if troubled(l.Queue) {
			listeners = append(listeners, l)
		}
	}
	if len(listeners) == 0 {
		return f, false
	}
	slices.SortStableFunc(listeners, func(a, b see.OurListener) int {
		return cmp.Or(cmp.Compare(b.Queue.Dropped, a.Queue.Dropped), cmp.Compare(b.Queue.Len, a.Queue.Len))
	})
	worst := listeners[0]
	q := worst.Queue
	for _, l := range listeners {
		e = append(e, fact.Read("TCP_INFO of listener "+l.Name, queueText(l), l.Queue))
	}
	name := fmt.Sprintf("listener %s at %s", worst.Name, worst.At())
	if q.Dropped <= 0 {
		waiting := fmt.Sprintf("%s: %d connections wait before accept, of %d that may", name, q.Len, q.Shards*q.Granted)
		lost := c.Sum("TcpExt.ListenOverflows")
		_, told := othersOverflow(v, c, e)
		switch {
		case lost > 0 && q.Dropped < 0:
			return fact.Say(c.Stricter(fact.Fail, fact.Warn), fmt.Sprintf("%s, and %d were lost in its network namespace %s: the system does not say of which listener", waiting, lost, v.Span()), e...), true
		case lost > 0 && !told: // worse than to wait, whosever they are
			return f, false
		}
		return fact.Say(fact.Warn, waiting, e...), true
	}
	causes := causesOf(v, worst)
	drops := c.Sum("TcpExt.ListenDrops")
	span, all := v.Span(), fmt.Sprintf("%d in its network namespace", drops)
	if v.Before == nil {
		span, all = "since the process began", fmt.Sprintf("%d in its network namespace since boot", drops)
	}
	found := fmt.Sprintf("%s dropped %d connections or handshakes %s (%s), %s: %s",
		name, q.Dropped, span, all, held(q), strings.Join(texts(causes), "; "))
	if others := len(listeners) - 1; others > 0 {
		found += fmt.Sprintf("; and %d other listeners", others)
	}
	f = fact.Say(c.Stricter(fact.Fail, fact.Warn), found, e...)
	for _, cause := range causes {
		f.Fix = append(f.Fix, cause.fix...)
	}
	return f, true
}

// othersOverflow judges what was lost while our own listeners dropped nothing. ok is
// false when nothing was, or when the system does not say whose it was.
func othersOverflow(v *see.View, c gauge.Counts, e []fact.Evidence) (f fact.Finding, ok bool) {
	lost := max(c.Sum("TcpExt.ListenOverflows"), c.Sum("TcpExt.ListenDrops"))
	if v.Ours == nil || lost == 0 {
		return f, false
	}
	told := map[string]bool{} // by name: one queue may stand for all addresses of a listener
	ours := "ours dropped none"
	f = fact.Say(fact.Info, "", e...)
	for _, l := range v.Ours.Listeners {
		switch {
		case l.Queue == nil:
			continue
		case l.Queue.Lost(int64(lost)).Dropped > 0:
			return f, false
		case l.Queue.Dropped > 0: // without a full queue: handshakes that were deferred, as good as certainly
			f.Status, ours = fact.Warn, "no queue of ours was found full"
		}
		told[l.Name] = l.Queue.Dropped >= 0
	}
	for _, l := range v.Ours.Listeners {
		if !told[l.Name] && (l.Queue != nil || l.Port != 0) {
			return f, false
		}
	}
	before := ""
	if v.Before == nil {
		before = ", or of a process before"
	}
	f.Found = fmt.Sprintf("%d connections or handshakes were lost %s, of another listener in this network namespace%s: %s", lost, v.Span(), before, ours)
	f.Fix = []fact.Fix{} // none for our listeners
	return f, len(told) > 0
}

// held says how long the queue was.
func held(q *see.OurQueue) string {
	if q.Most < q.Granted {
		return fmt.Sprintf("its queue held up to %d, with a backlog that was shorter than the %d it has now", q.Most, q.Granted)
	}
	return fmt.Sprintf("its queue of %d held up to %d", q.Granted, q.Most)
}

// troubled says whether a queue has lost connections, or is half full.
func troubled(q *see.OurQueue) bool {
	return q.Dropped > 0 || q.Len > 0 && q.Granted > 0 && 2*q.Len > q.Shards*q.Granted
}

func queueText(l see.OurListener) string {
	q := l.Queue
	return fmt.Sprintf("%s: %d shards, queue %d, at most %d, backlog %d of %d asked for, dropped %d, accepted %d, shed %d, refused %d",
		l.At(), q.Shards, q.Len, q.Most, q.Granted, l.Backlog, q.Dropped, q.Accepted, q.Shed, q.Refused)
}

// cause is why a queue was full.
type cause struct {
	text string
	fix  []fact.Fix
}

func texts(causes []cause) (list []string) {
	for _, c := range causes {
		list = append(list, c.text)
	}
	return list
}

// What counts as a cause: the process standing still for longer than a loaded
// machine lets a timer wait, shares in percent of which less is usual.
const (
	longStall   = 0.1 // seconds
	muchStolen  = 2
	anyThrottle = 0.1
	allBusy     = 85
)

// causesOf names why a queue was full: how short it is, and everything that kept
// us from accepting. Shares are of the whole time between two looks, which is why
// each says how much it was.
func causesOf(v *see.View, l see.OurListener) (list []cause) {
	q := l.Queue
	if q.Granted < l.Backlog {
		list = append(list, cause{
			fmt.Sprintf("the kernel granted a backlog of %d of the %d asked for (net.core.somaxconn)", q.Granted, l.Backlog),
			[]fact.Fix{fact.Sysctl("net.core.somaxconn", "65535", "none; a listener takes it when it calls listen again: fishplate reload after a change of its accept block, or a new start", fact.Freely, true)},
		})
	} else {
		list = append(list, cause{
			fmt.Sprintf("its backlog is %d%s", q.Granted, lasts(v, q)),
			[]fact.Fix{{Command: "raise accept.backlog of listener " + l.Name + ", and fishplate reload", Risk: "none", Who: fact.Us, Undo: "fishplate rollback", Auto: fact.Never}},
		})
	}
	before := len(list)
	short := cpu.Short(v)
	us := v.Serving()
	if v.Before == nil && us != nil && us.Overflow != "" { // it was there
		said := cause{text: "the process that serves found when it last looked: " + us.Overflow}
		for _, command := range us.Mends {
			said.fix = append(said.fix, fact.Fix{Command: command, Risk: "see there", Who: fact.Us, Undo: "the old state", Auto: fact.Never})
		}
		return []cause{said}
	}
	if us != nil && us.Stall > longStall {
		list = append(list, cause{
			fmt.Sprintf("the process stood still for %s: stopped, suspended, or without a processor", time.Duration(us.Stall*float64(time.Second)).Round(10*time.Millisecond)),
			[]fact.Fix{{Command: "look who stops the process (SIGSTOP, a debugger, a freezer, live migration), and at cpu.steal and cpu.quota", Risk: "none", Who: fact.Root, Undo: "nothing was changed", Auto: fact.Never}},
		})
	}
	if short.Throttled > anyThrottle {
		list = append(list, cause{
			fmt.Sprintf("its control group was throttled in %.1f %% of the periods (cpu.quota)", short.Throttled),
			[]fact.Fix{{Command: "raise the limit: systemctl set-property UNIT CPUQuota=, docker update --cpus", Risk: "less for others", Who: fact.Root, Undo: "set the old limit", Auto: fact.Never}},
		})
	}
	if short.Stolen > muchStolen {
		list = append(list, cause{
			fmt.Sprintf("the hypervisor took %.1f %% of the processors (cpu.steal)", short.Stolen),
			[]fact.Fix{{Command: "a larger instance, or one with processors of its own", Risk: "price", Who: fact.Provider, Undo: "move back", Auto: fact.Never}},
		})
	}
	if text, ok := saturated(v, us, short); ok {
		list = append(list, cause{text, []fact.Fix{{Command: "more processors, or fewer connections: let clients keep theirs", Risk: "price", Who: fact.Us, Undo: "none is needed", Auto: fact.Never}}})
	}
	if q.Shed > 0 {
		list = append(list, cause{
			fmt.Sprintf("%d connections were closed for want of descriptors, and accepting pauses each time (sys.nofile)", q.Shed),
			[]fact.Fix{{Command: "prlimit --pid PID --nofile=1048576", Persist: "LimitNOFILE=1048576 in the service's unit", Risk: "none", Who: fact.Root, Undo: "the old limit", Auto: fact.Asked}},
		})
	}
	if q.Refused > 0 {
		list = append(list, cause{
			fmt.Sprintf("%d connections were closed at the listener's limits", q.Refused),
			[]fact.Fix{{Command: "raise limits.connections of listener " + l.Name + ", and fishplate reload", Risk: "memory", Who: fact.Us, Undo: "fishplate rollback", Auto: fact.Never}},
		})
	}
	if len(list) > before {
		return list
	}
	switch {
	case v.Before != nil:
		list = append(list, cause{text: "nothing that kept the process from accepting was seen, so that more came at once than the queue holds"})
	default:
		list = append(list, cause{text: "why it was full cannot be told afterwards (a process that serves logs it at the time: check=tcp.listen-overflow)"})
	}
	return list
}

// lasts says how long a queue lasts at the rate at which connections came.
func lasts(v *see.View, q *see.OurQueue) string {
	if v.Before == nil || v.Elapsed() <= 0 || q.Shards == 0 {
		return ""
	}
	rate := float64(q.Accepted+q.Dropped) / v.Elapsed() / float64(q.Shards)
	if rate < 1 {
		return ""
	}
	return fmt.Sprintf(", which %.0f connections a second fill in %s", rate, time.Duration(float64(q.Granted)/rate*float64(time.Second)).Round(time.Millisecond))
}

// saturated says whether there was no processor left to accept with: ours were all
// in use by ourselves, or everybody's by everybody.
func saturated(v *see.View, us *see.Running, short cpu.Shortage) (string, bool) {
	if v.Before == nil {
		return "", false // since boot or start it says nothing of the moment
	}
	if us != nil && us.Procs > 0 && v.Elapsed() > 0 {
		if used := us.CPU / v.Elapsed(); 100*used > allBusy*float64(us.Procs) {
			return fmt.Sprintf("it used %.1f of its %d processors", used, us.Procs), true
		}
	}
	if short.Busy > allBusy {
		return fmt.Sprintf("the processors were %.0f %% busy (cpu.one-hot)", short.Busy), true
	}
	return "", false
}
