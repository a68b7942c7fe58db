package checkup

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"fishplate/cmd/fishplate/reading"
	"fishplate/cmd/fishplate/wanted"
	"fishplate/internal/admin"
	"fishplate/internal/doctor"
)

// answers bounds the time in which a process that serves tells of itself.
const answers = 5 * time.Second

// whose are the flags that say whose configuration is looked at.
type whose struct{ config, socket string }

func whoseFlags(f *pflag.FlagSet) {
	f.String("config", "", "judge the machine for this configuration; without it for that of the process that serves, if there is one")
	f.String("socket", "", "admin socket of that process (default $FISHPLATE_SOCKET, /run/fishplate.sock, the XDG runtime directory)")
}

func (w *whose) read(f *pflag.FlagSet) (err error) {
	if w.config, err = f.GetString("config"); err != nil {
		return err
	}
	w.socket, err = f.GetString("socket")
	return err
}

// ours returns what our own configuration wants of the machine: the one that was
// named, or, when the machine is the one that we run on, that of the process that
// serves. Without either it is nil. What was named and cannot be had is an error.
func (w whose) ours(ctx context.Context, here bool) (*doctor.Ours, error) {
	if w.config != "" {
		path, err := filepath.Abs(w.config)
		if err != nil {
			return nil, err
		}
		var reader reading.Reader
		cfg, errs, _ := reader.FromDisk(ctx, path)
		if cfg == nil {
			if len(errs) == 0 {
				return nil, fmt.Errorf("read configuration %s: it is refused", w.config)
			}
			return nil, fmt.Errorf("read configuration %s: %s", w.config, errs[0].Summary)
		}
		return wanted.Of(cfg), nil
	}
	named := w.socket != ""
	if !here && !named {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	o, err := served(ctx, admin.NewClient(admin.FindSocket(w.socket)))
	if err != nil && !named {
		return nil, nil // nobody serves here, or not for us
	}
	return o, err
}

// served asks a process that serves what it wants, and how it does.
func served(ctx context.Context, c *admin.Client) (*doctor.Ours, error) {
	st, err := c.Status(ctx)
	var text []byte
	if err == nil {
		text, err = c.Export(ctx, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("ask the process that serves: %w", err)
	}
	var reader reading.Reader
	cfg, errs, _ := reader.Parse("running.hcl", text)
	if cfg == nil {
		return nil, fmt.Errorf("read the configuration that runs: %v", errs)
	}
	o := wanted.Of(cfg)
	o.Running = doctor.Process(st.PID)
	for _, c := range st.Checks {
		if c.ID == "tcp.listen-overflow" && (c.Status == string(doctor.Fail) || c.Status == string(doctor.Warn)) {
			o.Running.Overflow, o.Running.Mends = c.Text, c.Fix
		}
	}
	queues := map[string]*doctor.OurQueue{}
	for _, l := range st.Listeners {
		a := l.Accept
		if a == nil {
			continue
		}
		o.Shards = max(o.Shards, a.Shards/max(len(l.Bind), 1))
		if a.Queue == nil || a.Granted == nil || a.Most == nil {
			continue
		}
		q := &doctor.OurQueue{Shards: a.Shards, Len: *a.Queue, Most: *a.Most, Granted: *a.Granted, Dropped: -1, Accepted: l.Accepted, Shed: a.Shed, Refused: l.Refused}
		// A queue that was full may have dropped some since the process last looked.
		if a.Dropped != nil && (*a.Dropped > 0 || *a.Most < *a.Granted) {
			q.Dropped, q.Full = *a.Dropped, *a.Dropped > 0
		}
		queues[l.Name] = q
	}
	// The status has one queue for all addresses of a listener: it stands at the first.
	for i := range o.Listeners {
		l := &o.Listeners[i]
		l.Queue = queues[l.Name]
		delete(queues, l.Name)
	}
	return o, nil
}
