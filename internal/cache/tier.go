package cache

import (
	"context"
	"fmt"

	"fishplate/internal/cache/store"
	"fishplate/internal/model"
)

// diskTier is the second tier of a store.
type diskTier struct {
	tier diskAPI
	path string
}

// diskAPI is what the face asks of package disk.
type diskAPI interface {
	Remove(ctx context.Context, partition string, text []byte, soft bool) (int, error)
	PurgeTag(ctx context.Context, partition string, tag []byte, soft bool) (int, error)
	PurgePrefix(ctx context.Context, partition string, prefix []byte, soft bool) (int, error)
	PurgeHost(ctx context.Context, partition string, host []byte, soft bool) (int, error)
	PutBans(list []byte) error
	Close() error
}

func (u *Update) openDisk(_ *Store, m *model.Cache) error {
	if m.Disk != nil {
		return fmt.Errorf("no disk tier yet")
	}
	return nil
}
func (u *Update) abortDisks()  {}
func (u *Update) commitDisks() {}

func (s *Store) closeDisk() {
	if s.disk != nil {
		_ = s.disk.tier.Close()
	}
}
func (s *Store) saveBans()                           {}
func (s *Store) strikeDisk(_ *store.Object, _ bool)  {}
func (s *Store) offerDisk(_ string, _ *store.Object) {}
func (v *Visit) fromDisk() *store.Object             { return nil }
