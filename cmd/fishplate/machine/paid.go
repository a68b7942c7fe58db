package machine

import (
	"os"
	"path"
	"regexp"
	"strings"
)

// credits are the types of instances whose processors are used up: who burns time
// there has less of it later.
var credits = regexp.MustCompile(`^t\d[a-z]*\.`)

// Paid says that processor time is counted out to this process: by a control group's
// quota, or by the credits of its instance. "" is that nothing is known to count.
func Paid(root string) (by string) {
	for _, f := range folders(root, "cpu") {
		name := "cpu.max"
		if f.first {
			name = "cpu.cfs_quota_us"
		}
		text, err := os.ReadFile(path.Join(f.path, name))
		if quota, _, _ := strings.Cut(strings.TrimSpace(string(text)), " "); err == nil && quota != "max" && quota != "-1" {
			return "quota"
		}
	}
	product, _ := os.ReadFile(path.Join(root, "sys/class/dmi/id/product_name")) // none, where there is no firmware
	if credits.Match(product) {
		return "credits"
	}
	return ""
}
