package spread

import (
	"fmt"
	"sync"
)

// Rule is how the kernel chooses a socket.
type Rule string

// The rules, the better first.
const (
	IncomingCPU Rule = "incoming_cpu" // SO_INCOMING_CPU: each socket names its processor
	CBPF        Rule = "cbpf"         // a program of the group: the processor's number, modulo the sockets
	Hash        Rule = "hash"         // the kernel's own: by the addresses and ports
)

// most is how many sockets IncomingCPU is for: the kernel looks at one after the
// other for each client.
const most = 64

// Kernel remembers what this kernel was found to do. The zero value has seen
// nothing yet. It may be used by several goroutines.
type Kernel struct {
	mu    sync.Mutex
	known map[Rule]error
}

// Choose returns the rule for a number of sockets that share an address: the one
// that is wanted or, for "auto", the best that works here. Why says why a better one,
// or the wanted one, is not used; "" is that none is better.
func (k *Kernel) Choose(want string, sockets int) (rule Rule, why string) {
	if sockets < 2 || want == string(Hash) {
		return Hash, ""
	}
	rules := []Rule{IncomingCPU, CBPF}
	if want == string(CBPF) {
		rules = rules[1:]
	}
	for _, r := range rules {
		err := k.works(r)
		if r == IncomingCPU && sockets > most {
			err = fmt.Errorf("%d sockets are more than %d", sockets, most)
		}
		if err == nil {
			return r, why
		}
		if why != "" {
			why += "; "
		}
		why += fmt.Sprintf("%s: %v", r, err)
	}
	return Hash, why
}

// works tries a rule once.
func (k *Kernel) works(r Rule) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err, ok := k.known[r]
	if !ok {
		if k.known == nil {
			k.known = map[Rule]error{}
		}
		err = prove(r)
		k.known[r] = err
	}
	return err
}
