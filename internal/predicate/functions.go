package predicate

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"fishplate/internal/message"
	"fishplate/internal/model"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zeebo/xxh3"
)

// Function is one function that expressions may use, a row of the table behind
// diagnostics and reference.
type Function struct {
	Name, Form string
	Type       string // of its result
	Doc        string
	min, max   int // arguments; max < 0 is any number
	compile    func(*compiler, *hclsyntax.FunctionCallExpr, []*node) *node
}

// Functions returns the table of functions, in the order of the reference.
func Functions() []Function { return functions() }

func functions() []Function {
	return []Function{
		{"header", `header("Name")`, "text", "The first request field of that name, case ignored; null without one.", 1, 1, (*compiler).header},
		{"cookie", `cookie("name")`, "text", "The value of the first cookie of that name, as sent; null without one.", 1, 1, (*compiler).cookie},
		{"query", `query("name")`, "text", "The value of the first query parameter of that name, percent-decoded, with `+` as a space; null without one. Names are decoded too before they are compared.", 1, 1, (*compiler).query},
		{"prefix", `prefix(x, "a", …)`, "truth", "x begins with one of the texts.", 2, -1, textTest(strings.HasPrefix)},
		{"suffix", `suffix(x, "a", …)`, "truth", "x ends with one of the texts.", 2, -1, textTest(strings.HasSuffix)},
		{"contains", `contains(x, "a", …)`, "truth", "One of the texts occurs in x.", 2, -1, textTest(strings.Contains)},
		{"match", `match(x, "re")`, "truth", "The regular expression (RE2) matches somewhere in x; `^` and `$` tie it to the ends.", 2, 2, (*compiler).match},
		{"one_of", `one_of(x, ["a", "b"])`, "truth", "x equals one of the list, which may be a `file_set`.", 2, 2, (*compiler).oneOf},
		{"cidr", `cidr(ip, "10.0.0.0/8", …)`, "truth", "The address, or the text that reads as one, lies in one of the networks; they may be a list or a `file_set`.", 2, -1, (*compiler).cidr},
		{"file_set", `file_set("list.txt")`, "list", "The lines of a file, read with the configuration: blank lines and those that begin with `#` are left out. An argument of `one_of` and `cidr`.", 1, 1, (*compiler).fileSet},
		{"fraction", `fraction("10%", key)`, "truth", "True for that share of all keys, and always the same for one key. The keys of a smaller share are among those of a larger one. Null is in no share.", 2, 2, (*compiler).fraction},
		{"lower", `lower(x)`, "text", "x with A to Z in lower case.", 1, 1, caseFunction('A', 'Z')},
		{"upper", `upper(x)`, "text", "x with a to z in upper case.", 1, 1, caseFunction('a', 'z')},
		{"hash", `hash(x)`, "number", "A whole number from 0 to 2^53 - 1 that depends on x alone (XXH3).", 1, 1, (*compiler).hash},
		{"guest", `guest("name", x)`, "text", "What the function of that name gives that the tenant's program registered, called with x; null without one, and when x is. Without x it is called with an empty text. It costs a call of the program: in `when`, in edits, keys of rates, redirects and `tenant_argument` of routes that have a tenant.", 1, 2, (*compiler).guest},
		{"number", `number(x)`, "number", "The decimal number that the text is, for example `-1.5`; null when it is none.", 1, 1, (*compiler).toNumber},
	}
}

// truthFunctions names the functions that yield a truth.
func truthFunctions() (names []string) {
	for _, f := range functions() {
		if f.Type == "truth" {
			names = append(names, f.Name)
		}
	}
	return names
}

func (c *compiler) call(x *hclsyntax.FunctionCallExpr) *node {
	var names []string
	for _, f := range functions() {
		if names = append(names, f.Name); f.Name != x.Name {
			continue
		}
		if n := len(x.Args); n < f.min || f.max >= 0 && n > f.max || x.ExpandFinal {
			return c.fail(x, "wrong arguments of "+f.Name, "It is written "+f.Form+"; here are "+strconv.Itoa(n)+".", "")
		}
		args := make([]*node, 0, len(x.Args))
		for _, a := range x.Args {
			if k := c.expr(a); k != nil {
				args = append(args, k)
			}
		}
		if len(args) < len(x.Args) {
			return nil
		}
		return f.compile(c, x, args)
	}
	for ctx := c.o.Locals; ctx != nil; ctx = ctx.Parent() {
		if _, ok := ctx.Functions[x.Name]; ok {
			return c.evaluated(x)
		}
	}
	c.failAt(x.NameRange, "unknown function \""+x.Name+"\"", "Known functions are "+listOf(names)+".", closest(x.Name, names))
	return nil
}

// wantText returns the text of an argument that must be one.
func (c *compiler) wantText(n *node) textFunc {
	if !n.textual() {
		c.fail(n.expr, n.kind.a()+" is not a text", render(n.expr)+" is "+n.kind.a()+"; a text is wanted here.", "")
		return nil
	}
	return n.asText()
}

// wantConst returns the text of an argument that must be known at load time.
func (c *compiler) wantConst(n *node) (string, bool) {
	if n.constant && n.kind == kindText {
		if s, ok := n.text(nil); ok {
			return s, true
		}
	}
	c.fail(n.expr, "this must be a text in quotes", render(n.expr)+" is not known when the configuration is read.", "")
	return "", false
}

