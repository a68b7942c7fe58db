package memory

import "sync/atomic"

// CrowdedAt is how many of the host's mappings the arenas of a Backing may
// consist of before those of forks that are closed are given back at once. Linux
// allows a process 65,530 in all, and images have one each beside their arenas.
const CrowdedAt = 40_000

// crowd counts the mappings of the arenas of a Backing's images. It changes only
// when an arena is mapped or unmapped.
type crowd struct{ parts atomic.Int64 }

// Mappings returns of how many of the host's mappings the arenas of its images
// consist, at most.
func (b *Backing) Mappings() int64 {
	if b == nil {
		return 0
	}
	return b.crowd.parts.Load()
}

func (b *Backing) count(n int64) {
	if b != nil {
		b.crowd.parts.Add(n)
	}
}

func (b *Backing) crowded() bool { return b != nil && b.crowd.parts.Load() > CrowdedAt }
