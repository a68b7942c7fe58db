package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"fishplate/cmd/fishplate/process"
	"fishplate/cmd/fishplate/reading"
	"fishplate/cmd/fishplate/show"
	"fishplate/internal/admin"
	"fishplate/internal/proxy"
)

func runExplain(c *call) error {
	q := admin.ExplainRequest{Method: c.args[0], URL: c.args[1], Client: c.text("client")}
	var err error
	if q.Headers, err = c.fields("explain"); err != nil {
		return err
	}
	raw, err := c.explanation(q)
	if err != nil {
		return err
	}
	if c.flag("json") {
		return c.printJSON(raw)
	}
	var e proxy.Explanation
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("read explanation: %w", err)
	}
	return show.Explanation(c.stdout, &e)
}

// fields are the request fields that -H names.
func (c *call) fields(verb string) (list [][2]string, err error) {
	lines, err := c.flags.GetStringArray("header")
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usagef("%s: -H wants \"Name: value\", not %q", verb, line)
		}
		list = append(list, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	return list, nil
}

// explanation asks the running process, or builds the configuration of
// --config without serving it.
func (c *call) explanation(q admin.ExplainRequest) (raw json.RawMessage, err error) {
	path := c.text("config")
	if path == "" {
		return raw, c.client().Explain(c.ctx, q, &raw)
	}
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
	defer cancel()
	answer, err := c.explainFile(ctx, path, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// explainFile asks a configuration that is not served.
func (c *call) explainFile(ctx context.Context, path string, q admin.ExplainRequest) (*proxy.Explanation, error) {
	path, err := absolute(path)
	if err != nil {
		return nil, err
	}
	cfg, errs, warnings := new(reading.Reader).FromDisk(c.ctx, path)
	if cfg == nil {
		show.Problems(c.stderr, errs, warnings)
		return nil, exit{code: exitRefused}
	}
	answer, err := process.Explain(ctx, cfg, q)
	if errors.Is(err, admin.ErrInvalid) {
		return nil, usagef("explain: %w", err)
	}
	return answer, err
}
