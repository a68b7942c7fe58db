package sys

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

// count is a number as text, or "no limit".
func count(n uint64) string {
	if n >= math.MaxInt64 {
		return "no limit"
	}
	return strconv.FormatUint(n, 10)
}

func nofile() see.Row {
	const file = "/proc/self/limits"
	return see.Row{Check: fact.Check{
		ID: "sys.nofile", Title: "How many files and sockets a process may have", Reads: "getrlimit, " + file + "; of a process that serves its limit, and the size of /proc/PID/fd",
		Rule: "fewer than twice the connections of the configuration and 1024 fails, fewer than 65,536 warns; more than 80 % taken warns, 95 % fails", Severity: fact.SevereFail, Scope: fact.Process, Path: fact.Any,
		Why:     "A proxied connection takes two, and two more while a body lies in a pipe; clients get half at most. When none is left accept fails at once and again, and a processor is busy with failing.",
		Fix:     []fact.Fix{{Command: "prlimit --pid PID --nofile=1048576", Persist: "LimitNOFILE=1048576 in the service's unit", Risk: "none", Who: fact.Root, Undo: "the old limit", Auto: fact.Asked}},
		Sources: []string{"https://man7.org/linux/man-pages/man2/getrlimit.2.html"},
	}, Look: func(v *see.View) fact.Finding {
		var hard uint64
		var e fact.Evidence
		us := v.Serving()
		if us != nil && us.Files.Hard > 0 {
			// The process has raised the soft limit to the hard one when it began.
			hard, e = us.Files.Soft, fact.Read(fmt.Sprintf("limits of process %d", us.PID), fmt.Sprintf("soft %d hard %d", us.Files.Soft, us.Files.Hard), us.Files.Soft)
		} else if l, ok := v.Probe.Self().Limits["nofile"]; ok {
			hard, e = l.Hard, fact.Read("getrlimit NOFILE", fmt.Sprintf("soft %d hard %d", l.Soft, l.Hard), l.Hard)
		} else {
			limits, _, err := gauge.Read(v, file, parse.Limits)
			if err != nil {
				return gauge.Unseen(v, err)
			}
			l, ok := limits["Max open files"]
			if !ok {
				return gauge.Unseen(v, &see.Error{What: file + " Max open files", Class: see.Absent})
			}
			hard, e = l[1], fact.Read(file, fmt.Sprintf("Max open files %d %d", l[0], l[1]), l[1])
		}
		if us != nil && us.Open > 0 && hard > 0 {
			taken := float64(us.Open) / float64(hard)
			found := fmt.Sprintf("%d of %s are taken", us.Open, count(hard))
			e := []fact.Evidence{e, fact.Read(fmt.Sprintf("descriptors of process %d", us.PID), strconv.Itoa(us.Open), us.Open)}
			switch {
			case taken > 0.95:
				return fact.Say(fact.Fail, found, e...)
			case taken > 0.8:
				return fact.Say(fact.Warn, found, e...)
			}
		}
		switch {
		case v.Ours != nil && v.Ours.MaxConns > 0 && hard < 2*uint64(v.Ours.MaxConns)+1024:
			return fact.Say(fact.Fail, fmt.Sprintf("%s, and the configuration admits %d connections", count(hard), v.Ours.MaxConns), e)
		case hard < 65536:
			return fact.Say(fact.Warn, count(hard)+" (the process raises the soft limit to the hard one)", e)
		}
		return fact.Say(fact.OK, count(hard), e)
	}}
}

func pids() see.Row {
	const all = "/proc/sys/kernel/threads-max"
	return see.Row{Check: fact.Check{
		ID: "sys.pids", Title: "How many threads there may be", Reads: "pids.max and pids.current of our control groups, " + all + ", /proc/loadavg",
		Rule: "more than 80 % taken warns", Severity: fact.SevereWarn, Scope: fact.Process, Path: fact.Any,
		Why:     "The Go runtime ends the process when the kernel refuses it a thread.",
		Fix:     []fact.Fix{{Command: "systemctl set-property SERVICE TasksMax=16384", Persist: "TasksMax= in the service's unit, --pids-limit of the container", Risk: "none", Who: fact.Root, Undo: "the old limit", Auto: fact.Asked}},
		Sources: []string{groupDoc},
	}, Look: func(v *see.View) fact.Finding {
		f := fact.Finding{}
		judge := func(what string, now, most uint64, e ...fact.Evidence) {
			tight := most != parse.Unlimited && float64(now) > 0.8*float64(most)
			if f.Found == "" || tight && f.Status == fact.OK {
				f.Found = fmt.Sprintf("%d of %s %s", now, count(most), what)
				f.Status = fact.OK
				if tight {
					f.Status = fact.Warn
				}
			}
			f = f.With(e...)
		}
		files, _, groupErr := gauge.Cgroup(v, "pids", "pids.max")
		for _, file := range files {
			most, e1, err1 := gauge.Read(v, file, parse.Limit)
			now, e2, err2 := gauge.Read(v, strings.TrimSuffix(file, "max")+"current", parse.Limit)
			if err1 == nil && err2 == nil {
				judge("threads of the control group", now, most, e1, e2)
			}
		}
		most, e, err := gauge.Read(v, all, parse.Limit)
		if err == nil && !v.Env.Contained() {
			if now, ok := threads(v); ok {
				judge("threads of the machine", now, most, e)
			}
		}
		if f.Found == "" {
			if groupErr == nil {
				groupErr = err
			}
			if groupErr == nil {
				groupErr = &see.Error{What: "/proc/loadavg", Class: see.Hidden}
			}
			return gauge.Unseen(v, groupErr)
		}
		return f
	}}
}

