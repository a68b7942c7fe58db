package process

import (
	"os"
	"strings"

	"fishplate/internal/model"
	"fishplate/internal/netio"
)

// heir is what a process that takes another one's place waits with: it accepts
// nothing, and opens no disk, before the other has let go. In every other process
// it is empty, and holds nothing back. The Controller's turn guards it.
type heir struct {
	waits   bool
	sockets map[string]inherited // listening, by bind address
	passed  map[string]*os.File  // by the service manager, by name
	begin   []func()
}

type inherited struct {
	shards int
	files  []*os.File
}

// later runs f when the process may begin, which mostly is now.
func (h *heir) later(f func()) {
	if h.waits {
		h.begin = append(h.begin, f)
		return
	}
	f()
}

// withoutDisks is the configuration that a process runs whose disks another one
// still has.
func (h *heir) withoutDisks(cfg *model.Config) *model.Config {
	if !h.waits {
		return cfg
	}
	bare := *cfg
	bare.Caches = make([]*model.Cache, len(cfg.Caches))
	for i, c := range cfg.Caches {
		plain := *c
		plain.Disk = nil
		bare.Caches[i] = &plain
	}
	return &bare
}

// listener returns the listener that was inherited for an address; nil is none.
func (h *heir) listener(bind string, how netio.ListenOptions) (l *netio.Listener, shards int, err error) {
	if was, ok := h.sockets[bind]; ok {
		delete(h.sockets, bind)
		l, err = netio.Adopt(bind, was.files, how.Tallies)
		closeFiles(was.files)
		return l, was.shards, err
	}
	if name, ok := strings.CutPrefix(bind, "fd:"); ok && h.passed[name] != nil {
		l, err = netio.Adopt(bind, []*os.File{h.passed[name]}, how.Tallies)
	}
	return l, 0, err
}

// start begins what waited.
func (h *heir) start() {
	h.waits = false
	for _, f := range h.begin {
		f()
	}
	h.begin = nil
	for _, s := range h.sockets { // the configuration has lost them, which cannot be
		closeFiles(s.files)
	}
	h.sockets = nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
