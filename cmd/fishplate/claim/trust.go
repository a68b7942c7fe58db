//go:build unix

package claim

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// trust looks at who else may write to the state folder or its secret. The error is
// why the secret cannot be used: somebody else may have chosen it. What is odd is no
// more than that: a volume of a container is open to all, who are nobody else there.
func trust(dir, secret string) (odd []string, err error) {
	folder, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if folder.Mode()&0o002 != 0 {
		odd = append(odd, fmt.Sprintf("everybody may write to %s, and so choose what runs after the next start: chmod 700 %s", dir, dir))
	}
	file, err := os.Stat(secret)
	if err != nil { // there is none, which is then made, or who reads it says why it cannot
		return odd, nil
	}
	switch owner := ownerOf(file); {
	case file.Mode()&0o002 != 0:
		return odd, fmt.Errorf("everybody may write to %s, so anybody may know it: remove it, and a new one is made; or chmod 600 %s, if nobody else was here", secret, secret)
	case owner != 0 && owner != os.Geteuid() && owner != ownerOf(folder):
		return odd, fmt.Errorf("%s belongs to user %d, who knows it: remove it, and a new one is made; or chown it to the user of this process", secret, owner)
	case file.Mode()&0o004 != 0:
		odd = append(odd, fmt.Sprintf("everybody may read %s, and so make cookies and debug fields that are believed: chmod 600 %s, or remove it, and a new one is made", secret, secret))
	}
	return odd, nil
}

func ownerOf(i fs.FileInfo) int {
	if s, ok := i.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return os.Geteuid()
}
