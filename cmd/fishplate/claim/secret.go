package claim

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"fishplate/internal/file"
)

// Secret returns the secret of the state folder, which is made the first
// time. It keys persistence cookies and the debug field.
func Secret(dir string) ([]byte, error) {
	path := filepath.Join(dir, "secret")
	secret, err := file.Read(path, 4096)
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
	if err := keepSecret(path, secret); err != nil {
		return nil, fmt.Errorf("keep secret: %w", err)
	}
	return secret, nil
}

// keepSecret puts a new file at path, readable to its owner alone, whole or not at
// all. What lies there is replaced, never written to: it may be a link to a file
// of somebody else, or one that others can read.
func keepSecret(path string, secret []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(secret)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return file.Sync(filepath.Dir(path))
}
