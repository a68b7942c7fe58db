//go:build unix

package handover

import (
	"fmt"
	"os"
	"slices"
	"time"

	"fishplate/internal/records"
)

// A Part is one kind of what a process has learned, which goes to the next one as
// a stream of records through a pipe of its own. That one takes it whole, or
// begins without it.
type Part struct {
	Kind    string
	Version uint16
	Longest int // bytes of a record
	Save    func(*records.Writer) error
	Load    func(*records.Reader) error
}

// A Giver writes parts.
type Giver struct {
	parts  []Part
	ends   []*os.File // to write to
	done   chan struct{}
	failed func(kind string, err error)
}

// Give makes the pipes. The files are their ends to read from, in the order of the
// parts; they are to be sent, and closed. failed hears of parts that could not be
// written.
func Give(parts []Part, failed func(kind string, err error)) (g *Giver, files []*os.File, err error) {
	g = &Giver{parts: parts, failed: failed}
	for range parts {
		r, w, err := os.Pipe()
		if err != nil {
			g.Close()
			for _, f := range files {
				_ = f.Close()
			}
			return nil, nil, err
		}
		g.ends, files = append(g.ends, w), append(files, r)
	}
	return g, files, nil
}

// Kinds names the parts.
func (g *Giver) Kinds() (names []string) {
	for _, p := range g.parts {
		names = append(names, p.Kind)
	}
	return names
}

// Start writes the parts, one after the other, behind the caller's back. It stops
// at the deadline, and when nobody reads any more.
func (g *Giver) Start(deadline time.Time) {
	g.done = make(chan struct{})
	go func() {
		defer close(g.done)
		for i, p := range g.parts {
			if err := give(p, g.ends[i], deadline); err != nil {
				g.failed(p.Kind, err)
			}
		}
	}()
}

func give(p Part, to *os.File, deadline time.Time) error {
	defer to.Close()
	if err := to.SetWriteDeadline(deadline); err != nil {
		return err
	}
	w := records.NewWriter(to, p.Kind, p.Version)
	if err := p.Save(w); err != nil {
		return err
	}
	return w.Close()
}

// Close ends the writing, and waits for that.
func (g *Giver) Close() {
	for _, f := range g.ends {
		_ = f.Close() // most are closed
	}
	if g.done != nil {
		<-g.done
	}
}

// Take reads the parts that were given, and closes the files. failed hears of
// those that are not what this process understands: it begins without them.
func Take(parts []Part, kinds []string, files []*os.File, deadline time.Time, failed func(kind string, err error)) {
	for i, f := range files {
		at := slices.IndexFunc(parts, func(p Part) bool { return i < len(kinds) && p.Kind == kinds[i] })
		if at >= 0 {
			if err := take(parts[at], f, deadline); err != nil {
				failed(kinds[i], err)
			}
		}
		_ = f.Close()
	}
}

func take(p Part, from *os.File, deadline time.Time) error {
	if err := from.SetReadDeadline(deadline); err != nil {
		return fmt.Errorf("read %s: %w", p.Kind, err)
	}
	r, err := records.NewReader(from, p.Kind, p.Version, p.Longest)
	if err == nil {
		err = p.Load(r)
	}
	return err
}
