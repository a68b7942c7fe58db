package gauge

import (
	"errors"
	"fmt"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

// Read reads a file with one of the readers of package parse, and makes the
// evidence of it. A file that is not understood is an *see.Error of class Broken.
func Read[T any](v *see.View, file string, read func([]byte) (T, error)) (T, fact.Evidence, error) {
	return see.As(v.System, file, read)
}

// Number reads a file of one whole number.
func Number(v *see.View, file string) (int64, fact.Evidence, error) {
	return Read(v, file, parse.Number)
}

// Within reads a file of one whole number that the kernel keeps between two: a file
// with another is not understood.
func Within(v *see.View, file string, least, most int64) (int64, fact.Evidence, error) {
	return Read(v, file, func(b []byte) (int64, error) {
		n, err := parse.Number(b)
		if err == nil && (n < least || n > most) {
			err = fmt.Errorf("%d is not %d to %d", n, least, most)
		}
		return n, err
	})
}

// Word reads a file of one word; an empty file is a word of no letters.
func Word(v *see.View, file string) (string, fact.Evidence, error) {
	return Read(v, file, func(b []byte) (string, error) { return parse.Word(b), nil })
}

// Judge is the rule of a row that reads one number and nothing else.
func Judge(file string, rule func(n int64) (fact.Status, string)) func(*see.View) fact.Finding {
	return func(v *see.View) fact.Finding {
		n, e, err := Number(v, file)
		if err != nil {
			return Unseen(v, err)
		}
		status, found := rule(n)
		return fact.Say(status, found, e)
	}
}

// Unseen is the finding for what could not be seen, as that of the view is, but
// for our own kernel's files the host of a virtual machine is not the one to ask:
// what is missing below /proc/sys/net is seen in the first network namespace,
// and what is missing elsewhere is on the machine around a container, or nowhere.
func Unseen(v *see.View, err error) fact.Finding {
	f := v.Unseen(err)
	var e *see.Error
	if !errors.As(err, &e) || e.Class == see.Denied {
		return f
	}
	switch {
	case e.Class == see.Broken:
		f.RunOn = ""
	case strings.HasPrefix(e.What, "/proc/sys/net/"):
		f.RunOn = "initns"
	case f.RunOn == "host" && e.Class == see.Absent:
		f.RunOn = ""
	}
	return f
}

// NoOurs says how a run is told of our own configuration.
const NoOurs = "fishplate doctor --config FILE, or --socket of a process that serves, tells it"
