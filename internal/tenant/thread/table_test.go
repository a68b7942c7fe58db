package thread

import "testing"

// turn asks for the next turn and returns who has it, 0 when nobody is ready.
func turn(t *Table[int]) int32 {
	_, now, ok := t.Next()
	if !ok {
		return 0
	}
	return now.ID
}

// three has the first thread and two more, 2 and 3.
func three(t *testing.T) *Table[int] {
	t.Helper()
	tb := &Table[int]{}
	for i := range 2 {
		if th := tb.Spawn(i); th == nil || th.ID != int32(i)+2 {
			t.Fatal(th)
		}
	}
	return tb
}

func TestTurnsGoRound(t *testing.T) {
	tb := three(t)
	for _, want := range []int32{2, 3, 1, 2} {
		if got := turn(tb); got != want {
			t.Fatalf("turn of %d, want %d", got, want)
		}
	}
	tb.Wait(8, 1, Never, 0) // 2
	if turn(tb) != 3 || turn(tb) != 1 || turn(tb) != 3 {
		t.Error("a thread that waits had a turn")
	}
	if tb.Wake(8, 1, 2) != 0 || tb.Wake(9, 1, 1) != 0 || tb.Wake(8, 5, 3) != 1 {
		t.Error("woken by another word or bit, or not by its own")
	}
	if turn(tb) != 1 || turn(tb) != 2 {
		t.Error("no turn after the wait")
	}
}

func TestLongestWaitsFirst(t *testing.T) {
	tb := three(t)
	for range 3 {
		tb.Wait(8, 1, Never, 0)
		turn(tb)
	}
	if turn(tb) != 0 {
		t.Error("somebody is ready")
	}
	if tb.Requeue(8, 16, 1) != 1 || tb.Wake(16, 9, 1) != 1 {
		t.Error("requeue")
	}
	if got := turn(tb); got != 1 {
		t.Errorf("thread %d was moved first", got)
	}
	if tb.Wake(8, 1, 1) != 1 || turn(tb) != 2 {
		t.Error("the second one waits longer than the third")
	}
}

func TestTime(t *testing.T) {
	tb := three(t)
	tb.Wait(0, 1, 50, 7)
	turn(tb)
	tb.Wait(8, 1, 40, 9)
	if at, ok := tb.Earliest(); !ok || at != 40 {
		t.Error(at, ok)
	}
	tb.Expire(45)
	if tb.Wake(8, 1, 1) != 0 {
		t.Error("it waits still")
	}
	if got := turn(tb); got != 3 {
		t.Error(got)
	}
	if got := turn(tb); got != 2 || tb.Self().Result != 9 || !tb.Self().Answer {
		t.Error(got, tb.Self())
	}
	if tb.Wake(0, 1, 1) != 0 {
		t.Error("a sleep was woken as a word")
	}
}

func TestExitAndHome(t *testing.T) {
	tb := three(t)
	tb.Settle()
	turn(tb)
	if !tb.Exit() || turn(tb) != 3 || tb.AtHome() || tb.Find(2) != nil || tb.Find(0).ID != First {
		t.Error("after the end of 2")
	}
	left, now, changed := tb.Home()
	if !changed || left.ID != 3 || now.ID != 1 || !tb.AtHome() {
		t.Error(left, now, changed)
	}
	tb.Wait(8, 1, Never, 0)
	if _, _, changed = tb.Home(); changed || turn(tb) != 3 || turn(tb) != 1 {
		t.Error("home waits still")
	}
	if !tb.Exit() || turn(tb) != 3 || tb.Exit() {
		t.Error("the last one cannot leave the table")
	}
}

func TestLimit(t *testing.T) {
	tb := &Table[int]{}
	for tb.Spawn(0) != nil {
	}
	if tb.Len() != Limit {
		t.Error(tb.Len())
	}
}

func TestCopyIsApartAndAllocatesNothing(t *testing.T) {
	from, to := three(t), &Table[int]{}
	from.Wait(8, 1, Never, 0)
	to.Copy(from)
	if to.Wake(8, 1, 1) != 1 || from.Wake(8, 1, 1) != 1 {
		t.Error("a copy shares who waits")
	}
	if turn(to) != turn(from) {
		t.Error("a copy has other turns")
	}
	if n := testing.AllocsPerRun(100, func() { to.Copy(from) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
