package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fishplate/internal/doctor"
)

var checkID = regexp.MustCompile("`((?:virt|cpu|tcp|nic|fw|sys|cfg)\\.[a-z0-9][a-z0-9_-]*)`")

// TestChecksExist: each check of the doctor that a guide names is in the catalogue,
// and the two guides about virtual machines name one in each row of their tables.
func TestChecksExist(t *testing.T) {
	_, texts := documents(t)
	known := map[string]bool{}
	for _, row := range doctor.Catalogue() {
		known[row.ID] = true
	}
	named := map[string]bool{}
	for name, text := range texts {
		if !strings.HasPrefix(name, "docs/guide/") {
			continue
		}
		for _, m := range checkID.FindAllStringSubmatch(text, -1) {
			named[m[1]] = true
			if !known[m[1]] {
				t.Errorf("%s: no check is called %s", name, m[1])
			}
		}
	}
	if len(named) < 40 {
		t.Errorf("the guides name %d checks", len(named))
	}
	for _, name := range []string{"docs/guide/vm.md", "docs/guide/accept.md"} {
		rows := 0
		// The first table of a guide says what the question is.
		for row := range strings.Lines(texts[name][strings.Index(texts[name], "\n## "):]) {
			if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| set |") || strings.HasPrefix(row, "| point |") || strings.HasPrefix(row, "| | A |") {
				continue
			}
			rows++
			if !checkID.MatchString(row) && !strings.HasPrefix(row, "| server's") && !strings.HasPrefix(row, "| connections a second") {
				t.Errorf("%s: a row without a check: %s", name, row)
			}
		}
		if rows == 0 {
			t.Errorf("%s: no table", name)
		}
	}
}

var resultFile = regexp.MustCompile("`(test/bench/results/[^`]+\\.json)`")

// TestResultsExist: a figure names the file that it is from, and the file is there.
func TestResultsExist(t *testing.T) {
	root, texts := documents(t)
	for name, text := range texts {
		for _, m := range resultFile.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
