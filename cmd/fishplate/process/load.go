package process

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"fishplate/internal/config"
	"fishplate/internal/control"
	"fishplate/internal/model"
	"fishplate/internal/program"
	"fishplate/sdk"
)

// stateSecret returns the secret of the state folder, which is made the first
// time. It keys persistence cookies and the debug field.
func stateSecret(dir string) ([]byte, error) {
	path := filepath.Join(dir, "secret")
	secret, err := os.ReadFile(path)
	if err == nil && len(secret) == 32 {
		return secret, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	secret = make([]byte, 32)
	if _, err := io.ReadFull(rand.Reader, secret); err != nil {
		return nil, fmt.Errorf("make secret: %w", err)
	}
	if err := os.WriteFile(path, secret, 0o600); err != nil {
		return nil, fmt.Errorf("keep secret: %w", err)
	}
	return secret, nil
}

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
