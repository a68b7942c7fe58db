package control

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"

	"fishplate/internal/file"
	"fishplate/internal/model"
)

// reference is a file whose content matters and is not part of the text: the
// same text with another certificate is another configuration.
type reference struct{ kind, key, name, path string }

// references lists the files that cfg names.
func references(cfg *model.Config) (list []reference) {
	add := func(kind, key, name, path string) {
		if path != "" {
			list = append(list, reference{kind, key, name, path})
		}
	}
	for _, c := range cfg.Certificates {
		add("certificate", c.Name, "cert", c.Cert)
		add("certificate", c.Name, "key", c.Key)
	}
	for _, l := range cfg.Listeners {
		if l.TLS != nil {
			add("listener", l.Name, "tls.client_ca", l.TLS.ClientCA)
		}
	}
	for _, b := range cfg.Backends {
		if b.TLS != nil {
			add("backend", b.Name, "tls.ca", b.TLS.CA)
			add("backend", b.Name, "tls.cert", b.TLS.Cert)
			add("backend", b.Name, "tls.key", b.TLS.Key)
		}
	}
	for _, t := range cfg.Tenants {
		add("tenant", t.Name, "program", t.Program)
	}
	return list
}

// unreadable stands for the digest of a file that cannot be read.
const unreadable = "unreadable"

func (r reference) id() string { return r.kind + "\x00" + r.key + "\x00" + r.name }

// digests reads every referenced file, once however many refer to it. One that
// cannot be read is "unreadable" here; the Builder says why it is refused, if it
// is.
func digests(cfg *model.Config, digest func(string) (string, error)) map[string]string {
	found, read := make(map[string]string), make(map[string]string)
	for _, r := range references(cfg) {
		d, ok := read[r.path]
		if !ok {
			var err error
			if d, err = digest(r.path); err != nil {
				d = unreadable
			}
			read[r.path] = d
		}
		found[r.id()] = d
	}
	return found
}

// recount looks again at programs that are folders of sources, after the Builder
// compiled them: a compiler may have written there, such as a Cargo.lock, which is
// no change for the next plan.
func (c *Controller) recount(s *state) {
	for _, r := range references(s.config) {
		if info, err := os.Stat(r.path); r.kind != "tenant" || err != nil || !info.IsDir() {
			continue
		}
		if d, err := c.o.Digest(r.path); err == nil {
			s.files[r.id()] = d
		}
	}
}

// contents adds to the changes of the text those that no text shows: a
// referenced file keeps its name and has another content.
func contents(changes []Change, old, next *state) []Change {
	before := make(map[string]string)
	for _, r := range references(old.config) {
		before[r.id()] = r.path
	}
	for _, r := range references(next.config) {
		was, is := old.files[r.id()], next.files[r.id()]
		if before[r.id()] != r.path || was == is {
			continue
		}
		at := slices.IndexFunc(changes, func(c Change) bool { return c.Kind == r.kind && c.Key == r.key })
		if at < 0 {
			at = len(changes)
			changes = append(changes, Change{Kind: r.kind, Key: r.key, Action: "change"})
		}
		changes[at].Fields = append(changes[at].Fields, Field{r.name + " content", was, is})
	}
	return changes
}

// digestFile returns the first 16 hexadecimal digits of the SHA-256 of a file:
// enough to tell versions apart, short enough to read.
func digestFile(path string) (string, error) {
	text, err := file.Read(path, file.Most)
	if err != nil {
		return "", fmt.Errorf("read file: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}