// threads of the machine are behind the slash of the fourth field.
func threads(v *see.View) (uint64, bool) {
	text, err := v.Text("/proc/loadavg")
	fields := strings.Fields(text)
	if err != nil || len(fields) < 4 {
		return 0, false
	}
	_, all, _ := strings.Cut(fields[3], "/")
	n, err := strconv.ParseUint(all, 10, 64)
	return n, err == nil
}

func memcg() see.Row {
	return see.Row{Check: fact.Check{
		ID: "sys.memcg", Title: "Memory limit of the control group", Reads: "memory.max and memory.events of our control groups",
		Rule: "a process killed while looking fails, since boot warns; a limit that the Go runtime does not know warns", Severity: fact.SevereFail, Scope: fact.Process, Path: fact.Any,
		Why:     "The Go runtime lets its heap grow until the collection pays, not until the limit: without a bound of its own the kernel kills the process.",
		Fix:     []fact.Fix{{Command: "GOMEMLIMIT of 90 % of the limit in the service's environment", Risk: "more collections near the bound", Who: fact.Us, Undo: "unset it", Auto: fact.Never}},
		Sources: []string{groupDoc, goDoc},
	}, Look: func(v *see.View) fact.Finding {
		files, v1, err := gauge.Cgroup(v, "memory", "memory.max")
		if v1 {
			files, _, err = gauge.Cgroup(v, "memory", "memory.limit_in_bytes")
		}
		if err != nil {
			if see.ClassOf(err) == see.Absent && !v1 && rootGroup(v) {
				return fact.Say(fact.OK, "we are in the root control group, which has no limit", fact.Read(v.Own()+"/cgroup", "0::/", nil))
			}
			return gauge.Unseen(v, err)
		}
		var least uint64 = parse.Unlimited
		var e []fact.Evidence
		for _, file := range files {
			n, evidence, err := gauge.Read(v, file, parse.Limit)
			if err != nil {
				return gauge.Unseen(v, err)
			}
			e = append(e, evidence)
			least = min(least, n)
		}
		killed, live, evidence := kills(v, v1)
		e = append(e, evidence...)
		switch {
		case killed > 0 && live:
			return fact.Say(fact.Fail, fmt.Sprintf("%d processes of the group were killed for want of memory %s", killed, v.Span()), e...)
		case killed > 0:
			return fact.Say(fact.Warn, fmt.Sprintf("%d processes of the group were killed for want of memory since it exists", killed), e...)
		case least >= 1<<62: // version 1 rounds "none" down to a page
			return fact.Say(fact.OK, "no limit", e...)
		}
		whose := ""
		if v.Live && v.Serving() == nil {
			whose = "; both are this command's, and a server in another group may have others"
		}
		known, err := bounded(v)
		switch {
		case err != nil:
			return gauge.Unseen(v, err).With(e...)
		case !known:
			return fact.Say(fact.Warn, fmt.Sprintf("a limit of %d MiB, and GOMEMLIMIT is not set%s", least>>20, whose), e...)
		}
		return fact.Say(fact.OK, fmt.Sprintf("a limit of %d MiB, and GOMEMLIMIT is set%s", least>>20, whose), e...)
	}}
}

// rootGroup reports whether we stand in the root of the control groups, and can
// see that it is the machine's: a container's own root has a type.
func rootGroup(v *see.View) bool {
	group, _, err := gauge.Read(v, v.Own()+"/cgroup", parse.Cgroups)
	nested, typeErr := v.Exists("/sys/fs/cgroup/cgroup.type")
	procs, procsErr := v.Exists("/sys/fs/cgroup/cgroup.procs")
	return err == nil && group.Unified == "/" && !nested && typeErr == nil && procs && procsErr == nil
}

