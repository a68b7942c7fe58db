package memory

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

const (
	lentFrom = 64 * PageSize
	lentTo   = 128 * PageSize
)

// lender is a fork whose image has some pages, and a borrower.
func lender(t interface{ Fatal(...any) }) (fork, m *Memory, done func()) {
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	base, err := New(256*PageSize, 256*PageSize)
	must(err)
	for p := uint64(60); p < 140; p += 5 {
		must(base.Write(p*PageSize+100, []byte{byte(p)}))
	}
	im, err := base.Freeze()
	must(err)
	base.Close()
	fork, err = im.Fork()
	must(err)
	m, err = New(512*PageSize, 16*PageSize)
	must(err)
	return fork, m, func() { fork.Close(); m.Close(); im.Close() }
}

func TestLoan(t *testing.T) {
	fork, m, done := lender(t)
	defer done()
	fork.Write(70*PageSize, []byte("mine"))
	fork.Write(71*PageSize, []byte("new"))
	fork.Write(10*PageSize, []byte("outside"))
	pages, limit := m.Pages(), m.Limit()
	for round := range 3 {
		n, err := m.Borrow(fork, lentFrom, lentTo)
		if want := 2; err != nil || round > 0 && n != want {
			t.Fatalf("round %d: %d pages copied, want %d: %v", round, n, want, err)
		}
		for at, want := range map[uint64]string{70 * PageSize: "mine", 71 * PageSize: "new", 10 * PageSize: "\x00\x00", 75*PageSize + 100: "K\x00", 60*PageSize + 100: "\x00"} {
			if b, err := m.View(at, uint64(len(want))); err != nil || string(b) != want {
				t.Errorf("%#x: %q %v", at, b, err)
			}
		}
		m.Write(71*PageSize+3, []byte("er"))
		m.Write(90*PageSize, []byte{1})
		m.Write(75*PageSize+100, []byte("K")) // as it was
		m.Write(300*PageSize, []byte("own"))
		m.Discard(70*PageSize, PageSize) // stays the lender's
		b := m.Return(nil)
		if len(b) != 2*LoanRecord || binary.LittleEndian.Uint64(b) != 71*PageSize || !bytes.HasPrefix(b[8:], []byte("newer")) ||
			binary.LittleEndian.Uint64(b[LoanRecord:]) != 90*PageSize {
			t.Errorf("%d bytes came back", len(b))
		}
		if b, _ := m.View(71*PageSize, 3); string(b) != "\x00\x00\x00" {
			t.Error("what was lent stayed")
		}
		if b, _ := m.View(300*PageSize, 3); string(b) != "own" {
			t.Error("what is the borrower's own did not stay")
		}
	}
	m.Withdraw()
	if m.Pages() != pages+1 || m.Limit() != limit {
		t.Errorf("%d pages of %d, want %d of %d", m.Pages(), m.Limit(), pages+1, limit)
	}
	if b, _ := m.View(75*PageSize+100, 1); b[0] != 0 {
		t.Error("the image stayed")
	}
}

func TestLoanRefusals(t *testing.T) {
	fork, m, done := lender(t)
	defer done()
	if _, err := fork.Borrow(m, lentFrom, lentTo); err == nil {
		t.Error("a fork borrowed")
	}
	if _, err := m.Borrow(m, lentFrom, lentTo); err == nil {
		t.Error("a memory borrowed from itself")
	}
	if _, err := m.Borrow(fork, lentFrom, lentTo); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Borrow(fork, lentFrom, lentTo); err == nil {
		t.Error("two loans at a time")
	}
	m.Return(nil)
	if got := m.Return([]byte("x")); string(got) != "x" {
		t.Error("a loan that is none came back")
	}
}

// TestLoanModel writes at random on both sides: the borrower sees the lender's
// bytes, and after what came back is applied the lender has the borrower's.
func TestLoanModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fork, m, done := lender(t)
		defer done()
		at := rapid.Uint64Range(50*PageSize, 140*PageSize)
		for range rapid.IntRange(1, 5).Draw(t, "rounds") {
			for range rapid.IntRange(0, 8).Draw(t, "writes") {
				fork.Write(at.Draw(t, "at"), []byte{rapid.Byte().Draw(t, "byte")})
			}
			if _, err := m.Borrow(fork, lentFrom, lentTo); err != nil {
				t.Fatal(err)
			}
			see, _ := m.View(lentFrom, lentTo-lentFrom)
			has, _ := fork.View(lentFrom, lentTo-lentFrom)
			if !bytes.Equal(see, has) {
				t.Fatal("the borrower sees something else")
			}
			for range rapid.IntRange(0, 8).Draw(t, "stores") {
				a := lentFrom + at.Draw(t, "at")%(lentTo-lentFrom)
				m.Store(a&^7, rapid.Uint64().Draw(t, "word"), 8)
			}
			want := bytes.Clone(see)
			for b := m.Return(nil); len(b) > 0; b = b[LoanRecord:] {
				if err := fork.Write(binary.LittleEndian.Uint64(b), b[8:LoanRecord]); err != nil {
					t.Fatal(err)
				}
			}
			if has, _ := fork.View(lentFrom, lentTo-lentFrom); !bytes.Equal(has, want) {
				t.Fatal("the lender has something else")
			}
		}
		m.Withdraw()
		if m.Pages() != 0 || m.Limit() != 16 {
			t.Fatalf("%d pages of %d left", m.Pages(), m.Limit())
		}
	})
}
