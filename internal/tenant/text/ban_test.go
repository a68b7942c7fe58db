package text

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata again")

// TestBan keeps what becomes of expressions in testdata/bans.txt, whose results
// the room of bans reads and compiles.
func TestBan(t *testing.T) {
	const file = "testdata/bans.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		in, _, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || line[0] == '#' {
			b.WriteString(line)
			continue
		}
		out, err := Ban(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
		}
		b.WriteString(in + "\t" + out + "\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if d := cmp.Diff(string(text), b.String()); d != "" {
		t.Error(d)
	}
	for _, in := range []string{
		`req.url`, `req.url ~ (`, `req.http.cookie ~ x`, `req.url < x`, `obj.status ~ x`, `obj.http.a == "x`, `req.url ~ `,
	} {
		if out, err := Ban(in); err == nil {
			t.Errorf("%s becomes %s", in, out)
		}
	}
}