// kills counts the processes that were killed in our own group.
func kills(v *see.View, v1 bool) (uint64, bool, []fact.Evidence) {
	name := "memory.events"
	if v1 {
		name = "memory.oom_control"
	}
	files, _, err := gauge.Cgroup(v, "memory", name)
	if err != nil {
		return 0, false, nil
	}
	c, err := gauge.Count(v, files[0], parse.Pairs)
	if err != nil {
		return 0, false, nil
	}
	return c.Sum("oom_kill"), c.Live, c.Evidence("oom_kill")
}

// ourselves says whether the process that is judged is the one that runs this.
func ourselves(v *see.View) bool { return v.Live && v.Own() == "/proc/self" }

// bounded reports whether the Go runtime of the process has a memory limit.
func bounded(v *see.View) (bool, error) {
	if ourselves(v) {
		return debug.SetMemoryLimit(-1) < math.MaxInt64, nil
	}
	data, err := v.Read(v.Own() + "/environ")
	if err != nil {
		return false, err
	}
	limit, ok := parse.Environ(data)["GOMEMLIMIT"]
	return ok && limit != "off" && limit != "", nil
}

// quota is the least CPU quota of our control groups in CPUs, 0 for none.
func quota(v *see.View) (float64, fact.Evidence, error) {
	files, v1, err := gauge.Cgroup(v, "cpu", "cpu.max")
	if v1 {
		files, _, err = gauge.Cgroup(v, "cpu", "cpu.cfs_quota_us")
	}
	if err != nil && (see.ClassOf(err) != see.Absent || v.Env.Contained()) {
		return 0, fact.Evidence{}, err
	}
	var least float64
	var e fact.Evidence
	for _, file := range files {
		var cpus float64
		data, err := v.Read(file)
		if err == nil && v1 {
			var period []byte
			if period, err = v.Read(strings.TrimSuffix(file, "quota_us") + "period_us"); err == nil {
				cpus, err = parse.Quota(data, period)
			}
		} else if err == nil {
			cpus, err = parse.CPUMax(data)
		}
		if err != nil {
			return 0, e, err
		}
		if cpus > 0 && (least == 0 || cpus < least) {
			least, e = cpus, fact.Read(file, string(data), cpus)
		}
	}
	return least, e, nil
}

func gomaxprocs() see.Row {
	return see.Row{Check: fact.Check{
		ID: "sys.gomaxprocs", Title: "Threads that run Go code at once", Reads: "the runtime, cpu.max of our control groups",
		Rule: "more than the quota allows warns", Severity: fact.SevereWarn, Scope: fact.Process, Path: fact.Any,
		Why:     "With more threads than quota the process spends the quota of a period early, and stands still for the rest: up to 100 ms without an accept.",
		Fix:     []fact.Fix{{Command: "leave GOMAXPROCS unset: the runtime follows the quota", Risk: "none", Who: fact.Us, Undo: "set it again", Auto: fact.Already}},
		Sources: []string{goDoc, groupDoc},
	}, Look: func(v *see.View) fact.Finding {
		if !v.Live {
			return fact.Say(fact.Skip, "our process does not run on the machine of this recording")
		}
		n, e, err := atOnce(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		cpus, e2, err := quota(v)
		if err != nil {
			return gauge.Unseen(v, err).With(e)
		}
		if n == 0 {
			return fact.Say(fact.OK, "GOMAXPROCS is not set, and the runtime follows the quota", e)
		}
		if cpus > 0 && float64(n) > math.Max(2, math.Ceil(cpus)) { // the runtime keeps at least two
			return fact.Say(fact.Warn, fmt.Sprintf("%d threads for a quota of %.1f processors", n, cpus), e, e2)
		}
		if cpus > 0 {
			return fact.Say(fact.OK, fmt.Sprintf("%d threads for a quota of %.1f processors", n, cpus), e, e2)
		}
		return fact.Say(fact.OK, fmt.Sprintf("%d threads, and no quota", n), e)
	}}
}

// atOnce is how many threads run Go code at once, 0 for as many as the runtime
// chooses: that of another process says it by its environment alone.
func atOnce(v *see.View) (int, fact.Evidence, error) {
	if ourselves(v) {
		n := runtime.GOMAXPROCS(0)
		return n, fact.Read("runtime", fmt.Sprintf("GOMAXPROCS %d, %d processors, %s", n, runtime.NumCPU(), runtime.Version()), n), nil
	}
	file := v.Own() + "/environ"
	data, err := v.Read(file)
	if err != nil {
		return 0, fact.Evidence{}, err
	}
	text := parse.Environ(data)["GOMAXPROCS"]
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 { // which the runtime ignores, too
		n = 0
	}
	return n, fact.Read(file, "GOMAXPROCS="+text, n), nil
}
