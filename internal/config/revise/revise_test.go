package revise

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const site = `# of the shop
listener "web" {
  bind = ":80"
}
backend "app" {
  balance = "p2c"
  server "a" {
    address = "10.0.0.1:80" # the old one
    weight  = 7
  }
  server "b" {
    address = "10.0.0.2:80"
  }
  timeouts {
    connect = "3s"
  }
}
vhost "shop" {
  route "api" {
    path    = "/api/*"
    backend = "app"
  }
  route "all" {
    respond {
      body = <<EOT
 server "a" {
 }
EOT
    }
  }
}
`

func TestApply(t *testing.T) {
	values := func(words ...string) (list []Value) {
		for _, w := range words {
			name, text, _ := strings.Cut(w, "=")
			list = append(list, Value{name, text})
		}
		return list
	}
	for _, tt := range []struct {
		name     string
		edit     Edit
		old, new string // the first piece of the text that changes, and into what
	}{
		{"value", Edit{Op: "set", Kind: "server", Key: "app/a", Values: values("weight=50")}, "weight  = 7", "weight  = 50"},
		{"new value", Edit{Op: "set", Kind: "server", Key: "app/b", Values: values("state=drain")}, "  server \"b\" {\n", "  server \"b\" {\n    state = \"drain\"\n"},
		{"several", Edit{Op: "set", Kind: "server", Key: "app/a", Values: values("weight=", `address="10.0.0.3:80"`)}, "\"10.0.0.1:80\" # the old one\n    weight  = 7\n", "\"10.0.0.3:80\" # the old one\n"},
		{"away, and it was not there", Edit{Op: "set", Kind: "server", Key: "app/b", Values: values("weight=")}, "", ""},
		{"in an inner block", Edit{Op: "set", Kind: "backend", Key: "app", Values: values("timeouts.connect=5s")}, `"3s"`, `"5s"`},
		{"in a new inner block", Edit{Op: "set", Kind: "backend", Key: "app", Values: values("retry.attempts=2", "retry.on=connect,503")}, "backend \"app\" {\n", "backend \"app\" {\n  retry {\n    on = [\"connect\", \"503\"]\n    attempts = 2\n  }\n"},
		{"an expression", Edit{Op: "set", Kind: "route", Key: "shop/api", Values: values(`when=header("X") == "1"`)}, "  route \"api\" {\n", "  route \"api\" {\n    when = header(\"X\") == \"1\"\n"},
		{"a list", Edit{Op: "set", Kind: "listener", Key: "web", Values: values(`bind=[":80", ":81"]`)}, `":80"`, `[":80", ":81"]`},
		{"a pipeline", Edit{Op: "set", Kind: "backend", Key: "app", Values: values(`balance=[shuffle(), take(2)]`)}, `"p2c"`, `[shuffle(), take(2)]`},
		{"a balancer", Edit{Op: "set", Kind: "backend", Key: "app", Values: values(`balance=ewma`)}, `"p2c"`, `"ewma"`},
		{"remove", Edit{Op: "remove", Kind: "server", Key: "app/b"}, "  server \"b\" {\n    address = \"10.0.0.2:80\"\n  }\n", ""},
		{"add", Edit{Op: "add", Kind: "server", Key: "app/c", Values: values("address=10.0.0.9:80", "backup=true")}, "    connect = \"3s\"\n  }\n", "    connect = \"3s\"\n  }\n  server \"c\" {\n    backup = true\n    address = \"10.0.0.9:80\"\n  }\n"},
		{"add, with a letter in two parts", Edit{Op: "add", Kind: "server", Key: "app/cafe\u0301", Values: values("address=10.0.0.9:80")}, "    connect = \"3s\"\n  }\n", "    connect = \"3s\"\n  }\n  server \"caf\u00e9\" {\n    address = \"10.0.0.9:80\"\n  }\n"},
		{"add before", Edit{Op: "add", Kind: "route", Key: "shop/img", Before: "all", Values: values("path=/img/*", "backend=app")}, "  route \"all\" {\n", "  route \"img\" {\n    backend = \"app\"\n    path = \"/img/*\"\n  }\n  route \"all\" {\n"},
		{"add at the top", Edit{Op: "add", Kind: "vhost", Key: `o"ther`, Values: values("backend=app")}, "EOT\n    }\n  }\n}\n", "EOT\n    }\n  }\n}\nvhost \"o\\\"ther\" {\n  backend = \"app\"\n}\n"},
		{"a block without a name", Edit{Op: "add", Kind: "state", Key: "state", Values: values("dir=/x")}, "EOT\n    }\n  }\n}\n", "EOT\n    }\n  }\n}\nstate {\n  dir = \"/x\"\n}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Apply([]byte(site), tt.edit)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.Replace(site, tt.old, tt.new, 1), string(got)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	one := func(name, text string) []Value { return []Value{{name, text}} }
	for _, tt := range []struct {
		edit             Edit
		want, suggestion string
	}{
		{Edit{Op: "set", Kind: "sever", Key: "app/a"}, `there is no kind "sever"`, `did you mean "server"?`},
		{Edit{Op: "set", Kind: "server", Key: "a"}, `"a" names no server: write BACKEND/SERVER`, ""},
		{Edit{Op: "set", Kind: "server", Key: "ap/a", Values: one("weight", "1")}, `there is no backend "ap"`, `did you mean "app"?`},
		{Edit{Op: "set", Kind: "server", Key: "app/zzzzz", Values: one("weight", "1")}, `there is no server "zzzzz"`, ""},
		{Edit{Op: "set", Kind: "server", Key: "app/a"}, "nothing is set", "write NAME=VALUE"},
		{Edit{Op: "set", Kind: "server", Key: "app/a", Values: one("wieght", "1")}, `a server has no attribute "wieght"`, `did you mean "weight"?`},
		{Edit{Op: "set", Kind: "server", Key: "app/a", Values: one("weight", "1\nbackup = true")}, `"1\nbackup = true" is no value of "weight", which is a number`, ""},
		{Edit{Op: "set", Kind: "server", Key: "app/a", Values: one("weight", "1 }")}, `"1 }" is no value of "weight", which is a number`, ""},
		{Edit{Op: "set", Kind: "backend", Key: "app", Values: one("check.interval", "1s")}, `a backend cannot get a block "check" this way: it needs a kind`, "write it in the file"},
		{Edit{Op: "set", Kind: "route", Key: "shop/all", Values: one("respond", "403")}, `"respond" of a route is a block`, "write respond.NAME=VALUE"},
		{Edit{Op: "set", Kind: "backend", Key: "app", Values: one("tmeouts.connect", "1s")}, `a backend has no block "tmeouts"`, `did you mean "timeouts"?`},
		{Edit{Op: "add", Kind: "server", Key: "app/a"}, `there is a server "app/a" already`, "names are unique; set changes it"},
		{Edit{Op: "add", Kind: "route", Key: "shop/x", Before: "al"}, `there is no route "al"`, `did you mean "all"?`},
		{Edit{Op: "remove", Kind: "vhost", Key: "x"}, `there is no vhost "x"`, ""},
		{Edit{Op: "move", Kind: "vhost", Key: "shop"}, `there is no change "move"`, `write "set", "add" or "remove"`},
	} {
		_, err := Apply([]byte(site), tt.edit)
		var e *Error
		if !errors.As(err, &e) || e.Summary != tt.want || e.Suggestion != tt.suggestion {
			t.Errorf("%+v: %v %+v", tt.edit, err, e)
		}
	}
}

// FuzzApply: no value of an edit reaches beyond its attribute.
func FuzzApply(f *testing.F) {
	for _, s := range []string{"1", `"x"`, "${local.a}", "a\x00b", `["a", "b"`, "<<EOT\nx\nEOT", "{}", "}"} {
		f.Add("weight", s)
		f.Add("address", s)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		got, err := Apply([]byte(site), Edit{Op: "set", Kind: "server", Key: "app/a", Values: []Value{{name, text}}})
		if err != nil {
			return
		}
		if n := strings.Count(string(got), "\n") - strings.Count(site, "\n"); n > 1 || n < -1 {
			t.Errorf("%q = %q changes %d lines:\n%s", name, text, n, got)
		}
		if _, err := Apply(got, Edit{Op: "remove", Kind: "server", Key: "app/b"}); err != nil {
			t.Errorf("%q = %q: the outcome cannot be read: %v", name, text, err)
		}
	})
}
