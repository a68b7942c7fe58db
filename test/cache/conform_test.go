package cache

import (
	"fmt"
	"strings"
	"testing"

	"fishplate/test/harness"
)

// site is a configuration with one virtual host for a profile.
func site(addr, origin string, p profile) string {
	return fmt.Sprintf(`
listener "web" { bind = [%q] }
cache "main" {
  memory = "64MiB"
}
backend "app" {
  servers = [%q]
  retry {
    attempts = 0
  }
  eject {
    errors = 1000000
  }
}
vhost %q {
  hosts = ["*.%s.test"]
%s  route "all" { backend = "app" }
}
`, addr, origin, p.name, p.name, p.text)
}

// TestConformance plays every case of the table against the real binary: one
// process a profile.
func TestConformance(t *testing.T) {
	byProfile := map[string][]*history{}
	var profiles []profile
	for _, tab := range load(t) {
		profiles = append(profiles, tab.profiles...)
		for _, c := range tab.cases {
			byProfile[c.profile] = append(byProfile[c.profile], c)
		}
	}
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			stage := newStage(t)
			addr := harness.FreeAddr(t)
			server := harness.Start(t, site(addr, stage.origin.Addr, p))
			sub := subject{addr: addr, suffix: p.name + ".test", status: true, command: func(args ...string) error {
				if out, errs, code := server.Run(args...); code != 0 {
					return fmt.Errorf("%s: exit %d: %s%s", strings.Join(args, " "), code, out, errs)
				}
				return nil
			}}
			for _, c := range byProfile[p.name] {
				t.Run(c.name, func(t *testing.T) {
					for _, problem := range stage.run(c, sub) {
						t.Errorf("%s: %s", c.section, problem)
					}
				})
			}
		})
	}
}
