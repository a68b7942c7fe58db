package main

import (
	"fmt"
	"runtime"
	"strings"

	fishplate "fishplate.dev/sdk/go"
)

// What the guest notes: how many checks it made, which did not hold, and which
// calls it made. Every copy of the program has its own.
var (
	checks, failed int
	failures       strings.Builder
	seen           [800]bool
)

// also notes the call that brought this stage about, or that ends it.
func also(n int) { seen[n] = true }

func check(ok bool, what string) {
	checks++
	if ok {
		return
	}
	failed++
	_, file, line, _ := runtime.Caller(1)
	if strings.HasSuffix(file, "report.go") {
		_, _, line, _ = runtime.Caller(2)
	}
	fmt.Fprintf(&failures, "line %d: %s; ", line, what)
}

// eq checks a result.
func eq[T comparable](got, want T) {
	check(got == want, fmt.Sprintf("%#v, not %#v", got, want))
}

// is checks a result and that there is no error; text and bytes alike.
func is[T string | []byte | int | int64 | bool | fishplate.JSONType](got T, err error, want T) {
	check(err == nil && fmt.Sprint(got) == fmt.Sprint(want), fmt.Sprintf("%v %v (%s), not %v", got, err, fishplate.LastError(), want))
}

// none checks that there is an error, and which.
func none[T any](_ T, err error, want fishplate.Error) {
	check(err == want, fmt.Sprintf("error %v, not %v", err, want))
}

// good checks that there is no error.
func good(err error) {
	check(err == nil, fmt.Sprintf("%v (%s)", err, fishplate.LastError()))
}

// summary is like "checks 12 failures 0 calls 502,503 " and what failed.
func summary() string {
	var calls []string
	for n, made := range seen {
		if made {
			calls = append(calls, fmt.Sprint(n))
		}
	}
	return fmt.Sprintf("checks %d failures %d calls %s %s", checks, failed, strings.Join(calls, ","), failures.String())
}
