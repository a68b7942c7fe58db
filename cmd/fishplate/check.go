package main

import (
	"fmt"
	"os"
	"time"

	"fishplate/cmd/fishplate/process"
	"fishplate/cmd/fishplate/reading"
	"fishplate/cmd/fishplate/show"
	"fishplate/internal/config"
	"fishplate/internal/file"
)

// runCheck prints what is wrong with a configuration, all at once.
func runCheck(c *call) error {
	path, err := absolute(c.args[0])
	if err != nil {
		return err
	}
	base, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	files := file.Tree()
	if reading.IsTenantsFile(path) {
		// What stands around it is not asked for here, and cannot be wrong.
		files, path = reading.Around(path, ":8080", "127.0.0.1:8081")
	}
	cfg, found, sources := config.LoadSources(config.Options{
		FS: files, Path: path, Base: base, Env: os.LookupEnv, Now: time.Now(), Root: os.Geteuid() == 0, Memory: new(config.Memory), // read part by part, it takes less
	})
	if cfg != nil && !c.flag("no-programs") {
		found = append(found, process.Programs(c.ctx, cfg, base, programCache())...).Sort()
	}
	if c.flag("json") {
		err = c.printJSON(found)
	} else {
		err = found.Format(c.stdout, sources, colored(c.stdout))
		if err == nil {
			err = c.summary(found)
		}
	}
	if err == nil && found.HasErrors() {
		return exit{code: exitRefused}
	}
	return err
}

func (c *call) summary(found config.Diagnostics) error {
	errs, warnings := len(found.Errors()), len(found.Warnings())
	text := c.args[0] + ": ok"
	switch {
	case errs > 0:
		text = c.args[0] + ": " + show.Count(errs, "error") + show.Also(warnings, "warning")
	case warnings > 0:
		text += show.Also(warnings, "warning")
	}
	_, err := fmt.Fprintln(c.stdout, text)
	return err
}
