package config

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"fishplate/internal/config/syntax"
	"fishplate/internal/model"
)

func (l *loader) tenant(n *node) *model.Tenant {
	t := &model.Tenant{
		Name: n.label, Program: n.file("program"), Arguments: n.words("arguments"), Memory: n.size("memory"), Instructions: uint64(n.size("instructions")),
		Time: n.dur("time"), Concurrency: n.num("concurrency"), QueueLimit: n.num("queue"), Share: n.num("share"),
		Backends: n.words("backends"), Storage: n.kid("storage").size("memory"), OnFault: n.str("on_fault"), JIT: n.str("jit"), Cache: l.policy(n), At: n.at,
		Rate: uint64(n.size("rate")), Forks: n.num("forks"), Fetches: n.num("fetches"), Response: n.size("max_response"), LogRate: n.frac("log_rate"),
	}
	u := n.kid("update")
	t.Key, t.Update = u.str("key"), model.UpdateLimit{Size: u.size("max_size"), Rate: u.frac("rate")}
	for _, text := range u.words("warm_up") {
		t.WarmUp = append(t.WarmUp, l.warmUp(t.Name, u, text))
	}
	if len(t.WarmUp) > maxWarmUp {
		l.errorf(u.rangeOf("warm_up"), fmt.Sprintf("tenant %q: warm_up has %d requests", t.Name, len(t.WarmUp)), fmt.Sprintf("A change waits for all of them: there may be %d.", maxWarmUp), "")
	}
	if t.Key != "" {
		if b, err := base64.StdEncoding.DecodeString(t.Key); err != nil || len(b) != ed25519.PublicKeySize {
			l.errorf(u.rangeOf("key"), "key is no Ed25519 public key in base64", "It has 32 bytes, which are 44 letters.", "openssl pkey -in key.pem -pubout -outform DER | tail -c 32 | base64")
		}
	}
	for _, k := range n.kids["token"] {
		if b, err := hex.DecodeString(k.str("sha256")); err != nil || len(b) != 32 {
			l.errorf(k.rangeOf("sha256"), fmt.Sprintf("token %q: sha256 is not 64 hexadecimal digits", k.label), "", "printf %s TOKEN | sha256sum")
		}
		t.Tokens = append(t.Tokens, model.Token{Name: k.label, Hash: k.str("sha256"), At: k.at})
	}
	if k := n.find("shadow"); k != nil {
		t.Shadow = &model.Shadow{Program: k.file("program"), Share: k.frac("share"), At: k.at}
	}
	d := n.kid("debug")
	t.Debug = model.Debug{Record: d.frac("record"), OnFault: d.flag("on_fault"), Ring: d.size("ring")}
	return t
}

// maxWarmUp bounds the requests that a program is asked before it serves.
const maxWarmUp = 32

// warmUp is a request as METHOD and target, which is as clients would send it.
func (l *loader) warmUp(tenant string, u *node, text string) string {
	method, target, both := strings.Cut(text, " ")
	if !both {
		method, target = "GET", text
	}
	word := strings.IndexFunc(method, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0 && method != ""
	whole := strings.IndexFunc(target, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) < 0 && strings.HasPrefix(target, "/")
	if !word || !whole || len(target) > 8192 {
		l.errorf(u.rangeOf("warm_up"), fmt.Sprintf("tenant %q: warm_up: %q is no request", tenant, text), "", `write "/path" or "METHOD /path"`)
	}
	return method + " " + target
}

// programs are what tenants run instead of their own. One whose tenant has left
// means nothing any more: it is left out.
func (l *loader) programs(root *node) {
	list := root.kids["program"]
	if len(list) == 0 {
		return
	}
	var used []*node
	tenants := make(map[string]*model.Tenant, len(l.cfg.Tenants))
	for _, t := range l.cfg.Tenants {
		tenants[t.Name] = t
	}
	for _, n := range list {
		if b, err := hex.DecodeString(n.str("sha256")); err != nil || len(b) != 32 {
			l.errorf(n.rangeOf("sha256"), fmt.Sprintf("program %q: sha256 is not 64 hexadecimal digits", n.label), "", "")
		}
		t := tenants[n.label]
		if t == nil {
			l.warnf(n.at, fmt.Sprintf("program %q: there is no such tenant", n.label), "", "take the block away")
			continue
		}
		used = append(used, n)
		t.Given = &model.Given{
			SHA256: strings.ToLower(n.str("sha256")), Over: n.str("instead_of"), Version: n.num("version"), Signature: n.str("signature"), At: n.at,
		}
	}
	root.kids["program"] = used
}

// tenants adds the tenants of a block: those of a file, or those written in it.
func (l *loader) tenants(n *node) {
	switch path, text := n.has("path"), n.has("json"); {
	case path && text:
		l.errorf(n.rangeOf("json"), fmt.Sprintf("tenants %q has both path and json", n.label), "", "keep one of them")
	case path:
		l.tenantsFile(n.file("path"), n.rangeOf("path"))
	case text:
		at := n.rangeOf("json")
		name := at.Filename
		if n.has("base") {
			name = n.file("base") + "/" + n.label + ".json"
			l.inline[name] = at.Filename
		}
		l.tenantsText(&syntax.Source{Name: name, Text: []byte(n.str("json")), At: at})
	default:
		l.errorf(n.at, fmt.Sprintf("tenants %q names no file", n.label), "", `write path = "tenants.json", or json = a heredoc with the object`)
	}
}
