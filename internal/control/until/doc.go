// Package until reads and judges the conditions of a trial: what must hold of the
// exchanges that a share of the clients had with a change, so that all get it. It
// counts nothing and waits for nothing: the Controller asks it, again and again and
// at the end. It is pure.
package until
