package script

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"fishplate/test/harness"
)

var update = flag.Bool("update", false, "rewrite the files that cmp and cmpenv compare with")

func TestScripts(t *testing.T) {
	binary, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(env *testscript.Env) error { return setup(env, binary) },
		Cmds:                commands(),
	})
}

// setup puts the binary on the path under its own name, and points everything
// that a process keeps into the script's folder.
func setup(env *testscript.Env, binary string) error {
	bin := filepath.Join(env.WorkDir, ".bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(binary, filepath.Join(bin, "fishplate")); err != nil {
		return err
	}
	env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	// The go command builds its tools once, not once a script.
	if cache, err := exec.Command("go", "env", "GOCACHE").Output(); err == nil {
		env.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
	}
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("XDG_RUNTIME_DIR", env.WorkDir)
	env.Setenv("XDG_STATE_HOME", env.WorkDir)
	env.Setenv("FISHPLATE_SOCKET", filepath.Join(env.WorkDir, "admin.sock"))
	env.Setenv("NO_COLOR", "1")
	env.Setenv("GORACE", "halt_on_error=0 exitcode=66")
	s := &state{origins: make(map[string]*origin)}
	env.Values[stateKey{}] = s
	env.Defer(s.close)
	return nil
}

// TestEveryCommandIsDocumented keeps README.md and the table together.
func TestEveryCommandIsDocumented(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range commands() {
		if !strings.Contains(string(text), "| `"+name+" ") && !strings.Contains(string(text), "| `"+name+"`") {
			t.Errorf("README.md does not document the command %s", name)
		}
	}
}

// TestChangesAreAllThere keeps the table of changes in README.md whole: 34 rows,
// each with a script or test that exists, or a reason.
func TestChangesAreAllThere(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	files, err := filepath.Glob("../trouble/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(source)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			rows[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[3])
		}
	}
	for n := 1; n <= 34; n++ {
		proof := rows[strconv.Itoa(n)]
		if reason, ok := strings.CutPrefix(proof, "none: "); ok && reason != "" {
			continue
		}
		if !strings.Contains(proof, "`") {
			t.Errorf("change %d has no proof", n)
		}
		for _, name := range strings.Split(proof, ", ") {
			name = strings.Trim(name, "`")
			if strings.HasPrefix(name, "Test") && strings.Contains(tests.String(), "\nfunc "+name+"(t *testing.T)") {
				continue
			}
			if _, err := os.Stat(filepath.Join("testdata", name+".txtar")); err != nil {
				t.Errorf("change %d: there is no script or test %s", n, name)
			}
		}
	}
}
