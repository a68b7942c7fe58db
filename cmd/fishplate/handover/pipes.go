//go:build unix

package handover

import "os"

// Pipes are two pipes between the processes, one in each direction: the ends of
// this one, and those that are to be sent.
type Pipes struct {
	Out, In *os.File
	Theirs  []*os.File // to read what goes to Out, and to write what comes from In
}

// NewPipes makes them.
func NewPipes() (*Pipes, error) {
	down, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	in, up, err := os.Pipe()
	if err != nil {
		_, _ = down.Close(), out.Close()
		return nil, err
	}
	return &Pipes{out, in, []*os.File{down, up}}, nil
}

// Keep takes the ends of this process, which Close then leaves alone.
func (p *Pipes) Keep() (out, in *os.File) {
	out, in = p.Out, p.In
	p.Out, p.In = nil, nil
	return out, in
}

// Close closes the ends that were sent, and those that nobody kept.
func (p *Pipes) Close() {
	for _, f := range append(p.Theirs, p.Out, p.In) {
		_ = f.Close() // nil says so
	}
}
