package invariant

import "testing"

// TestCheck holds with and without the tag: a check panics only when compiled in.
func TestCheck(t *testing.T) {
	defer func() {
		if got := recover() != nil; got != On {
			t.Errorf("a broken invariant panics: %v; compiled in: %v", got, On)
		}
	}()
	Check(true, "holds")
	Check(1+1 == 3, "sum of %d and %d", 1, 1)
}
