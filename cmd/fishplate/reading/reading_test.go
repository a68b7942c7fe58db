package reading

import (
	"fmt"
	"strings"
	"testing"

	"fishplate/internal/file"
)

// TestParseOfManyFiles: the text of a configuration that came from many files, as the
// history keeps it, may be larger than any file of it.
func TestParseOfManyFiles(t *testing.T) {
	var text strings.Builder
	text.WriteString("listener \"web\" {\n  bind = [\"127.0.0.1:8080\"]\n}\n")
	remark := strings.Repeat("#"+strings.Repeat("x", 1023)+"\n", 1024)
	n := 0
	for ; text.Len() <= file.Most; n++ {
		fmt.Fprintf(&text, "%svhost \"v%d\" {\n  hosts = [\"v%d.test\"]\n  route \"r\" {\n    respond {\n      body = \"ok\"\n    }\n  }\n}\n", remark, n, n)
	}
	var reader Reader
	cfg, errs, _ := reader.Parse("change 7", []byte(text.String()))
	if cfg == nil || len(cfg.VHosts) != n {
		t.Fatal(errs)
	}
}
