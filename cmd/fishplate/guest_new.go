package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"fishplate/cmd/fishplate/starter"
	"fishplate/internal/program"
	"fishplate/sdk"
)

func guestNewVerb() verb {
	return verb{
		name: "guest new", form: "c|cpp|rust|go DIR", min: 2, max: 2, run: runGuestNew, words: starter.Languages(),
		short:   "Write a small project: a tenant's program, and a configuration that serves it",
		long:    "Nothing that exists is overwritten. \"fishplate serve DIR\" then compiles the program and serves it.",
		example: "fishplate guest new cpp shop\nfishplate guest new rust shop && fishplate serve shop",
	}
}

func runGuestNew(c *call) error {
	names, err := starter.Write(c.args[0], c.args[1])
	if errors.Is(err, starter.ErrLanguage) {
		return usagef("guest new: %q: %w", c.args[0], err)
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		fmt.Fprintln(c.stdout, filepath.Join(c.args[1], name))
	}
	_, err = fmt.Fprintf(c.stdout, "\nServe it:\n  fishplate serve %s\nand try, from a second terminal:\n  curl 'http://127.0.0.1:8080/hello?name=you'\n", c.args[1])
	return err
}

func guestSDKVerb() verb {
	return verb{
		name: "guest sdk", form: "DIR", min: 1, max: 1, run: runGuestSDK,
		short:   "Write the SDK into a folder, for editors and builds of your own",
		long:    "guest build and serve need no copy: they bring the same files. What the folder has of the SDK is replaced.",
		example: "fishplate guest sdk ~/fishplate-sdk",
	}
}

func runGuestSDK(c *call) error {
	if err := program.Lay(sdk.Headers, c.args[0]); err != nil {
		return fmt.Errorf("write sdk: %w", err)
	}
	_, err := fmt.Fprintf(c.stdout, "%s: abi, c, cpp, rust, go\n", c.args[0])
	return err
}
