// Command same is what same.c is, in Go.
package main

import (
	"strings"

	fishplate "fishplate.dev/sdk/go"
)

func receive(r fishplate.Request) fishplate.Decision {
	url := r.URL()
	if strings.HasPrefix(url, "/hello") {
		return fishplate.Answer(fishplate.Text(200, "hello\n"))
	}
	_ = r.Add("X-Asked", url) // refused only where it is not well-formed
	return fishplate.Continue()
}

func main() { fishplate.Program{Receive: receive}.Serve() }
