package predicate

import (
	"io"
	"io/fs"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"

	"github.com/hashicorp/hcl/v2"
)

type Env struct {
	Req      *message.Request
	Resp     *message.Response
	Server   string
	Tenant   string
	BodySize int64
	PathTail []byte
	Now      time.Time
	Scratch  []byte
	VHost    string
	Route    string
	Backend  string
	Duration time.Duration
}

type Options struct {
	FS       fs.FS
	Dir      string
	Locals   *hcl.EvalContext
	Response bool
	Log      bool
}

type Part struct {
	Text  string
	Range hcl.Range
	Value string
	Depth int
}

type Predicate struct{}

func CompileBool(x model.Expr, o Options) (*Predicate, hcl.Diagnostics) { return &Predicate{}, nil }
func (p *Predicate) Eval(e *Env) bool                                   { return false }
func (p *Predicate) Explain(e *Env) []Part                              { return nil }

type Value struct{}

func CompileString(x model.Expr, o Options) (*Value, hcl.Diagnostics) { return &Value{}, nil }
func (v *Value) Append(dst []byte, e *Env) ([]byte, bool)             { return dst, false }
func (v *Value) Const() (string, bool)                                { return "", false }
func (v *Value) Explain(e *Env) []Part                                { return nil }

type Number struct{}

func CompileNumber(x model.Expr, o Options) (*Number, hcl.Diagnostics) { return &Number{}, nil }
func (n *Number) Eval(e *Env) (float64, bool)                          { return 0, false }

type Name struct{ Name, Type, Where, Doc string }
type Function struct{ Name, Form, Type, Where, Doc string }

func Names() []Name               { return nil }
func Functions() []Function       { return nil }
func Reference(w io.Writer) error { return nil }
