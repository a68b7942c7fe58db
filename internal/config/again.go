package config

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/render"
	"fishplate/internal/config/syntax"
	"fishplate/internal/config/whole"
	"fishplate/internal/model"
)

// Memory keeps what a load made of the pieces of its files, for the next one: of
// what did not change, the next configuration has the same nouns, by pointer.
// What depends on more than its own text and the locals (the environment, other
// files) is made anew each time. Loads with one Memory take turns.
type Memory struct {
	mu     sync.Mutex
	pieces map[pieceKey]*piece // of the last load that found no error
	older  map[pieceKey]*piece // of the one before: a plan of another file is between two loads of one
	leaves whole.Leaves        // of the last look at one
}

// pieceKey is the folder that a piece's paths are relative to, and its text.
type pieceKey struct{ folder, text string }

// piece is what was read of one piece of a file.
type piece struct {
	key   pieceKey
	name  string // what its ranges carry instead of the name of a file
	body  *syntax.Body
	world string  // of what its blocks were decoded in
	nodes []*node // of its blocks; nil: to be decoded
}

// kept is what a block of a piece became, as far as it can be used again.
type kept struct {
	backend  *model.Backend
	vhost    *model.VHost
	policies []*whole.Policy
	patterns model.Patterns // in it
	clean    bool           // none of its routes is covered by one before
	text     []byte
	slim     bool // nothing is left that only the text was made of
}

// origin is the piece that a block of a file comes from, and which of its blocks
// it is.
type origin struct {
	from *piece
	at   int
}

// slim drops the syntax of blocks that were decoded.
func (p *piece) slim() {
	for i, n := range p.nodes {
		if n == nil {
			continue
		}
		p.body.Blocks[i].Body = nil
		if k := n.kept; k != nil && k.text != nil && !k.slim {
			k.slim = true
			n.slim()
		}
	}
}

// slim drops the expressions of values that were converted.
func (n *node) slim() {
	for name, v := range n.attrs {
		if _, same := v.v.(hclsyntax.Expression); !same {
			v.expr = nil
			n.attrs[name] = v
		}
	}
	for _, kids := range n.kids {
		for _, k := range kids {
			k.slim()
		}
	}
}

// load is LoadSources with a memory. It returns no configuration when anything is
// wrong: then everything is read anew, so that complaints are the same as ever.
func (m *Memory) load(o Options) (*model.Config, Diagnostics, Sources) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := newLoader(o)
	l.whole, l.memory, l.used, l.cfg.Places = false, m, make(map[pieceKey]*piece, len(m.pieces)), make(model.Places, len(m.pieces))
	cfg, diags, sources := l.all()
	if cfg != nil {
		m.pieces, m.older = l.used, m.pieces
		for _, p := range m.pieces {
			p.slim()
		}
	}
	return cfg, diags, sources
}

// maxBroken is of how many pieces of a file it is said what is wrong.
const maxBroken = 100

// pieces reads a file piece by piece; nil when it must be read as one, to say what
// is wrong. One that is too large for that is said to be wrong piece by piece.
func (l *loader) pieces(name string, src []byte) *file {
	text, folder, broken := string(src), path.Dir(name), 0
	f := &file{name: name, body: &syntax.Body{End: start(name)}, origins: []origin{}}
	for p := range syntax.Pieces(src) {
		key := pieceKey{folder, text[p.Byte : p.Byte+len(p.Text)]}
		had := l.used[key]
		if had == nil {
			had = l.memory.pieces[key]
		}
		if had == nil {
			had = l.memory.older[key]
		}
		if had == nil {
			key.text = strings.Clone(key.text) // not the whole file with it
			sum := sha256.Sum256(p.Text)
			had = &piece{key: key, name: path.Join(folder, "\x00"+hex.EncodeToString(sum[:12]))}
			l.cfg.Places[had.name] = model.Place{File: name, Line: p.Line, Byte: p.Byte}
			body, diags := syntax.Native(p.Text, had.name)
			if len(diags) > 0 && !l.whole {
				return nil
			}
			l.take(syntax.OnePerKind(diags), start(had.name))
			if had.body = body; diags.HasErrors() {
				f.broken, broken = true, broken+1
			}
		}
		l.used[had.key] = had
		l.cfg.Places[had.name] = model.Place{File: name, Line: p.Line, Byte: p.Byte}
		l.broken = l.broken || f.broken
		f.body.Attrs = append(f.body.Attrs, had.body.Attrs...)
		f.body.Blocks = append(f.body.Blocks, had.body.Blocks...)
		for i := range had.body.Blocks {
			f.origins = append(f.origins, origin{had, i})
		}
		if broken == maxBroken {
			break
		}
	}
	return f
}

