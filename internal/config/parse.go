package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/schema"
)

// body is the common form of a block's inside, native or JSON.
type body struct {
	attrs  []attribute // in order of appearance
	blocks []inner
	end    hcl.Range // where a missing attribute is reported
}

type attribute struct {
	name string
	at   hcl.Range // the name
	expr hclsyntax.Expression
}

type inner struct {
	name   string
	at     hcl.Range // the name
	labels []string
	label  hcl.Range // the first label, or the name
	body   *body
}

// parseNative reads native syntax. The body is what could be read despite errors.
func parseNative(src []byte, filename string) (*body, hcl.Diagnostics) {
	f, diags := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	if f == nil {
		return &body{}, diags
	}
	return fromNative(f.Body.(*hclsyntax.Body), f.Body.MissingItemRange()), diags
}

func fromNative(b *hclsyntax.Body, at hcl.Range) *body {
	out := &body{end: at}
	for _, a := range b.Attributes {
		out.attrs = append(out.attrs, attribute{a.Name, a.NameRange, a.Expr})
	}
	slices.SortFunc(out.attrs, func(x, y attribute) int { return x.at.Start.Byte - y.at.Start.Byte })
	for _, in := range b.Blocks {
		i := inner{name: in.Type, at: in.TypeRange, labels: in.Labels, label: in.TypeRange}
		if len(in.LabelRanges) > 0 {
			i.label = in.LabelRanges[0]
		}
		i.body = fromNative(in.Body, in.TypeRange)
		out.blocks = append(out.blocks, i)
	}
	return out
}

// parseJSON reads the JSON twin; the table says which properties are blocks.
func parseJSON(src []byte, filename string, t *schema.Table) (*body, hcl.Diagnostics) {
	f, diags := hcljson.Parse(src, filename)
	if f == nil || diags.HasErrors() {
		return &body{}, diags
	}
	return fromJSON(f.Body, t)
}

func fromJSON(b hcl.Body, t *schema.Table) (*body, hcl.Diagnostics) {
	out := &body{end: b.MissingItemRange()}
	props, diags := b.JustAttributes()
	for _, p := range props {
		if t != nil && t.Inner[p.Name] != nil {
			in, more := blocksOfJSON(b, t.Inner[p.Name], p)
			out.blocks = append(out.blocks, in...)
			diags = append(diags, more...)
			continue
		}
		expr, more := nativeExpr(p.Expr)
		diags = append(diags, more...)
		out.attrs = append(out.attrs, attribute{p.Name, p.NameRange, expr})
	}
	slices.SortFunc(out.attrs, func(x, y attribute) int { return x.at.Start.Byte - y.at.Start.Byte })
	slices.SortStableFunc(out.blocks, func(x, y inner) int { return x.label.Start.Byte - y.label.Start.Byte })
	return out, diags
}

func blocksOfJSON(b hcl.Body, t *schema.Table, p *hcl.Attribute) ([]inner, hcl.Diagnostics) {
	header := hcl.BlockHeaderSchema{Type: t.Name}
	if t.Label != "" {
		header.LabelNames = []string{t.Label}
	}
	content, _, diags := b.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{header}})
	if content == nil {
		return nil, diags
	}
	var out []inner
	for _, blk := range content.Blocks {
		i := inner{name: t.Name, at: p.NameRange, labels: blk.Labels, label: p.NameRange}
		if len(blk.LabelRanges) > 0 {
			i.label = blk.LabelRanges[0]
		}
		var more hcl.Diagnostics
		i.body, more = fromJSON(blk.Body, t)
		i.body.end = i.label
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
	e, diags := hclsyntax.ParseTemplate([]byte(s), at.Filename, start)
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
