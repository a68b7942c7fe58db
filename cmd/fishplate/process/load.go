package process

import (
	"crypto/hmac"
	"crypto/sha256"
	"log/slog"
	"path/filepath"

	"fishplate/internal/config"
	"fishplate/internal/control"
	"fishplate/internal/model"
	"fishplate/internal/program"
	"fishplate/sdk"
)

// derive returns the key for one purpose.
func derive(secret []byte, purpose string) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(purpose))
	return m.Sum(nil)
}

// programs compiles tenants' sources, and keeps what it compiled in the state
// folder.
func programs(dir string, logger *slog.Logger) *program.Builder {
	return program.New(filepath.Join(dir, "programs"), sdk.Headers, func(path string, r *program.Result) {
		logger.Info("program compiled", "path", path, "compiler", r.Compiler, "seconds", r.Took.Seconds())
		if r.Warnings != "" {
			logger.Warn("warnings of the compiler", "path", path, "text", r.Warnings)
		}
	})
}

// diffConfig compares two configurations, for control.Options.Diff.
func diffConfig(old, next *model.Config) (list []control.Change) {
	for _, d := range config.Diff(old, next) {
		c := control.Change{Kind: d.Kind, Key: d.Key, Action: d.Action, Fields: make([]control.Field, 0, len(d.Fields))}
		for _, f := range d.Fields {
			c.Fields = append(c.Fields, control.Field{Name: f.Name, Old: f.Old, New: f.New})
		}
		list = append(list, c)
	}
	return list
}
