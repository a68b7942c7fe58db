package debug

import (
	"fmt"
	"strconv"
	"strings"

	"fishplate/riscv"
)

const monitorHelp = `monitor instret          instructions executed so far
monitor budget N         stop when so many have been executed; 0 for no limit
monitor memory           pages that exist, and how many may
monitor backtrace        how the program came here, without the debugger's help
monitor restart [ARGS]   begin again; then: maintenance flush register-cache
monitor help             this list
`

// monitor executes a command of "monitor" and returns what to print.
func (s *server) monitor(line string) string {
	words := strings.Fields(line)
	if len(words) == 0 {
		words = []string{"help"}
	}
	m := s.guest.Machine
	switch verb, args := words[0], words[1:]; verb {
	case "help":
		return monitorHelp
	case "instret":
		return fmt.Sprintln(m.Instret)
	case "budget":
		return s.budget(args)
	case "memory":
		return fmt.Sprintf("%d of %d pages of %d bytes\n", m.Mem.Pages(), m.Mem.Limit(), riscv.PageSize)
	case "backtrace", "bt":
		var b strings.Builder
		if err := Print(&b, Backtrace(m, s.lines)); err != nil {
			return err.Error() + "\n"
		}
		return b.String()
	case "restart":
		if !s.restart(args) {
			return "this program cannot be restarted\n"
		}
		return fmt.Sprintf("at %#x; now: maintenance flush register-cache\n", s.guest.Machine.PC)
	}
	return fmt.Sprintf("there is no command %q; there are:\n%s", words[0], monitorHelp)
}

// budget sets the number of instructions at which the program stops, counted from
// its beginning, and says what it is. It is a breakpoint in time: a run that is
// repeated comes to the same place.
func (s *server) budget(args []string) string {
	if len(args) > 0 {
		n, err := strconv.ParseUint(args[0], 0, 64)
		if err != nil {
			return fmt.Sprintf("%q is no number\n", args[0])
		}
		s.limit = n
	}
	if s.limit == 0 {
		return "no limit\n"
	}
	return fmt.Sprintf("stop at %d, now at %d\n", s.limit, s.guest.Machine.Instret)
}
