package count

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Thread is what one thread used since it began.
type Thread struct {
	ID     int
	Name   string
	Run    int64 // nanoseconds on a processor
	Wait   int64 // nanoseconds ready to run, without one
	Sleeps int64 // voluntary context switches: each ends with a wake-up
}

// Usage is what the threads of a process used, by their numbers.
type Usage map[int]Thread

// TakeProcess reads the threads of a process; none when it is gone.
func TakeProcess(root fs.FS, pid int) Usage {
	u := Usage{}
	dir := path.Join("proc", strconv.Itoa(pid), "task")
	list, err := fs.ReadDir(root, dir)
	if err != nil {
		return u
	}
	for _, e := range list {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		t := Thread{ID: id}
		if b, err := fs.ReadFile(root, path.Join(dir, e.Name(), "schedstat")); err == nil {
			f := strings.Fields(string(b))
			if len(f) >= 2 {
				t.Run, _ = strconv.ParseInt(f[0], 10, 64)
				t.Wait, _ = strconv.ParseInt(f[1], 10, 64)
			}
		}
		if b, err := fs.ReadFile(root, path.Join(dir, e.Name(), "status")); err == nil {
			t.Name, t.Sleeps = status(string(b))
		}
		u[id] = t
	}
	return u
}

func status(text string) (name string, sleeps int64) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Name":
			name = value
		case "voluntary_ctxt_switches":
			sleeps, _ = strconv.ParseInt(value, 10, 64)
		}
	}
	return name, sleeps
}

// Since returns what the threads used after an earlier look; a thread that was
// not there then counts whole.
func (u Usage) Since(earlier Usage) Usage {
	d := Usage{}
	for id, t := range u {
		e := earlier[id]
		d[id] = Thread{id, t.Name, t.Run - e.Run, t.Wait - e.Wait, t.Sleeps - e.Sleeps}
	}
	return d
}

// Add counts another difference too.
func (u Usage) Add(o Usage) {
	for id, t := range o {
		e := u[id]
		u[id] = Thread{id, t.Name, t.Run + e.Run, t.Wait + e.Wait, t.Sleeps + e.Sleeps}
	}
}

// Sum adds all threads up.
func (u Usage) Sum() (all Thread) {
	for _, t := range u {
		all.Run += t.Run
		all.Wait += t.Wait
		all.Sleeps += t.Sleeps
	}
	return all
}

// Busiest returns the thread that ran longest.
func (u Usage) Busiest() (b Thread) {
	for _, t := range u {
		if t.Run > b.Run {
			b = t
		}
	}
	return b
}
