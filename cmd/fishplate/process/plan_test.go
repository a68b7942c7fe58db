package process

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/cmd/fishplate/reading"
	"fishplate/cmd/fishplate/show"
	"fishplate/internal/control"
	"fishplate/internal/model"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// planned is what every row of the table begins with.
const planned = `
state {
  dir = "/var/lib/one"
}
admin {
  socket = "/run/one.sock"
}
log "access" {
  path = "off"
}
listener "web" {
  bind = [":443", ":80"]
  tls {
    certificates = ["shop"]
  }
  limits {
    connections = 1000
  }
}
certificate "shop" {
  cert = "/shop.pem"
  key  = "/shop.key"
}
cache "main" {
  memory = "64MiB"
}
tenant "shop" {
  program = "/shop.elf"
  memory  = "64MiB"
}
backend "app" {
  balance = "leastconn"
  server "a" {
    address = "10.0.0.1:80"
  }
  server "b" {
    address = "10.0.0.2:80"
  }
  check "http" {
    path = "/healthz"
  }
  queue {
    limit = 100
  }
  persist "cookie" {
    name = "SRV"
  }
  grace = "60s"
}
backend "spare" { servers = ["10.0.0.9:80"] }
vhost "old" { backend = "app" }
vhost "shop" {
  hosts  = ["shop.example"]
  tenant = "shop"
  cache {
    ttl = "1m"
  }
  route "api" {
    path    = "/api/*"
    backend = "app"
    limits {
      body = "1MiB"
    }
    timeouts {
      first_byte = "10s"
    }
  }
  route "all" {
    when    = header("X-A") == "1"
    backend = "app"
    request {
      set = { X-Shop = host }
    }
  }
}
`

// rows are the changes of which the guide has a table: what is written, and what
// takes its place.
var rows = []struct{ name, was, is string }{
	{"server added", "  check \"http\"", "  server \"c\" {\n    address = \"10.0.0.3:80\"\n  }\n  check \"http\""},
	{"server removed", "  server \"b\" {\n    address = \"10.0.0.2:80\"\n  }\n", ""},
	{"server address", "10.0.0.2:80", "10.0.0.4:80"},
	{"server weight", "10.0.0.2:80\"\n", "10.0.0.2:80\"\n    weight = 5\n"},
	{"server drained", "10.0.0.2:80\"\n", "10.0.0.2:80\"\n    state = \"drain\"\n"},
	{"server in maintenance", "10.0.0.2:80\"\n", "10.0.0.2:80\"\n    state = \"maintenance\"\n"},
	{"balance", "leastconn", "random"},
	{"check", "/healthz", "/health"},
	{"queue", "limit = 100", "limit = 50"},
	{"persistence", `name = "SRV"`, `name = "PIN"`},
	{"grace", `grace = "60s"`, `grace = "10s"`},
	{"backend timeouts", `grace = "60s"`, "grace = \"60s\"\n  timeouts {\n    connect = \"1s\"\n  }"},
	{"backend removed", "backend \"spare\" { servers = [\"10.0.0.9:80\"] }\n", ""},
	{"backend added", "backend \"spare\" {", "backend \"more\" { servers = [\"10.0.0.8:80\"] }\nbackend \"spare\" {"},
	{"vhost removed", "vhost \"old\" { backend = \"app\" }\n", ""},
	{"vhost hosts", `["shop.example"]`, `["shop.example", "www.shop.example"]`},
	{"vhost added", "vhost \"old\"", "vhost \"new\" {\n  hosts   = [\"new.example\"]\n  backend = \"app\"\n}\nvhost \"old\""},
	{"route added", `  route "api"`, "  route \"img\" {\n    path = \"/img/*\"\n    backend = \"spare\"\n  }\n  route \"api\""},
	{"route backend", "/api/*\"\n    backend = \"app\"", "/api/*\"\n    backend = \"spare\""},
	{"predicate", `header("X-A") == "1"`, `header("X-A") == "2"`},
	{"header edit", "X-Shop = host", "X-Shop = \"shop\""},
	{"limits", `body = "1MiB"`, `body = "2MiB"`},
	{"timeouts", `first_byte = "10s"`, `first_byte = "20s"`},
	{"cache policy", `ttl = "1m"`, `ttl = "1h"`},
	{"cache key", `ttl = "1m"`, "ttl = \"1m\"\n    key {\n      query = \"ignore\"\n    }"},
	{"cache policy removed", "  cache {\n    ttl = \"1m\"\n  }\n", ""},
	{"cache store", "memory = \"64MiB\"\n}\ntenant", "memory = \"32MiB\"\n}\ntenant"},
	{"listener added", "certificate \"shop\" {", "listener \"plain\" { bind = [\":8080\"] }\ncertificate \"shop\" {"},
	{"listener address", `[":443", ":80"]`, `[":443", ":81"]`},
	{"listener limits", "connections = 1000", "connections = 500"},
	{"listener timeouts", "  limits {\n    connections", "  timeouts {\n    idle = \"5s\"\n  }\n  limits {\n    connections"},
	{"listener tls", "certificates = [\"shop\"]\n", "certificates = [\"shop\"]\n    min_version = \"1.3\"\n"},
	{"listener removed", planned[strings.Index(planned, "listener"):strings.Index(planned, "certificate \"shop\"")], ""},
	{"certificate", "/shop.pem", "/shop2.pem"},
	{"certificate content", "", ""},
	{"tenant program", "/shop.elf", "/shop2.elf"},
	{"tenant memory", "memory  = \"64MiB\"", "memory  = \"32MiB\""},
	{"tenant storage", "memory  = \"64MiB\"", "memory  = \"64MiB\"\n  storage { memory = \"1MiB\" }"},
	{"tenant added", "backend \"app\" {", "tenant \"more\" { program = \"/shop.elf\" }\nbackend \"app\" {"},
	{"tenant removed", planned[strings.Index(planned, "tenant \"shop\""):strings.Index(planned, "backend \"app\"")] + "#", "#"},
	{"log", `path = "off"`, `path = "stdout"`},
	{"admin", "/run/one.sock", "/run/two.sock"},
	{"state", "/var/lib/one", "/var/lib/two"},
	{"process", "state {", "process { user = \"www-data\" }\nstate {"},
}

