package interp

// pair is two neighbours that one record can do together.
type pair struct {
	first, second, both fast

	// fed says that the second must use the first's result as its rs1.
	fed bool
}

// pairs are those that are frequent in compiled programs.
var pairs = [...]pair{
	{doLd, doLd, doLdLd, false},
	{doLw, doLw, doLwLw, false},
	{doFld, doFld, doFldFld, false},
	{doSd, doSd, doSdSd, false},
	{doLd, doAddi, doLdAddi, false},
	{doLbu, doAddi, doLbuAddi, false},
	{doLbu, doBne, doLbuBne, true},
	{doLw, doBeq, doLwBeq, true},
	{doLd, doBne, doLdBne, true},
	{doAddi, doBlt, doAddiBlt, false},
	{doMv, doJalr, doMvJalr, false},
	{doLw, doAdd, doLwAdd, true},
	{doAdd, doLbu, doAddLbu, true},
	{doAdd, doLw, doAddLw, true},
	{doAdd, doLd, doAddLd, true},
	{doAdd, doSb, doAddSb, true},
	{doAdd, doJr, doAddJr, true},
	{doAddi, doAdd, doAddiAdd, false},
	{doAddi, doAddi, doAddiAddi, false},
	{doMv, doMv, doMvMv, false},
	{doAddi, doSd, doAddiSd, false},
	{doAddi, doBne, doAddiBne, false},
	{doAddi, doBltu, doAddiBltu, false},
	{doAdd, doBne, doAddBne, false},
	{doAndi, doBne, doAndiBne, false},
	{doSlli, doAdd, doSlliAdd, true},
	{doSlli, doSrli, doSlliSrli, true},
	{doFmulD, doFaddD, doFmulFaddD, false},
	{doFmulD, doFmulD, doFmulFmulD, false},
}

// pairsOf finds pairs by their first half.
var pairsOf = func() (of [doCount][]*pair) {
	for i := range pairs {
		p := &pairs[i]
		of[p.first] = append(of[p.first], p)
	}
	return of
}()

// fuse gives the first of two neighbours in a block the code of both. The second
// stays as it is: it is what a jump to it meets, and what faults. Going
// forwards, the second is still seen with its own code.
func (s *segment) fuse() {
	for i := range len(s.code) - 1 {
		a, b := &s.code[i], &s.code[i+1]
		if a.run <= 1 {
			continue
		}
		for _, p := range pairsOf[a.code] {
			if p.second != b.code {
				continue
			}
			if p.fed && b.rs1 != a.rd {
				if b.rs2 != a.rd || !commutes(b.code) {
					break
				}
				b.rs1, b.rs2 = b.rs2, b.rs1
			}
			a.code = p.both
			break
		}
	}
}

// commutes says whether the operands of a second half may change places.
func commutes(c fast) bool { return c == doAdd || c == doOr || c == doBeq || c == doBne }
