package partial

import (
	"time"

	"fishplate/internal/cache/rules"
)

// parseDate reads an HTTP-date as seconds since the epoch. at is a time in the
// life of the message, in ns, by which a two-digit year is understood.
func parseDate(v []byte, at int64) (int64, bool) {
	if len(v) == 0 {
		return 0, false
	}
	return rules.ParseDate(v, time.Unix(0, at))
}
