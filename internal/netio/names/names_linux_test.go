package names

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"fishplate/internal/netio/share"
)

// TestLookUpWithoutDescriptors: that there was none is told apart from a name that
// nobody knows. The name is reserved, RFC 6761 section 6.4.
func TestLookUpWithoutDescriptors(t *testing.T) {
	const name = "fishplate.invalid"
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := was
	few.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	var all []*os.File
	free := func() {
		for _, f := range all {
			f.Close()
		}
		all = nil
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			t.Error(err)
		}
	}
	defer free()
	for {
		f, err := os.Open(os.DevNull)
		if errors.Is(err, syscall.EMFILE) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	if ips, err := LookUp(t.Context(), name); err == nil || !share.Exhausted(err) {
		t.Errorf("without descriptors: %v, %v", ips, err)
	}
	free()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // where no server answers
	defer cancel()
	if ips, err := LookUp(ctx, name); err == nil || share.Exhausted(err) {
		t.Errorf("with descriptors: %v, %v", ips, err)
	}
}
