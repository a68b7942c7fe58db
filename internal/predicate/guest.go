package predicate

import "github.com/hashicorp/hcl/v2/hclsyntax"

// A Caller calls functions of tenants' programs, for guest().
type Caller interface {
	// CallGuest calls the function that a tenant's program registered under a
	// name, and appends the text that it gives to dst; ok is false without one.
	CallGuest(dst []byte, tenant, name, value string) (out []byte, ok bool)
}

// guest calls a function of the program that Options.Tenant names. Two calls
// with the same value may differ, so nothing of it is constant.
func (c *compiler) guest(x *hclsyntax.FunctionCallExpr, args []*node) *node {
	tenant := c.o.Tenant
	if tenant == "" {
		return c.fail(x, "guest is not known here", "It calls a function of the tenant's program that sees the request: in the routes of a vhost that has a tenant, or in a route that has one.", "")
	}
	name, ok := c.wantConst(args[0])
	if !ok {
		return nil
	}
	value := func(*Env) (string, bool) { return "", true }
	if len(args) > 1 {
		if value = c.wantText(args[1]); value == nil {
			return nil
		}
	}
	return &node{kind: kindText, expr: x, kids: args, text: func(e *Env) (string, bool) {
		if e.Guest == nil {
			return "", false
		}
		v, ok := value(e)
		if !ok {
			return "", false
		}
		start := len(e.Scratch)
		out, ok := e.Guest.CallGuest(e.Scratch, tenant, name, v)
		e.Scratch = out
		return e.since(start), ok
	}}
}
