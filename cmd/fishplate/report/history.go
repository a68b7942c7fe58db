package report

import (
	"fmt"

	"fishplate/internal/admin"
	"fishplate/internal/control"
)

// History says what of it is not as it should be, and tried again.
func History(c *control.Controller) (list []admin.Finding) {
	if id, why := c.Owed(); id != 0 {
		list = append(list, admin.Finding{ID: "history", Severity: "warn", Text: fmt.Sprintf(
			"change %d is not on disk yet, which is tried again every few seconds: %s: make room on the disk of the state folder, or mend it; until then a start does what the history says without it", id, why)})
	}
	if id, why := c.Barred(); id != 0 {
		list = append(list, admin.Finding{ID: "history", Severity: "fail", Text: fmt.Sprintf(
			"change %d was not confirmed, and the process %s, which is tried again every few seconds: mend that, or fishplate confirm keeps the change, or fishplate apply FILE --force replaces it", id, why)})
	}
	return list
}
