package tenant

import (
	"context"
	"fmt"
	"slices"

	"fishplate/internal/model"
)

// Try makes elf the candidate that runs beside a tenant's program for a share of
// its requests, 0 to 1, and forgets the candidate before it. name is what the
// report calls it. It lasts until EndTrial, or until the tenant's block of the
// configuration changes, which says again what candidate there is. elf is copied.
func (s *Set) Try(ctx context.Context, tenant, name string, elf, signature []byte, share float64) error {
	t := s.Tenant(tenant)
	if t == nil {
		return fmt.Errorf("try candidate of guest %q: %w", tenant, ErrNoTenant)
	}
	if limit := t.MaxProgram(); int64(len(elf)) > limit {
		return fmt.Errorf("try candidate of guest %q: %w: %d bytes, at most %d", tenant, ErrSize, len(elf), limit)
	}
	sh := emptyShadow(&model.Shadow{Program: name, Share: share})
	if err := s.fill(ctx, sh, t.model, slices.Clone(elf), signature); err != nil {
		return fmt.Errorf("try candidate of guest %q: %w", tenant, err)
	}
	t.shadow.Swap(sh).retire()
	if s.Tenant(tenant) != t {
		sh.retire() // a reload replaced the tenant meanwhile
		return fmt.Errorf("try candidate of guest %q: the tenant has just been changed: try again", tenant)
	}
	return nil
}

// EndTrial takes a tenant's candidate away and returns what was known of it;
// false when there was none.
func (s *Set) EndTrial(tenant string) (ShadowReport, bool) {
	r, ok := s.Shadow(tenant)
	if t := s.Tenant(tenant); t != nil {
		t.shadow.Swap(nil).retire()
	}
	return r, ok
}
