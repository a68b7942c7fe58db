package interp

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
	"unsafe"
)

// TestRunIsInlined keeps Run below the size at which the compiler stops inlining
// the operands of records, which costs a third of the speed. The compiler counts
// its own nodes, up to 5,000; the bound here is what that is in terms of the
// parser, found by trying with Go 1.26: 5,465 were inlined, 5,539 were not.
func TestRunIsInlined(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "run.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "Run" {
			continue
		}
		n := 0
		ast.Inspect(f.Body, func(x ast.Node) bool {
			switch x.(type) {
			case nil, *ast.BlockStmt, *ast.ExprStmt, *ast.ParenExpr:
			default:
				n++
			}
			return true
		})
		if n > 5465 {
			t.Errorf("Run has %d nodes; leave an operation to slow for each one that comes in", n)
		}
	}
}

// TestLayout holds what the loop and generated code know of a State and a record.
func TestLayout(t *testing.T) {
	var s State
	if unsafe.Offsetof(s.X) != 0 || unsafe.Offsetof(s.F) != behindX {
		t.Errorf("X is at %d, F at %d", unsafe.Offsetof(s.X), unsafe.Offsetof(s.F))
	}
	if insSize != 16 {
		t.Errorf("a record has %d bytes", insSize)
	}
	if doCount > doLast {
		t.Errorf("%d codes", doCount)
	}
	seen := make(map[fast]bool)
	for _, p := range pairs {
		if seen[p.both] {
			t.Errorf("the code %d belongs to two pairs", p.both)
		}
		seen[p.both] = true
	}
}
