package trouble

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/test/harness"
)

// TestAddressesThatOverlapAndStay: what a start refuses, a plan and a change of a
// process whose sockets listen already refuse with the same words.
func TestAddressesThatOverlapAndStay(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	_, port, err := net.SplitHostPort(harness.FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	all, one := ":"+port, "127.0.0.2:"+port
	with := func(shards int) string {
		return fmt.Sprintf("listener \"all\" {\n  bind = [%q]\n  accept { shards = %d }\n}\nlistener \"one\" {\n  bind = [%q]\n  accept { shards = %d }\n}\nbackend \"app\" { servers = [%q] }\nvhost \"any\" { backend = \"app\" }\n",
			all, shards, one, shards, o.Addr)
	}
	want := fmt.Sprintf(": listener \"one\": address %q overlaps %q of listener \"all\": the system lets both listen only where each has several accept shards", one, all)
	s := harness.Start(t, with(2))
	before := len(listeningInodes(t, one))
	s.Write(with(1))
	second := filepath.Join(s.Dir, "second.hcl")
	text, err := os.ReadFile(s.Config)
	if err == nil {
		err = os.WriteFile(second, []byte(strings.NewReplacer(s.Socket, s.Socket+"2", filepath.Join(s.Dir, "state"), filepath.Join(s.Dir, "state2")).Replace(string(text))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range [][]string{{"serve", second}, {"plan", s.Config}, {"reload"}, {"apply", s.Config}} {
		if out, errs, code := s.Run(verb...); code != 1 || !strings.Contains(out+errs, want) {
			t.Errorf("%v: exit %d\n%s%swant %s", verb, code, out, errs, want)
		}
	}
	served(t, one)
	if n := len(listeningInodes(t, one)); n != before {
		t.Errorf("%d sockets listen, %d before", n, before)
	}
	s.Apply(with(3))
	served(t, one)
}
