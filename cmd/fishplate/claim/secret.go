//go:build unix

package claim

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"fishplate/internal/file"
)

const length = 32 // of a secret, bytes

// Secret returns the secret of the state folder, which is made the first
// time. It keys persistence cookies and the debug field. What is odd about it, or
// about the folder, is for the operator.
func Secret(dir string) (secret []byte, odd []string, err error) {
	path := filepath.Join(dir, "secret")
	if odd, err = trust(dir, path); err != nil {
		return nil, odd, fmt.Errorf("read secret: %w", err)
	}
	secret, err = file.Read(path, 4096)
	switch {
	case err == nil && len(secret) == length && !bytes.Equal(secret, make([]byte, length)):
		return secret, odd, nil
	case err == nil:
		held := fmt.Sprintf("%d bytes, and a secret has %d", len(secret), length)
		if len(secret) == length {
			held = "zeros alone, as a file that lost its bytes in a crash" // everybody would know it
		}
		odd = append(odd, fmt.Sprintf("%s held %s: there is a new one, so clients lose the servers that cookies pinned them to; put a copy of the old one there and restart, if you have one", path, held))
	case !errors.Is(err, fs.ErrNotExist):
		return nil, odd, fmt.Errorf("read secret: %w", err)
	}
	secret = make([]byte, length)
	if _, err := io.ReadFull(rand.Reader, secret); err != nil {
		return nil, odd, fmt.Errorf("make secret: %w", err)
	}
	if err := keepSecret(path, secret); err != nil {
		return nil, odd, fmt.Errorf("keep secret: %w", err)
	}
	return secret, odd, nil
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