// settle names the world that blocks are decoded in: the values of all locals.
func (l *loader) settle() {
	h := sha256.New()
	for _, n := range l.scope.names {
		render.Mark(h, cty.StringVal(n))
		render.Mark(h, l.scope.locals[n].value)
	}
	l.world = string(h.Sum(nil))
	l.outside = 0
}

// decodeFile decodes a file, but for what was decoded before.
func (l *loader) decodeFile(f *file) *node {
	if f.origins == nil {
		return l.decode(f.body, l.top, "", start(f.name))
	}
	root := &node{table: l.top, at: start(f.name), attrs: map[string]value{}}
	for _, a := range f.body.Attrs {
		l.decodeAttr(root, a)
	}
	for i, in := range f.body.Blocks {
		if l.files.Left() != nil {
			break
		}
		p, at := f.origins[i].from, f.origins[i].at
		if p.world != l.world || p.nodes == nil {
			p.world, p.nodes = l.world, make([]*node, len(p.body.Blocks))
		}
		if k := p.nodes[at]; k != nil {
			root.add(k)
			continue
		}
		if in.Body == nil { // it was decoded in another world
			if p.body.Blocks[at].Body == nil { // once for all blocks of the piece
				p.body, _ = syntax.Native([]byte(p.key.text), p.name) // without an error, as before
			}
			in = p.body.Blocks[at]
		}
		before := l.mark()
		alone := &node{table: l.top, seen: map[[2]string]*node{}}
		l.decodeBlock(alone, in)
		for _, kids := range alone.kids {
			for _, k := range kids {
				root.add(k)
				if l.since(before) {
					k.kept, p.nodes[at] = &kept{}, k
				}
			}
		}
	}
	return root
}

// mark and since tell whether what lies between them depended on nothing but its
// text and the world, made little, and found nothing to complain about. When a file is broken
// nothing is known of that: complaints are held back then.
func (l *loader) mark() [3]int {
	return [3]int{len(l.diags), l.outside + l.lists.Uses, l.scope.meter.Made}
}
func (l *loader) since(before [3]int) bool { return before == l.mark() && !l.broken }

// vhostOf is the vhost of a block: the one that an earlier load made of it, when
// it would come out the same.
func (l *loader) vhostOf(n *node) *model.VHost {
	k := n.kept
	if k != nil && k.vhost != nil && l.tenantOf(n.str("tenant"), k.vhost.Hosts) == k.vhost.Tenant {
		l.policies = append(l.policies, k.policies...)
		l.patterns += k.patterns
		l.taken[k.vhost] = n
		return k.vhost
	}
	return l.newVHost(n)
}

func (l *loader) newVHost(n *node) *model.VHost {
	before, first, patterns := l.mark(), len(l.policies), l.patterns
	v := l.vhost(n)
	if k := n.kept; k != nil {
		k.vhost, k.clean = nil, false
		if l.since(before) {
			k.vhost, k.policies, k.patterns = v, slices.Clone(l.policies[first:]), l.patterns-patterns
		}
	}
	return v
}

// backendOf is the backend of a block.
func (l *loader) backendOf(n *node) *model.Backend {
	k := n.kept
	if k != nil && k.backend != nil {
		l.patterns += k.patterns
		return k.backend
	}
	before, patterns := l.mark(), l.patterns
	b := l.backend(n)
	if k != nil && l.since(before) {
		k.backend, k.patterns = b, l.patterns-patterns
	}
	return b
}

// watched counts what is read, which a block then depends on.
type watched struct {
	files fs.FS
	l     *loader
}

// Open implements fs.FS.
func (w watched) Open(name string) (fs.File, error) { w.l.outside++; return w.files.Open(name) }

// Stat implements fs.StatFS.
func (w watched) Stat(name string) (fs.FileInfo, error) { w.l.outside++; return fs.Stat(w.files, name) }

// ReadFile implements fs.ReadFileFS.
func (w watched) ReadFile(name string) ([]byte, error) {
	w.l.outside++
	return fs.ReadFile(w.files, name)
}

// ReadDir implements fs.ReadDirFS.
func (w watched) ReadDir(name string) ([]fs.DirEntry, error) {
	w.l.outside++
	return fs.ReadDir(w.files, name)
}
