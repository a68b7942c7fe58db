package predicate

import (
	"errors"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gaissmai/bart"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func (c *compiler) fileSet(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	name, ok := c.wantConst(args[0])
	if !ok {
		return nil
	}
	if c.o.FS == nil {
		return c.fail(x, "no files can be read here", "file_set is for the configuration's own files.", "")
	}
	full := name
	if !path.IsAbs(full) {
		dir := c.o.Dir
		if dir == "" {
			dir = path.Dir(x.Range().Filename)
		}
		full = path.Join("/", dir, name)
	}
	c.files = true
	list, err := c.o.Lists.read(c.o.FS, strings.TrimPrefix(path.Clean(full), "/"))
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return c.fail(args[0].expr, "cannot read the list", "read "+full+": "+err.Error()+".", "")
	}
	return &node{kind: kindList, constant: true, expr: x, file: list}
}

// scan is the length up to which a list is compared one by one.
const scan = 8

func (c *compiler) oneOf(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	of, list := args[0], args[1]
	if list.kind != kindList {
		return c.fail(list.expr, list.kind.a()+" is not a list", "one_of is written one_of(x, [\"a\", \"b\"]) or one_of(x, file_set(\"list.txt\")).", "")
	}
	switch of.kind {
	case kindNumber:
		return c.oneOfNumbers(x, of, list)
	case kindText, kindNull:
	case kindAddr:
		return c.cidrOf(x, args)
	default:
		return c.fail(of.expr, of.kind.a()+" is not looked up in a list", "Texts, numbers and addresses are.", "")
	}
	var words []string
	var rest []textFunc
	for _, item := range list.items {
		switch f := c.wantText(item); {
		case f == nil:
			return nil
		case item.constant:
			if s, ok := f(nil); ok {
				words = append(words, s)
			}
		default:
			rest = append(rest, f)
		}
	}
	key, in := of.asText(), wordTest(words)
	if list.file != nil {
		in = list.file.has()
	}
	return truthNode(x, func(e *Env) bool {
		s, ok := key(e)
		if !ok {
			return false
		}
		for _, f := range rest {
			if t, ok := f(e); ok && s == t {
				return true
			}
		}
		return in(s)
	}, args...)
}

func wordTest(words []string) func(string) bool {
	if len(words) <= scan {
		return func(s string) bool {
			for _, w := range words {
				if s == w {
					return true
				}
			}
			return false
		}
	}
	set := make(map[string]struct{}, len(words))
	for _, w := range words {
		set[w] = struct{}{}
	}
	return func(s string) bool { _, ok := set[s]; return ok }
}

func (c *compiler) oneOfNumbers(x *hclsyntax.FunctionCallExpr, of, list *node) *node {
	var numbers []numberFunc
	for _, item := range list.items {
		if item.kind != kindNumber {
			return c.fail(item.expr, item.kind.a()+" in a list of numbers", render(of.expr)+" is a number, and "+render(item.expr)+" is "+item.kind.a()+".", "")
		}
		numbers = append(numbers, item.number)
	}
	var set map[float64]struct{}
	if list.file != nil {
		var bad string
		if set, bad = list.file.values(); bad != "" {
			return c.fail(list.expr, "not a number", "The list holds "+strconv.Quote(bad)+", and "+render(of.expr)+" is a number.", "")
		}
	}
	key := of.number
	return truthNode(x, func(e *Env) bool {
		v, ok := key(e)
		if !ok {
			return false
		}
		for _, f := range numbers {
			if w, ok := f(e); ok && v == w {
				return true
			}
		}
		_, ok = set[v]
		return ok
	}, of, list)
}

func (c *compiler) cidr(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	if !args[0].textual() || args[0].kind == kindTime {
		return c.fail(args[0].expr, args[0].kind.a()+" is not an address", "cidr is written cidr(client.ip, \"10.0.0.0/8\").", "client.ip")
	}
	return c.cidrOf(x, args)
}

func (c *compiler) cidrOf(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	tables := []*bart.Lite{{}} // the first is of what is written here
	for _, a := range args[1:] {
		if !c.gatherNets(&tables, a) {
			return nil
		}
	}
	ip := args[0].asAddr()
	return truthNode(x, func(e *Env) bool {
		a, ok := ip(e)
		return ok && slices.ContainsFunc(tables, func(t *bart.Lite) bool { return t.Contains(a) })
	}, args...)
}

// gatherNets adds the networks that n names; false after an error.
func (c *compiler) gatherNets(tables *[]*bart.Lite, n *node) bool {
	if n.file != nil {
		nets, bad := n.file.networks()
		if bad != "" {
			c.fail(n.expr, "not a network", "The list holds "+strconv.Quote(bad)+"; a line is a network \"10.0.0.0/8\" or an address.", "")
			return false
		}
		*tables = append(*tables, nets)
		return true
	}
	if n.kind == kindList {
		for _, item := range n.items {
			if !c.gatherNets(tables, item) {
				return false
			}
		}
		return true
	}
	s, ok := c.wantConst(n)
	if !ok {
		return false
	}
	p, err := parsePrefix(s)
	if err != nil {
		c.fail(n.expr, "not a network", strconv.Quote(s)+" is neither a network \"10.0.0.0/8\" nor an address.", "")
		return false
	}
	(*tables)[0].Insert(p)
	return true
}

// parsePrefix reads a network, or an address as a network of one.
func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	ip, err := netip.ParseAddr(s)
	if err != nil || ip.Zone() != "" {
		return netip.Prefix{}, errors.New("not an address")
	}
	ip = ip.Unmap()
	return netip.PrefixFrom(ip, ip.BitLen()), nil
}
