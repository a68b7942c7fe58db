package doctor

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/report"
)

//go:embed host.sh
var hostScript string

// HostScript writes a POSIX script for the host of this virtual machine. What it
// prints there is for Merge.
func HostScript(w io.Writer) error {
	_, err := io.WriteString(w, hostScript)
	return err
}

// hostSchema names the shape of what the script prints.
const hostSchema = "fishplate.doctor-host/1"

// maxHost bounds what is read of a host's answer, in bytes.
const maxHost = 16 << 20

// fromHost is what the script prints.
type fromHost struct {
	Schema string            `json:"schema"`
	Files  map[string]string `json:"files"`
	MSR    map[string]string `json:"msr"`
}

// Merge fills in what the host saw: the output of the script, which is judged by
// the same rules as if the doctor ran there, or a report as JSON that it made
// there. Only findings that are unknown here are replaced, and of those the ones
// about the host: of our kernel and namespaces it cannot know, though it has such
// settings of its own.
func Merge(ctx context.Context, r *Report, in io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(in, maxHost+1))
	if err != nil {
		return fmt.Errorf("read the host's answer: %w", err)
	}
	if len(data) > maxHost {
		return fmt.Errorf("read the host's answer: it is larger than %d MiB", maxHost>>20)
	}
	var h fromHost
	if err := json.Unmarshal(data, &h); err != nil {
		return fmt.Errorf("read the host's answer: %w", err)
	}
	var seen report.Earlier
	switch h.Schema {
	case report.Schema:
		seen, err = report.Read(bytes.NewReader(data))
	case hostSchema:
		seen, err = h.judged(ctx, r)
	default:
		err = fmt.Errorf("read the host's answer: its schema is neither %s nor %s", hostSchema, report.Schema)
	}
	if err != nil {
		return err
	}
	for i := range r.Results {
		x := &r.Results[i]
		f, ok := seen[x.Check.ID]
		if !ok || !hosts(*x) || f.Status == fact.Unknown || f.Status == fact.Skip {
			continue
		}
		f.Found = "on the host: " + f.Found
		evidence := make([]fact.Evidence, len(f.Evidence))
		for k, e := range f.Evidence {
			e.Source = "host:" + e.Source
			evidence[k] = e
		}
		f.Evidence, f.Fix = evidence, nil // how to mend it says the row: names in commands would be the file's
		x.Finding = f
	}
	return nil
}

// hosts reports whether the host is to say what a row cannot.
func hosts(x report.Result) bool {
	return x.Check.Scope == fact.Host && x.Finding.Status == fact.Unknown
}

// judged asks the rows that are unknown in r, and the host's, about the host. Its files are put
// into a folder for that time, which Root keeps them in.
func (h fromHost) judged(ctx context.Context, r *Report) (seen report.Earlier, err error) {
	var ids []string
	for _, x := range r.Results {
		if hosts(x) {
			ids = append(ids, x.Check.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "fishplate-host-")
	if err != nil {
		return nil, fmt.Errorf("keep the host's answer: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := h.lay(dir); err != nil {
		return nil, err
	}
	s, err := At(dir)
	if err != nil {
		return nil, err
	}
	there, err := Run(ctx, Options{System: s, Only: ids})
	if err != nil {
		return nil, err
	}
	seen = report.Earlier{}
	for _, x := range there.Results {
		seen[x.Check.ID] = x.Finding
	}
	return seen, nil
}

// lay writes the host's files below a folder.
func (h fromHost) lay(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("keep the host's answer: %w", err)
	}
	defer root.Close() // everything was written by then, or an error says so
	probe, err := json.Marshal(map[string]any{"msr": h.registers()})
	if err != nil {
		return fmt.Errorf("keep the host's answer: %w", err)
	}
	if err := root.WriteFile("probe.json", probe, 0o600); err != nil {
		return fmt.Errorf("keep the host's answer: %w", err)
	}
	for name, text := range h.Files {
		name = strings.TrimPrefix(name, "/")
		if !fs.ValidPath(name) || name == "probe.json" {
			return fmt.Errorf("read the host's answer: %q is no path", name)
		}
		if err := errors.Join(root.MkdirAll(path.Dir(name), 0o700), root.WriteFile(name, []byte(text), 0o600)); err != nil {
			return fmt.Errorf("keep the host's answer: %w", err)
		}
	}
	return nil
}

// registers are the model-specific ones as a recording has them.
func (h fromHost) registers() map[string]string {
	m := map[string]string{}
	for name, value := range h.MSR {
		if !strings.HasPrefix(value, "0x") {
			value = "0x" + value
		}
		m[name] = value
	}
	return m
}