// nothing prepares what needs no preparation.
type nothing struct{}

func (nothing) Prepare(context.Context, *control.Transaction) error { return nil }

// crowd stands on the things of planned.
func crowd() func(kind, key string) control.Numbers {
	return func(kind, key string) (n control.Numbers) {
		switch kind + " " + key {
		case "server app/a":
			n.Connections, n.Sessions = 10, 100
		case "server app/b":
			n.Connections, n.Sessions = 1, 20
		case "backend app":
			n.Connections, n.Sessions = 11, 120
		case "tenant shop":
			n.Connections, n.Tenants, n.Objects = 3, 1, 40
		case "cache main":
			n.Objects = 500
		}
		switch kind {
		case "vhost", "route":
			n.Connections, n.Objects = 70, 40
		case "listener", "certificate":
			n.Connections = 70
		}
		return n
	}
}

// TestPlanOfEveryRow prints what is said of each change that there is, as people
// and as tools read it.
func TestPlanOfEveryRow(t *testing.T) {
	var out bytes.Buffer
	for _, row := range rows {
		next := strings.Replace(planned, row.was, row.is, 1)
		if row.name == "listener removed" {
			next = strings.Replace(next, "certificate \"shop\"", "listener \"other\" { bind = [\":8081\"] }\ncertificate \"shop\"", 1)
		}
		if row.name == "tenant removed" {
			next = strings.Replace(planned, strings.TrimSuffix(row.was, "#"), "", 1)
			next = strings.Replace(next, "  tenant = \"shop\"\n", "", 1)
		}
		if next == planned && row.was != row.is {
			t.Fatalf("%s: nothing is replaced", row.name)
		}
		fmt.Fprintf(&out, "== %s ==\n%s", row.name, plannedAs(t, next, row.name == "certificate content"))
	}
	const path = "testdata/plan.txt"
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), out.String()); d != "" {
		t.Errorf("%s (-update rewrites it):\n%s", path, d)
	}
}

// plannedAs is the plan from planned to next.
func plannedAs(t *testing.T, next string, renewed bool) string {
	t.Helper()
	var reader reading.Reader
	dir := t.TempDir()
	pair, key := selfSigned(t)
	for name, text := range map[string][]byte{"shop.pem": pair, "shop2.pem": pair, "shop.key": key, "shop.elf": nil, "shop2.elf": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	here := strings.NewReplacer("\"/shop", "\""+dir+"/shop", "/var/lib", dir, "/run", dir)
	text, digest := here.Replace(planned), "1"
	c := control.New(control.Options{
		Load: func(context.Context, string) (*model.Config, []control.Problem, []control.Problem) {
			return reader.Parse("site.hcl", []byte(text))
		},
		Diff: diffConfig, Builder: nothing{}, Census: crowd,
		Digest: func(string) (string, error) { return digest, nil },
	})
	if err := c.Start(t.Context(), "site.hcl"); err != nil {
		t.Fatal(err)
	}
	if text = here.Replace(next); renewed {
		digest = "2"
	}
	p := c.Plan(t.Context(), "site.hcl")
	var out bytes.Buffer
	show.Problems(&out, p.Errors, nil)
	if err := show.Changes(&out, p); err != nil {
		t.Fatal(err)
	}
	for _, change := range p.Changes {
		line, err := json.Marshal(change.Impact)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", line)
	}
	return strings.ReplaceAll(out.String(), dir, "")
}

// selfSigned makes a certificate and its key.
func selfSigned(t *testing.T) (cert, key []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"shop.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, plain, plain, public, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}
