package syntax

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

// Body is the common form of a block's inside, native or JSON.
type Body struct {
	Attrs  []Attribute // in order of appearance
	Blocks []Block
	End    hcl.Range // where a missing attribute is reported
}

// Attribute is one attribute as written.
type Attribute struct {
	Name string
	At   hcl.Range // the name
	Expr hclsyntax.Expression
}

// Block is one block as written.
type Block struct {
	Name   string
	At     hcl.Range // the name
	Labels []string
	Label  hcl.Range // the first label, or the name
	Body   *Body
}

// Native reads native syntax. The body is what could be read despite errors.
func Native(src []byte, filename string) (*Body, hcl.Diagnostics) {
	f, diags := model.ParseConfig(src, filename)
	if f == nil {
		return &Body{}, diags
	}
	return fromNative(f.Body.(*hclsyntax.Body), f.Body.MissingItemRange()), diags
}

// normal gives labels the form that the library gives other text (NFC): a name is
// written in one way, wherever it stands.
func normal(labels []string) []string {
	list := make([]string, len(labels))
	for i, label := range labels {
		list[i] = cty.NormalizeString(label)
	}
	return list
}

func fromNative(b *hclsyntax.Body, at hcl.Range) *Body {
	out := &Body{End: at}
	for _, a := range b.Attributes {
		out.Attrs = append(out.Attrs, Attribute{a.Name, a.NameRange, a.Expr})
	}
	slices.SortFunc(out.Attrs, func(x, y Attribute) int { return x.At.Start.Byte - y.At.Start.Byte })
	for _, in := range b.Blocks {
		i := Block{Name: in.Type, At: in.TypeRange, Labels: normal(in.Labels), Label: in.TypeRange}
		if len(in.LabelRanges) > 0 {
			i.Label = in.LabelRanges[0]
		}
		i.Body = fromNative(in.Body, in.TypeRange)
		out.Blocks = append(out.Blocks, i)
	}
	return out
}

// JSON reads the JSON twin; the table says which properties are blocks.
func JSON(src []byte, filename string, t *schema.Table) (*Body, hcl.Diagnostics) {
	if diags := tooMuch(src, filename); diags.HasErrors() {
		return &Body{}, diags
	}
	f, diags := hcljson.Parse(src, filename)
	if f == nil || diags.HasErrors() {
		return &Body{}, diags
	}
	return fromJSON(f.Body, t)
}

func fromJSON(b hcl.Body, t *schema.Table) (*Body, hcl.Diagnostics) {
	out := &Body{End: b.MissingItemRange()}
	props, diags := b.JustAttributes()
	for _, p := range props {
		if t != nil && t.Inner[p.Name] != nil {
			in, more := blocksOfJSON(b, t.Inner[p.Name], p)
			out.Blocks = append(out.Blocks, in...)
			diags = append(diags, more...)
			continue
		}
		expr, more := nativeExpr(p.Expr)
		diags = append(diags, more...)
		out.Attrs = append(out.Attrs, Attribute{p.Name, p.NameRange, expr})
	}
	slices.SortFunc(out.Attrs, func(x, y Attribute) int { return x.At.Start.Byte - y.At.Start.Byte })
	slices.SortStableFunc(out.Blocks, func(x, y Block) int { return x.Label.Start.Byte - y.Label.Start.Byte })
	return out, diags
}

func blocksOfJSON(b hcl.Body, t *schema.Table, p *hcl.Attribute) ([]Block, hcl.Diagnostics) {
	header := hcl.BlockHeaderSchema{Type: t.Name}
	if t.Label != "" {
		header.LabelNames = []string{t.Label}
	}
	content, _, diags := b.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{header}})
	if content == nil {
		return nil, diags
	}
	var out []Block
	for _, blk := range content.Blocks {
		i := Block{Name: t.Name, At: p.NameRange, Labels: normal(blk.Labels), Label: p.NameRange}
		if len(blk.LabelRanges) > 0 {
			i.Label = blk.LabelRanges[0]
		}
		var more hcl.Diagnostics
		i.Body, more = fromJSON(blk.Body, t)
		i.Body.End = i.Label
		diags = append(diags, more...)
		out = append(out, i)
	}
	return out, diags
}

// nativeExpr makes a JSON value the native expression that it stands for, so
// that everything after the parser knows one syntax: strings are templates.
func nativeExpr(e hcl.Expression) (hclsyntax.Expression, hcl.Diagnostics) {
	at := e.Range()
	if v, diags := e.Value(nil); !diags.HasErrors() && v.Type().IsPrimitiveType() && !v.IsNull() {
		if v.Type() == cty.String {
			return jsonString(v.AsString(), at)
		}
		if isEndless(v) {
			return &hclsyntax.LiteralValueExpr{Val: cty.Zero, SrcRange: at}, hcl.Diagnostics{endless(at)}
		}
		return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}, nil
	} else if !diags.HasErrors() && v.IsNull() {
		return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}, nil
	}
	var diags hcl.Diagnostics
	if pairs, bad := hcl.ExprMap(e); !bad.HasErrors() {
		obj := &hclsyntax.ObjectConsExpr{SrcRange: at, OpenRange: at}
		for _, p := range pairs {
			key, moreKey := nativeExpr(p.Key)
			value, moreValue := nativeExpr(p.Value)
			diags = append(append(diags, moreKey...), moreValue...)
			obj.Items = append(obj.Items, hclsyntax.ObjectConsItem{KeyExpr: &hclsyntax.ObjectConsKeyExpr{Wrapped: key}, ValueExpr: value})
		}
		return obj, diags
	}
	tuple := &hclsyntax.TupleConsExpr{SrcRange: at, OpenRange: at}
	elements, bad := hcl.ExprList(e)
	if bad.HasErrors() {
		return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: at}, bad
	}
	for _, el := range elements {
		x, more := nativeExpr(el)
		diags = append(diags, more...)
		tuple.Exprs = append(tuple.Exprs, x)
	}
	return tuple, diags
}

// jsonString parses a string as a template; positions after an escape are
// approximate, as the parser sees the text without it.
func jsonString(s string, at hcl.Range) (hclsyntax.Expression, hcl.Diagnostics) {
	literal := func(s string) *hclsyntax.TemplateExpr {
		return &hclsyntax.TemplateExpr{SrcRange: at, Parts: []hclsyntax.Expression{&hclsyntax.LiteralValueExpr{Val: cty.StringVal(s), SrcRange: at}}}
	}
	if !strings.Contains(s, "${") && !strings.Contains(s, "%{") {
		return literal(s), nil
	}
	start := at.Start
	start.Column, start.Byte = start.Column+1, start.Byte+1
	e, diags := model.ParseTemplate([]byte(s), at.Filename, start)
	for _, d := range diags {
		d.Subject = clamp(d.Subject, at)
	}
	if diags.HasErrors() || e == nil {
		return literal(s), diags
	}
	return e, nil
}

// clamp keeps a range that the template parser invented inside of the string.
func clamp(r *hcl.Range, within hcl.Range) *hcl.Range {
	if r == nil || r.Start.Byte < within.Start.Byte || r.End.Byte > within.End.Byte {
		return within.Ptr()
	}
	return r
}

// OnePerKind keeps the first of each kind of syntax error: an open quote makes
// the parser stumble over every line that follows.
func OnePerKind(diags hcl.Diagnostics) hcl.Diagnostics {
	seen := map[string]bool{}
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		known := seen[d.Summary] || d.Summary == "Unterminated template string" && seen["Invalid multi-line string"]
		seen[d.Summary] = true
		return known
	})
}
