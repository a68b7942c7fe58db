package revise

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/render"
	"fishplate/internal/config/schema"
	"fishplate/internal/config/syntax"
	"fishplate/internal/model"
)

// Edit is one change.
type Edit struct {
	Op     string  `json:"op"`   // "set", "add" or "remove"
	Kind   string  `json:"kind"` // of a block: "server", "route", "vhost", …
	Key    string  `json:"key"`  // its name; BACKEND/SERVER and VHOST/ROUTE
	Values []Value `json:"values,omitempty"`
	Before string  `json:"before,omitempty"` // the sibling that an added block stands before; "" is the end

	parent, outer, name string // of Key: the kind and the name of the block around it, and the rest
}

// Value is an attribute: "weight", or "timeouts.connect" in an inner block.
type Value struct {
	Name string `json:"name"`
	Text string `json:"text"` // as in the configuration, quotes may be left out; "" takes it away
}

// Error is an edit that cannot be made.
type Error struct{ Summary, Suggestion string }

func (e *Error) Error() string { return e.Summary }

func refuse(suggestion, format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...), suggestion}
}

// within are the blocks that stand in others.
var within = map[string]string{"server": "backend", "route": "vhost"}

// Apply returns the text with the edit made. The text is one whole configuration
// as config writes it: the line on which a block of the top level begins names it,
// and no line but its last begins with a closing brace.
func Apply(text []byte, e Edit) ([]byte, error) {
	e.Key = cty.NormalizeString(e.Key)
	d := &document{table: schema.Compile(schema.Top())}
	kinds := append(d.table.BlockNames(), "server", "route")
	if !slices.Contains(kinds, e.Kind) {
		return nil, refuse(schema.DidYouMean(e.Kind, kinds), "there is no kind %q", e.Kind)
	}
	if e.parent = within[e.Kind]; e.parent != "" {
		d.table = d.table.Inner[e.parent]
	}
	d.table = d.table.Inner[e.Kind]
	e.name = e.Key
	if e.parent != "" {
		var ok bool
		if e.outer, e.name, ok = strings.Cut(e.Key, "/"); !ok {
			return nil, refuse("", "%q names no %s: write %s/%s", e.Key, e.Kind, strings.ToUpper(e.parent), strings.ToUpper(e.Kind))
		}
	}
	before, after := d.cut(text, e)
	var err error
	switch e.Op {
	case "add":
		if err = d.add(e); err == nil {
			err = d.set(e)
		}
	case "remove":
		err = d.remove(e)
	case "set":
		err = d.set(e)
	default:
		err = refuse(`write "set", "add" or "remove"`, "there is no change %q", e.Op)
	}
	if err != nil {
		return nil, err
	}
	return slices.Concat(before, d.text, after), nil
}

// cut makes the block of the top level that an edit is about the document, and
// returns what stands around it: a change of one block among thousands reads that
// one. A block that is new has an empty document, or that of its sibling.
func (d *document) cut(text []byte, e Edit) (before, after []byte) {
	kind, sibling := cmp.Or(e.parent, e.Kind), ""
	if e.parent == "" {
		sibling = e.Before
	}
	pieces := slices.Collect(syntax.Pieces(text))
	for _, name := range []string{cmp.Or(e.outer, e.name), sibling} {
		opening := []byte(kind + " {\n")
		if name != "" {
			opening = []byte(kind + " " + render.Value(cty.StringVal(name)) + " {\n")
		}
		at := slices.IndexFunc(pieces, func(p syntax.Piece) bool { return bytes.HasPrefix(p.Text, opening) })
		if at >= 0 {
			p := pieces[at]
			d.text = p.Text
			return text[:p.Byte], text[p.Byte+len(p.Text):]
		}
	}
	if e.Op == "add" && e.parent == "" && sibling == "" {
		return text, nil
	}
	d.text = text // to say what there is instead
	return nil, nil
}

// document is a text, and the table of the kind that is edited.
type document struct {
	text  []byte
	table *schema.Table
}

// parse returns the body of the text.
func (d *document) parse() (*hclsyntax.Body, error) {
	f, diags := model.ParseConfig(d.text, "running")
	if diags.HasErrors() {
		return nil, refuse("", "the running configuration cannot be read: %s", diags.Error())
	}
	return f.Body.(*hclsyntax.Body), nil
}

// around returns the body that the edited block stands in, and its depth.
func (d *document) around(e Edit) (*hclsyntax.Body, int, error) {
	root, err := d.parse()
	if err != nil || e.parent == "" {
		return root, 0, err
	}
	b, err := find(root, e.parent, e.outer)
	if err != nil {
		return nil, 0, err
	}
	return b.Body, 1, nil
}

func find(body *hclsyntax.Body, kind, name string) (*hclsyntax.Block, error) {
	var names []string
	for _, b := range body.Blocks {
		if b.Type != kind {
			continue
		}
		if len(b.Labels) == 0 || b.Labels[0] == name {
			return b, nil
		}
		names = append(names, b.Labels...)
	}
	return nil, refuse(schema.DidYouMean(name, names), "there is no %s %q", kind, name)
}

// span is a piece of the text.
type span struct{ from, to int }

// lines widens a piece to whole lines.
func (d *document) lines(from, to int) span {
	from = bytes.LastIndexByte(d.text[:from], '\n') + 1
	if n := bytes.IndexByte(d.text[to:], '\n'); n >= 0 {
		return span{from, to + n + 1}
	}
	return span{from, len(d.text)}
}

func (d *document) splice(s span, with string) {
	out := make([]byte, 0, len(d.text)+len(with))
	out = append(out, d.text[:s.from]...)
	out = append(out, with...)
	d.text = append(out, d.text[s.to:]...)
}

