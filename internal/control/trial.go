package control

import "time"

// Ongoing is a trial that runs now.
type Ongoing struct {
	Change     uint64      `json:"change"`
	Share      float64     `json:"share"` // of the clients
	Deadline   time.Time   `json:"deadline"`
	Conditions []Condition `json:"conditions"`
	Next       Outcomes    `json:"next"`    // of the change
	Running    Outcomes    `json:"running"` // of what runs beside it
}

// Condition is what must hold for a trial to be committed.
type Condition struct {
	Text  string `json:"text"` // "errors < 1%"
	Now   string `json:"now"`  // "0.2%"
	Holds bool   `json:"holds"`
}

// Trial returns the trial that runs now, nil when none does.
func (c *Controller) Trial() *Ongoing {
	w := c.trying()
	if w == nil {
		return nil
	}
	o := &Ongoing{Change: w.id, Share: w.share, Deadline: w.deadline, Conditions: make([]Condition, len(w.terms))}
	o.Next, o.Running = w.tried.Outcomes()
	for i, t := range w.terms {
		o.Conditions[i] = Condition{Text: t.Text, Now: t.Now(o.Next), Holds: t.Holds(o.Next)}
	}
	return o
}
