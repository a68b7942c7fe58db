package cache

import "fishplate/internal/model"

// Release writes what is queued and gives the disks back, for a process that
// takes this one's place. The stores go on with their memory alone; Regain takes
// the disks again.
func (c *Caches) Release() {
	for _, s := range c.all() {
		s.closeDisk((*diskTier).close)
	}
}

// Regain opens the disks of the running configuration: after a Release, or after
// a start that had to leave them to another process.
func (c *Caches) Regain(cfg *model.Config) error {
	u, err := c.Prepare(cfg)
	if err != nil {
		return err
	}
	u.Commit()
	return nil
}
