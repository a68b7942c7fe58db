package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"fishplate/cmd/fishplate/show"
	"fishplate/internal/admin"
	"fishplate/internal/file"
	"fishplate/internal/program"
	"fishplate/internal/tenant"
	"fishplate/sdk"
)

func runTenantList(c *call) error {
	list, err := c.client().Tenants(c.ctx)
	if err != nil {
		return err
	}
	return write(c, list, show.Tenants)
}

func runTenantShow(c *call) error {
	v, err := c.client().Tenant(c.ctx, c.args[0])
	if err != nil {
		return refused("tenant show", err)
	}
	return write(c, &v, show.Tenant)
}

func runTenantVersions(c *call) error {
	list, err := c.client().TenantVersions(c.ctx, c.args[0])
	if err != nil {
		return refused("tenant versions", err)
	}
	return write(c, list, show.Versions)
}

// signature reads the file of --signature; without that it is empty.
func (c *call) signature() ([]byte, error) {
	name := c.text("signature")
	if name == "" {
		return nil, nil
	}
	signature, err := file.Read(name, file.Most)
	if err != nil {
		return nil, fmt.Errorf("read signature: %w", err)
	}
	return signature, nil
}

func runTenantUpdate(c *call) error {
	signature, err := c.signature()
	if err != nil {
		return err
	}
	elf, err := c.compile(c.args[1])
	if err != nil {
		return err
	}
	o, err := c.giving()
	if err != nil {
		return err
	}
	o.Signature = signature
	v, err := c.client().UpdateTenant(c.ctx, c.args[0], elf, o)
	if err != nil {
		return refused("tenant update", err)
	}
	return c.version(v)
}

func runTenantRollback(c *call) error {
	number := 0
	if len(c.args) == 2 {
		var err error
		if number, err = strconv.Atoi(c.args[1]); err != nil || number < 1 {
			return usagef("tenant rollback: VERSION is a number from `fishplate tenant versions`, not %q", c.args[1])
		}
	}
	o, err := c.giving()
	if err != nil {
		return err
	}
	v, err := c.client().RollbackTenant(c.ctx, c.args[0], number, o)
	if err != nil {
		return refused("tenant rollback", err)
	}
	return c.version(v)
}

// giving reads the flags that update and rollback share.
func (c *call) giving() (o admin.GiveOptions, err error) {
	o.Comment = c.text("comment")
	o.Match, err = c.flags.GetUint64("match")
	return o, err
}

func (c *call) version(v admin.Gave) error {
	if c.flag("json") {
		return c.printJSON(v)
	}
	return show.Version(c.stdout, c.args[0], &v.Version)
}

func runTenantShadow(c *call) error {
	r, err := c.shadow()
	if err != nil {
		return refused("tenant shadow", err)
	}
	return write(c, &r, show.Shadow)
}

func (c *call) shadow() (r tenant.ShadowReport, err error) {
	name, path := c.args[0], c.text("program")
	switch {
	case c.flag("stop") && path != "":
		return r, usagef("tenant shadow: --stop and --program exclude each other")
	case path == "" && (c.flags.Changed("share") || c.flags.Changed("signature")):
		return r, usagef("tenant shadow: --share and --signature go with --program")
	case c.flag("stop"):
		return c.client().EndTrial(c.ctx, name)
	case path == "":
		return c.client().TenantShadow(c.ctx, name)
	}
	share, err := percent(c.text("share"))
	if err != nil {
		return r, usagef("tenant shadow: --share %w", err)
	}
	elf, err := c.compile(path)
	if err != nil {
		return r, err
	}
	signature, err := c.signature()
	if err != nil {
		return r, err
	}
	return c.client().TryTenant(c.ctx, name, filepath.Base(path), elf, signature, share)
}

// percent reads a share above 0, such as 5%.
func percent(text string) (float64, error) {
	digits, ok := strings.CutSuffix(text, "%")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !ok || !(n > 0 && n <= 100) {
		return 0, fmt.Errorf("is a percentage above 0%%, such as 5%%, not %q", text)
	}
	return n / 100, nil
}

// compile returns the ELF file of a program, made as serve makes it. What the
// compiler says goes to stderr.
func (c *call) compile(path string) ([]byte, error) {
	r, _, err := build(c.ctx, path)
	if err != nil {
		return nil, err
	}
	if r.Warnings != "" {
		fmt.Fprintln(c.stderr, r.Warnings)
	}
	return r.ELF, nil
}

// build compiles what needs it; what it made is kept in the user's cache.
func build(ctx context.Context, path string) (*program.Result, string, error) {
	path, err := absolute(path)
	if err != nil {
		return nil, "", err
	}
	r, err := program.New(programCache(), sdk.Headers, nil).Build(ctx, path)
	return r, path, err
}

// programCache is where verbs on the desk keep what they compiled.
func programCache() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "fishplate", "programs")
}
