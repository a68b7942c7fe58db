package balance

import (
	"fmt"
	"slices"
	"sort"
)

// scratch is the working memory of one choice. Tables pool them.
type scratch struct {
	list    []int32   // the candidates in order, as indexes of members
	score   []float64 // by position in list
	in      []bool    // by member; used by steps that walk a table
	key     []byte
	tried   bool // some member is out only because it was tried
	explain bool
	reason  []Reason // by member; explain only
	note    []string // by member; explain only
}

func newScratch(n int) *scratch {
	return &scratch{list: make([]int32, 0, n), score: make([]float64, 0, n), in: make([]bool, n), key: make([]byte, 0, 256)}
}

func (s *scratch) reset(n int) {
	s.list, s.tried = s.list[:0], false
	if s.explain {
		s.reason, s.note = make([]Reason, n), make([]string, n)
	}
}

// judge says why an otherwise usable node is no candidate for this request.
func (s *scratch) judge(n *Node, q *Query) Reason {
	if n.full() {
		return Full
	}
	if len(q.Tried) > 0 && slices.Contains(q.Tried, n) {
		s.tried = true
		return Tried
	}
	return In
}

func (s *scratch) out(i int, r Reason) {
	if s.explain {
		s.reason[i] = r
	}
}

// spare marks the backups, which were not looked at, for an explanation.
func (s *scratch) spare(members []Member, now int64) {
	for i := range members {
		if !members[i].Backup {
			continue
		}
		s.reason[i] = Spare
		if r := members[i].Node.Why(now); r != In {
			s.reason[i] = r
		}
	}
}

// keep drops the candidates for which keep is false; when none would be left
// it drops none. why is only called for explanations.
func (s *scratch) keep(keep func(i int32) bool, why func(i int32) string) {
	kept := 0
	for _, i := range s.list {
		if keep(i) {
			kept++
		}
	}
	if kept == 0 {
		for _, i := range s.list {
			s.say(i, "kept, for no server passes: "+whyText(s.explain, why, i))
		}
		return
	}
	list := s.list[:0]
	for _, i := range s.list {
		if keep(i) {
			list = append(list, i)
			continue
		}
		s.drop(i, whyText(s.explain, why, i))
	}
	s.list = list
}

func whyText(explain bool, why func(i int32) string, i int32) string {
	if !explain {
		return ""
	}
	return why(i)
}

// droppedBy marks, in reason, that a step took the member out.
const droppedBy Reason = 1 << 30

func (s *scratch) drop(i int32, why string) {
	if s.explain {
		s.reason[i], s.note[i] = droppedBy, why
	}
}

func (s *scratch) say(i int32, text string) {
	if !s.explain {
		return
	}
	if s.note[i] != "" {
		text = s.note[i] + "; " + text
	}
	s.note[i] = text
}

// front moves the candidate at position p to the front, keeping the others'
// order.
func (s *scratch) front(p int) {
	i := s.list[p]
	copy(s.list[1:p+1], s.list[:p])
	s.list[0] = i
}

// rank computes a score for every candidate; lower is better.
func (s *scratch) rank(score func(i int32) float64) {
	s.score = s.score[:0]
	for _, i := range s.list {
		s.score = append(s.score, score(i))
	}
}

// sort orders the candidates by ascending score; equals keep their order.
func (s *scratch) sort() { sort.Stable((*byScore)(s)) }

// least moves the candidates with the lowest score to the front and returns
// how many they are.
func (s *scratch) least() int {
	low := s.score[0]
	for _, v := range s.score[1:] {
		low = min(low, v)
	}
	n := 0
	for p, v := range s.score {
		if v == low {
			s.list[n], s.list[p] = s.list[p], s.list[n]
			s.score[n], s.score[p] = s.score[p], s.score[n]
			n++
		}
	}
	return n
}

// byScore sorts list and score together.
type byScore scratch

func (b *byScore) Len() int           { return len(b.list) }
func (b *byScore) Less(i, j int) bool { return b.score[i] < b.score[j] }
func (b *byScore) Swap(i, j int) {
	b.list[i], b.list[j] = b.list[j], b.list[i]
	b.score[i], b.score[j] = b.score[j], b.score[i]
}

// Candidate is one member's part in an explanation.
type Candidate struct {
	Server string `json:"server"`
	In     bool   `json:"in"`
	Why    string `json:"why"`
}

// Explain says what Pick would do now and why, and changes nothing. chosen is
// -1 when no member is.
func (t *Table) Explain(q *Query) (list []Candidate, chosen int, v Verdict) {
	s := newScratch(len(t.members))
	s.explain = true
	chosen = -1
	if v = t.candidates(s, q); v == Chosen {
		t.run(s, q)
		chosen = int(s.list[0])
	}
	for i := range t.members {
		list = append(list, t.candidate(s, i, chosen))
	}
	return list, chosen, v
}

func (t *Table) candidate(s *scratch, i, chosen int) Candidate {
	c := Candidate{Server: t.members[i].Name, Why: s.note[i]}
	switch r := s.reason[i]; {
	case r == droppedBy:
	case r != In:
		c.Why = r.String()
	default:
		c.In = true
		verdict := "chosen"
		if i != chosen {
			verdict = fmt.Sprintf("behind %s", t.members[chosen].Name)
		}
		if c.Why != "" {
			verdict += ": " + c.Why
		}
		c.Why = verdict
	}
	return c
}
