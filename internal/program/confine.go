package program

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bounds are what one run of a tool may take. Memory, file and processor time
// are of each of its processes.
type bounds struct {
	time   time.Duration // all of the run
	cpu    time.Duration
	memory int64 // bytes that a process may write to
	file   int64 // bytes of a file
}

// The bounds of a compiler that reads one file, of a tool that makes a project
// with all that it is made of, and of Rust's own library, which nobody else wrote
// and which is compiled once.
var (
	ofFile    = bounds{time: 3 * time.Minute, cpu: 2 * time.Minute, memory: 2 << 30, file: 512 << 20}
	ofProject = bounds{time: 10 * time.Minute, cpu: 10 * time.Minute, memory: 4 << 30, file: 1 << 30}
	ofLibrary = bounds{time: 30 * time.Minute, cpu: 30 * time.Minute, memory: 4 << 30, file: 1 << 30}
)

// foldersVariable names folders that sources may read besides their own,
// separated as in PATH.
const foldersVariable = "FISHPLATE_SOURCES"

// room is what of the machine's files a tool sees: what it may only read, and
// what it may also write, with all below.
type room struct{ reads, writes []string }

// system is what every tool needs: programs, libraries and headers, and how
// names and certificates are found. None of it is a secret.
var system = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store", "/gnu/store",
	"/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
	"/etc/ssl/certs", "/etc/ca-certificates", "/etc/pki/tls/certs", "/etc/resolv.conf", "/run/systemd/resolve", "/etc/hosts", "/etc/host.conf",
	"/etc/nsswitch.conf", "/etc/services", "/etc/protocols", "/etc/gai.conf", "/etc/passwd", "/etc/group",
	"/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage",
	"/dev/urandom", "/dev/random",
}

// room returns what the tools of a recipe see.
func (r *recipe) room() room {
	at := room{
		reads:  slices.Concat(system, r.reads, filepath.SplitList(os.Getenv(foldersVariable)), []string{r.dir, prefix(r.compiler)}),
		writes: append([]string{"/dev/null", r.work, r.home}, r.writes...),
	}
	missing := func(path string) bool { return path == "" || !filepath.IsAbs(path) }
	at.reads, at.writes = slices.DeleteFunc(at.reads, missing), slices.DeleteFunc(at.writes, missing)
	return at
}

// prefix is where a tool is installed, with its libraries beside it. Of one in
// the user's own folder it is no more than the tool's.
func prefix(tool string) string {
	path, err := filepath.EvalSymlinks(tool)
	if err != nil {
		return ""
	}
	dir := filepath.Dir(path)
	up := filepath.Dir(dir)
	if home, err := os.UserHomeDir(); up == "/" || err == nil && within(up, home) {
		return dir
	}
	return up
}

// within says whether path is dir or below it.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// passed are the variables that tools see. The others are the server's, and may
// be secrets.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "XDG_CACHE_HOME", "RISCV_GCC_TRIPLE", "FISHPLATE_SDK",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"GOROOT", "GOPATH", "GOCACHE", "GOMODCACHE", "GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOINSECURE", "GOTOOLCHAIN", "GOENV",
	"CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_HTTP_CAINFO", "CARGO_HTTP_PROXY", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_BUILD_JOBS",
	"C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "LD_LIBRARY_PATH",
}

func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return !slices.Contains(passed, name)
	})
}

// run runs a command that sees no more than its room. What it leaves running
// in its group of processes is ended with it.
func (at room) run(cmd *exec.Cmd) error {
	cmd.WaitDelay = time.Second
	together(cmd)
	return at.confined(cmd)
}
