package config

import (
	"bytes"
	"encoding/json"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/render"
)

// object is a JSON object that keeps its order, as routes need.
type object struct {
	keys   []string
	values []any
}

func (o *object) set(k string, v any) { o.keys, o.values = append(o.keys, k), append(o.values, v) }

func (o *object) get(k string) any {
	for i := range o.keys {
		if o.keys[i] == k {
			return o.values[i]
		}
	}
	return nil
}

func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, k := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(k)
		value, err := json.Marshal(o.values[i])
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// jsonOf writes an expression as a person would in the twin.
func jsonOf(e hclsyntax.Expression) []byte {
	quote := func(s string) []byte { b, _ := json.Marshal(s); return b }
	switch x := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		if x.Val.Type() != cty.String {
			return []byte(render.Value(x.Val))
		}
	case *hclsyntax.TemplateExpr:
		if v, ok := render.Literal(x); ok {
			return quote(escapeTemplate(v.AsString()))
		}
		s := ""
		for _, p := range x.Parts {
			if v, ok := render.Literal(p); ok {
				s += escapeTemplate(v.AsString())
			} else {
				s += "${" + render.Expr(p) + "}"
			}
		}
		return quote(s)
	case *hclsyntax.TupleConsExpr:
		o := []json.RawMessage{}
		for _, i := range x.Exprs {
			o = append(o, jsonOf(i))
		}
		b, _ := json.Marshal(o)
		return b
	case *hclsyntax.ObjectConsExpr:
		o := &object{}
		for _, i := range x.Items {
			k, _ := i.KeyExpr.Value(nil)
			o.set(k.AsString(), json.RawMessage(jsonOf(i.ValueExpr)))
		}
		b, _ := json.Marshal(o)
		return b
	}
	return quote("${" + render.Expr(e) + "}")
}

func escapeTemplate(s string) string {
	return string(bytes.ReplaceAll([]byte(s), []byte("${"), []byte("$${")))
}
