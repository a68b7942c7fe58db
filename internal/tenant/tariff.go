package tenant

import (
	"fmt"

	"fishplate/internal/tenant/reel"
)

// tariff is the version of the prices: of calls of the host, and of memory. Each
// change of one makes a new version, so that a recording tells by which prices its
// instructions were counted; 0 is what came before there were versions.
const tariff = 1

// repriced says, in one line, that a recording was counted by other prices; "" is by
// these.
func repriced(h *reel.Head) string {
	if h.Tariff == tariff {
		return ""
	}
	return fmt.Sprintf("recorded under tariff %d, repeated under %d: everything but the instructions is compared", h.Tariff, tariff)
}

// spared is by how much the budget of a repetition under another tariff is larger,
// so that dearer calls do not end what the recorded prices let go on.
const spared = 16

// metered says that a call was ended by what is counted, or by time, which a
// repetition finds by the count.
func metered(g *scene) bool {
	switch string(g.end.Texts[1]) {
	case "guest-budget", "guest-time", "guest-rate", "guest-cancelled":
		return true
	}
	return false
}
