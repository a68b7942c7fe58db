package isa

import (
	"strings"
	"testing"
)

func TestReference(t *testing.T) {
	var b strings.Builder
	if err := Reference(&b, func(op Op) bool { return op == OpAddi || op == OpAddiw }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `addi` | `0000707f` | `00000013` | addi | addiw | yes | rd = rs1 + imm |",
		"| `c.sub` | `fc63` | `8c01` | sub | subw |  | sub rd, rd, rs2 |",
		"| `c.jal` | `e003` | `2001` |  | jal32 |  | jal ra, imm |",
		"| `mulh` | `fe00707f` | `02001033` | mulh | mulh32 |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for i := range table {
		r := &table[i]
		for _, xlen := range []int{32, 64} {
			if op := r.On(xlen); strings.HasPrefix(op.String(), "op ") {
				t.Errorf("%s: the operation %d has no name on RV%d", r.Name, op, xlen)
			}
		}
	}
}