func (c *compiler) header(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	name, ok := c.wantConst(args[0])
	if !ok {
		return nil
	}
	if !message.ValidName(name) {
		return c.fail(args[0].expr, "not a field name", strconv.Quote(name)+" cannot be the name of a header field.", "")
	}
	id := message.LookupName([]byte(name))
	if id != message.Other {
		return textNode(x, func(e *Env) (string, bool) {
			if e.Req == nil {
				return "", false
			}
			v, ok := e.Req.GetID(id)
			return message.View(v), ok
		})
	}
	return textNode(x, func(e *Env) (string, bool) {
		if e.Req == nil {
			return "", false
		}
		v, ok := e.Req.Get(name)
		return message.View(v), ok
	})
}

func (c *compiler) cookie(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	name, ok := c.wantConst(args[0])
	if !ok {
		return nil
	}
	return textNode(x, func(e *Env) (string, bool) {
		if e.Req == nil {
			return "", false
		}
		v, ok := e.Req.CookieValue(name)
		return message.View(v), ok
	})
}

func (c *compiler) query(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	name, ok := c.wantConst(args[0])
	if !ok {
		return nil
	}
	return textNode(x, func(e *Env) (string, bool) {
		if e.Req == nil {
			return "", false
		}
		v, ok := queryValue(e.Req.Query, name)
		if !ok {
			return "", false
		}
		return e.decoded(v), true
	})
}

// textTest makes a function that is true when test holds for its first
// argument and any other.
func textTest(test func(s, part string) bool) func(*compiler, *hclsyntax.FunctionCallExpr, []*node) *node {
	return func(c *compiler, x *hclsyntax.FunctionCallExpr, args []*node) *node {
		texts := make([]textFunc, len(args))
		for i, a := range args {
			if texts[i] = c.wantText(a); texts[i] == nil {
				return nil
			}
		}
		of, parts := texts[0], texts[1:]
		return truthNode(x, func(e *Env) bool {
			s, ok := of(e)
			if !ok {
				return false
			}
			for _, part := range parts {
				if p, ok := part(e); ok && test(s, p) {
					return true
				}
			}
			return false
		}, args...)
	}
}

func (c *compiler) match(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	of := c.wantText(args[0])
	pattern, ok := c.wantConst(args[1])
	if of == nil || !ok {
		return nil
	}
	if err := c.o.Patterns.Add(pattern); errors.Is(err, model.ErrPattern) {
		return c.fail(args[1].expr, err.Error(), "Counted repetitions multiply what they repeat.", "")
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return c.fail(args[1].expr, "bad regular expression", err.Error()+". The syntax is RE2's; in quotes a backslash is doubled.", "")
	}
	return truthNode(x, func(e *Env) bool { s, ok := of(e); return ok && re.MatchString(s) }, args...)
}

func (c *compiler) fraction(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	share, ok := c.share(args[0])
	if !ok {
		return nil
	}
	if args[1].kind == kindList {
		return c.fail(args[1].expr, "a list is not a key", "The key is a text, for example client.ip.", "")
	}
	key := args[1].asText()
	return truthNode(x, func(e *Env) bool {
		s, ok := key(e)
		return ok && float64(hashOf(s))/(1<<53) < share
	}, args...)
}

// share reads "10%", or a number from 0 to 1.
func (c *compiler) share(n *node) (float64, bool) {
	share := -1.0
	if n.constant {
		if s, ok := n.asText()(nil); ok {
			text, percent := strings.CutSuffix(s, "%")
			if v, ok := parseNumber(text); ok && percent {
				share = v / 100
			} else if ok {
				share = v
			}
		}
	}
	if share < 0 || share > 1 {
		c.fail(n.expr, "not a share", render(n.expr)+" is no percentage from \"0%\" to \"100%\".", "")
		return 0, false
	}
	return share, true
}

// hashOf is exact as a float64.
func hashOf(s string) uint64 { return xxh3.HashString(s) >> 11 }

func (c *compiler) hash(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	if args[0].kind == kindList {
		return c.fail(args[0].expr, "a list has no hash", "A text has.", "")
	}
	of := args[0].asText()
	return numberNode(x, func(e *Env) (float64, bool) { s, ok := of(e); return float64(hashOf(s)), ok }, args...)
}

func (c *compiler) toNumber(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	if args[0].kind == kindNumber {
		return args[0]
	}
	of := c.wantText(args[0])
	if of == nil {
		return nil
	}
	return numberNode(x, parseNumberOf(of), args...)
}

// caseFunction makes a function that flips the case of the letters lo to hi.
func caseFunction(lo, hi byte) func(*compiler, *hclsyntax.FunctionCallExpr, []*node) *node {
	return func(c *compiler, x *hclsyntax.FunctionCallExpr, args []*node) *node {
		of := c.wantText(args[0])
		if of == nil {
			return nil
		}
		return textNode(x, func(e *Env) (string, bool) {
			s, ok := of(e)
			for i := 0; i < len(s); i++ {
				if lo <= s[i] && s[i] <= hi {
					return e.flipped(s, lo, hi), true
				}
			}
			return s, ok
		}, args...)
	}
}

func (e *Env) flipped(s string, lo, hi byte) string {
	start := len(e.Scratch)
	e.Scratch = append(e.Scratch, s...)
	for i := start; i < len(e.Scratch); i++ {
		if ch := e.Scratch[i]; lo <= ch && ch <= hi {
			e.Scratch[i] = ch ^ 0x20
		}
	}
	return e.since(start)
}
