package predicate

import (
	"errors"
	"io/fs"
	"net/netip"
	"path"
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
	data, err := fs.ReadFile(c.o.FS, strings.TrimPrefix(path.Clean(full), "/"))
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return c.fail(args[0].expr, "cannot read the list", "read "+full+": "+err.Error()+".", "")
	}
	c.files = true
	n := &node{kind: kindList, constant: true, expr: x}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			n.lines = append(n.lines, line)
		}
	}
	return n
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
	words := append([]string(nil), list.lines...)
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
	for _, line := range list.lines {
		v, ok := parseNumber(line)
		if !ok {
			return c.fail(list.expr, "not a number", "The list holds "+strconv.Quote(line)+", and "+render(of.expr)+" is a number.", "")
		}
		numbers = append(numbers, func(*Env) (float64, bool) { return v, true })
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
		return false
	}, of, list)
}

func (c *compiler) cidr(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	if !args[0].textual() || args[0].kind == kindTime {
		return c.fail(args[0].expr, args[0].kind.a()+" is not an address", "cidr is written cidr(client.ip, \"10.0.0.0/8\").", "client.ip")
	}
	return c.cidrOf(x, args)
}

func (c *compiler) cidrOf(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	nets := new(bart.Lite)
	for _, a := range args[1:] {
		if !c.gatherNets(nets, a) {
			return nil
		}
	}
	ip := args[0].asAddr()
	return truthNode(x, func(e *Env) bool { a, ok := ip(e); return ok && nets.Contains(a) }, args...)
}

// gatherNets inserts the networks that n names; false after an error.
func (c *compiler) gatherNets(nets *bart.Lite, n *node) bool {
	if n.kind == kindList {
		for _, item := range n.items {
			if !c.gatherNets(nets, item) {
				return false
			}
		}
		for _, line := range n.lines {
			p, err := parsePrefix(line)
			if err != nil {
				c.fail(n.expr, "not a network", "The list holds "+strconv.Quote(line)+"; a line is a network \"10.0.0.0/8\" or an address.", "")
				return false
			}
			nets.Insert(p)
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
	nets.Insert(p)
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
