package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"fishplate/internal/message"
)

// Calls are the functions of expressions that are evaluated while files are read.
// The text of a file is one value for all who name the file.
type Calls struct {
	Env  func(name string) (string, bool)
	Read func(name string) ([]byte, error) // bytes that nobody writes to

	texts map[string]cty.Value
}

// In returns env and file, the latter relative to the file that names it.
func (c *Calls) In(filename string) map[string]function.Function {
	text := func(name string) function.Parameter { return function.Parameter{Name: name, Type: cty.String} }
	env := function.New(&function.Spec{
		Params:   []function.Parameter{text("name")},
		VarParam: &function.Parameter{Name: "default", Type: cty.String},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			if v, ok := c.Env(name); ok {
				return cty.StringVal(strings.ToValidUTF8(v, "\uFFFD")), nil
			}
			if len(args) > 1 {
				return args[1], nil
			}
			return cty.NilVal, fmt.Errorf("environment variable %q is not set; env(%q, \"value\") gives a default", name, name)
		},
	})
	file := function.New(&function.Spec{
		Params: []function.Parameter{text("path")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return c.file(Resolve(filename, args[0].AsString()))
		},
	})
	return map[string]function.Function{"env": env, "file": file}
}

func (c *Calls) file(name string) (cty.Value, error) {
	b, err := c.Read(name) // also when it is known: it counts
	if err != nil {
		return cty.NilVal, fmt.Errorf("read %s: %s", name, Reason(err))
	}
	if v, ok := c.texts[name]; ok {
		return v, nil
	}
	if !utf8.Valid(b) {
		return cty.NilVal, fmt.Errorf("read %s: it is not UTF-8 text", name)
	}
	if c.texts == nil {
		c.texts = map[string]cty.Value{}
	}
	c.texts[name] = cty.StringVal(message.View(b))
	return c.texts[name], nil
}
