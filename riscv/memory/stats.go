package memory

// ImageStats is what an image and its forks cost the host. Bytes are of host
// memory and multiples of PageSize; the host's page tables and the forks' own
// objects, a few KiB each, are not in them.
type ImageStats struct {
	Pages    int   // that the image has
	Snapshot int64 // bytes of the snapshot, attributes included: all forks share them
	Arenas   int   // mapped, in use or idle
	InUse    int   // arenas that a fork has
	Idle     int   // arenas that wait for a fork
	Parked   int   // forks that are alive without an arena

	// What the idle arenas have beside the snapshot: pages that some fork wrote,
	// and pages of attributes.
	IdlePrivate    int64 // bytes
	IdleAttributes int64 // bytes
}

// PerIdle returns the bytes that an idle arena costs on average; 0 when there is
// none.
func (s ImageStats) PerIdle() int64 {
	if s.Idle == 0 {
		return 0
	}
	return (s.IdlePrivate + s.IdleAttributes) / int64(s.Idle)
}

// Stats counts what there is. Forks may come and go meanwhile.
func (im *Image) Stats() ImageStats {
	s := ImageStats{Pages: len(im.list), Snapshot: im.snap.stored, Parked: int(im.parked.Load())}
	im.mu.Lock()
	defer im.mu.Unlock()
	s.Arenas = len(im.mappings)
	for g := range im.mappings {
		v := g.state.Load()
		if v&(1<<stateBits-1) != idle {
			continue
		}
		s.Idle++
		s.IdlePrivate += int64(v>>stateBits&(1<<privateBits-1)) << PageShift
		s.IdleAttributes += int64(v>>(stateBits+privateBits)) << PageShift
	}
	s.InUse = s.Arenas - s.Idle
	return s
}

// Stats is what one memory costs the host beside its image.
type Stats struct {
	Pages      int   // that exist for the program
	Dirty      int   // pages that Reset will restore
	Private    int64 // bytes of pages that are not the image's, those of earlier forks included
	Attributes int64 // bytes of pages of attributes that are not the image's
	Kept       int64 // bytes that a parked fork keeps instead of both
}

// Stats counts what there is. It does not wake a parked memory.
func (m *Memory) Stats() Stats {
	s := Stats{Pages: m.pages, Dirty: len(m.list)}
	if m.host != nil {
		s.Private = int64(m.host.private) << PageShift
		s.Attributes = int64(m.host.attrs) << PageShift
	}
	if k := m.parked; k != nil {
		s.Kept = int64(cap(k.attrs) + 8*cap(k.masks) + cap(k.lines) + 4*cap(m.list))
	}
	return s
}
