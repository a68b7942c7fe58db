package process

import (
	"os"
	"time"

	"fishplate/internal/cert"
	"fishplate/internal/control"
)

// The messages of a hand-over, in order: estate with a parcel goes to the
// successor, which answers prepared or failed; then go, which it answers with
// serving or failed. stop instead of go ends it. A line that ends instead of any
// of them means that the other process is gone.
const (
	msgEstate   = "estate"
	msgPrepared = "prepared"
	msgGo       = "go"
	msgStop     = "stop"
	msgServing  = "serving"
	msgFailed   = "failed"
)

// parcel is what a process hands to the one that takes its place. Files go with
// it, in this order: those of listeners, of doors, those that the service manager
// passed, those of what was learned, those of the memory of caches, and the claim.
type parcel struct {
	PID       int
	Version   string
	State     string // folder
	Secret    []byte
	Config    control.Legacy
	Tickets   cert.Keys
	Listeners []socket
	Doors     []socket
	Passed    []socket
	Known     []string // parts of what was learned
	Memory    bool     // two pipes: of what caches have in memory, and of answers
	Claim     []socket // on the state folder; none when nothing can be written there
}

// word is what comes with go: the parts that this moment has settled, in the order
// of their files.
type word struct {
	Parts   []string
	Objects bool // what came of the memory of caches may be served
}

// socket is an address with a number of files.
type socket struct {
	Key    string
	Shards int // as configured when it was opened
	Files  int
}

// reply is what a successor answers.
type reply struct {
	Version string
	Reason  string // of failed
}

// handoverEnv tells a successor where its line is.
const handoverEnv = "FISHPLATE_HANDOVER"

// Bounds of a hand-over.
const (
	prepareTime = 2 * time.Minute  // to load, compile and test
	takeTime    = 15 * time.Second // from there to serving: disks are opened
	killTime    = 5 * time.Second  // to see a process go that was killed
)

// unpack gives each socket its files.
func unpack(list []socket, files []*os.File, each func(s socket, files []*os.File)) (rest []*os.File, ok bool) {
	for _, s := range list {
		if s.Files < 1 || s.Files > len(files) {
			return files, false
		}
		each(s, files[:s.Files:s.Files])
		files = files[s.Files:]
	}
	return files, true
}