func (d *document) add(e Edit) error {
	body, depth, err := d.around(e)
	if err != nil {
		return err
	}
	if e.name == "" {
		return refuse("", "a %s needs a name", e.Kind)
	}
	if _, err := find(body, e.Kind, e.name); err == nil {
		return refuse("names are unique; set changes it", "there is a %s %q already", e.Kind, e.Key)
	}
	indent := strings.Repeat("  ", depth)
	block := indent + e.Kind
	if d.table.Label != "" {
		block += " " + render.Value(cty.StringVal(e.name))
	}
	at := len(d.text)
	if depth > 0 {
		at = d.lines(body.EndRange.Start.Byte, body.EndRange.Start.Byte).from
	}
	if e.Before != "" {
		b, err := find(body, e.Kind, e.Before)
		if err != nil {
			return err
		}
		at = d.lines(b.Range().Start.Byte, b.Range().Start.Byte).from
	}
	d.splice(span{at, at}, block+" {\n"+indent+"}\n")
	return nil
}

func (d *document) remove(e Edit) error {
	body, _, err := d.around(e)
	if err != nil {
		return err
	}
	b, err := find(body, e.Kind, e.name)
	if err != nil {
		return err
	}
	d.splice(d.lines(b.Range().Start.Byte, b.CloseBraceRange.End.Byte), "")
	return nil
}

// set makes the values one by one.
func (d *document) set(e Edit) error {
	if len(e.Values) == 0 && e.Op == "set" {
		return refuse("write NAME=VALUE", "nothing is set")
	}
	for _, v := range e.Values {
		body, depth, err := d.around(e)
		if err != nil {
			return err
		}
		b, err := find(body, e.Kind, e.name)
		if err != nil {
			return err
		}
		if err := d.value(b, d.table, depth+1, strings.Split(v.Name, "."), v); err != nil {
			return err
		}
	}
	return nil
}

// value writes one attribute, whose name is a path of inner blocks.
func (d *document) value(b *hclsyntax.Block, t *schema.Table, depth int, path []string, v Value) error {
	indent := strings.Repeat("  ", depth)
	opens := d.lines(b.OpenBraceRange.Start.Byte, b.OpenBraceRange.Start.Byte).to
	if len(path) > 1 {
		inner := t.Inner[path[0]]
		if inner == nil {
			return refuse(schema.DidYouMean(path[0], t.BlockNames()), "a %s has no block %q", t.Name, path[0])
		}
		for _, in := range b.Body.Blocks {
			if in.Type == path[0] {
				return d.value(in, inner, depth+1, path[1:], v)
			}
		}
		if v.Text == "" {
			return nil
		}
		if inner.Label != "" {
			return refuse("write it in the file", "a %s cannot get a block %q this way: it needs a %s", t.Name, path[0], inner.Label)
		}
		d.splice(span{opens, opens}, indent+path[0]+" {\n"+indent+"}\n")
		root, err := d.parse()
		if err != nil {
			return err
		}
		return d.value(blockAt(root, b.Range().Start.Byte), t, depth, path, v)
	}
	row := t.Rows[path[0]]
	if row == nil && t.Inner[path[0]] != nil {
		return refuse(fmt.Sprintf("write %s.NAME=VALUE", path[0]), "%q of a %s is a block", path[0], t.Name)
	}
	if row == nil {
		return refuse(schema.DidYouMean(path[0], append(t.AttrNames(), t.BlockNames()...)), "a %s has no attribute %q", t.Name, path[0])
	}
	old := b.Body.Attributes[path[0]]
	if v.Text == "" {
		if old != nil {
			d.splice(d.lines(old.SrcRange.Start.Byte, old.SrcRange.End.Byte), "")
		}
		return nil
	}
	text, err := written(row, v.Text)
	if err != nil {
		return err
	}
	if old != nil {
		d.splice(span{old.Expr.Range().Start.Byte, old.Expr.Range().End.Byte}, text)
		return nil
	}
	d.splice(span{opens, opens}, indent+path[0]+" = "+text+"\n")
	return nil
}

// blockAt finds the block that begins at an offset.
func blockAt(body *hclsyntax.Body, offset int) *hclsyntax.Block {
	for _, b := range body.Blocks {
		switch r := b.Range(); {
		case r.Start.Byte == offset:
			return b
		case r.Start.Byte < offset && offset < b.CloseBraceRange.End.Byte:
			return blockAt(b.Body, offset)
		}
	}
	return nil
}

// written is a value as it stands in a file. Quotes that a person leaves out on
// a command line are put around what needs them.
func written(row *schema.Row, text string) (string, error) {
	out := text
	bare := !strings.HasPrefix(text, `"`) && !strings.HasPrefix(text, "[")
	switch row.Kind {
	case schema.String, schema.File, schema.DurationT, schema.SizeT, schema.RateT, schema.PercentT:
		if bare {
			out = render.Value(cty.StringVal(text))
		}
	case schema.Pipeline:
		if bare && hclsyntax.ValidIdentifier(text) {
			out = render.Value(cty.StringVal(text))
		}
	case schema.Strings, schema.Networks:
		if bare {
			words := strings.Split(text, ",")
			for i, w := range words {
				words[i] = render.Value(cty.StringVal(strings.TrimSpace(w)))
			}
			out = "[" + strings.Join(words, ", ") + "]"
		}
	}
	e, diags := model.ParseExpression(out, "value")
	plain := row.Kind == schema.Int || row.Kind == schema.Bool
	if diags.HasErrors() || strings.ContainsAny(out, "\n\r") || plain && len(e.Variables()) > 0 {
		return "", refuse("", "%q is no value of %q, which is a %s", text, row.Name, row.Kind)
	}
	return out, nil
}
