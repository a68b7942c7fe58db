package bans

// Walk is the objects of a store, seen by the lurker.
type Walk interface {
	// Visit calls test with at most n objects, from where the last call
	// stopped, does what the verdict says, and then numbers the object. It
	// reports true when that was the end of a round, which has visited each
	// object that was there all the time.
	Visit(n int, test func(o Object) (Verdict, uint32)) (end bool)
}

// round is how far the lurker is. Only Lurk uses it.
type round struct {
	under bool
	// passes is the number that all objects have when the round ends: that of
	// the newest ban when it began, or of the oldest hold at that moment if it
	// is lower. An object that comes into the store behind the lurker's back
	// was held then, or is newer than the ban.
	passes uint32
}

// batch is how many objects are visited at a time.
const batch = 64

// Lurk tests objects off the path of requests: about budget steps, one for each
// object visited and each test. When a round is through, the bans that all
// objects have passed are dropped. It returns the steps it took, 0 when there
// is nothing to do. One goroutine calls it.
func (l *List) Lurk(w Walk, budget int) (steps int) {
	for steps < budget {
		if !l.lurk.under && !l.begin() {
			break
		}
		visited, tests := 0, int64(0)
		end := w.Visit(min(batch, budget-steps), func(o Object) (Verdict, uint32) {
			verdict, number, n := l.test(o)
			visited++
			tests += n
			return verdict, number
		})
		l.stats.tests.Add(tests)
		l.stats.visited.Add(int64(visited))
		steps += max(1, visited+int(tests)) // a walk may pass places without objects
		if end {
			l.end()
		}
	}
	return steps
}

// begin starts a round if there is a ban that it could drop.
func (l *List) begin() bool {
	list := *l.active.Load()
	l.lurk.passes = list[0].Number
	for _, b := range list {
		if b.held.Load() > 0 {
			l.lurk.passes = min(l.lurk.passes, b.Number)
		}
	}
	l.lurk.under = l.lurk.passes > list[len(list)-1].Number
	return l.lurk.under
}

// end drops the bans that the round has settled.
func (l *List) end() {
	l.lurk.under = false
	l.stats.rounds.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	old := *l.active.Load()
	for i, b := range old {
		if b.Number > l.lurk.passes {
			continue
		}
		// This one becomes the last entry, which is not in force. Nobody can
		// hold one behind it, or the round would not have settled it.
		list := append([]*Ban(nil), old[:i+1]...)
		l.stats.dropped.Add(int64(len(old) - 1 - i))
		l.active.Store(&list)
		return
	}
}
