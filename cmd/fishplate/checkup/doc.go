// Package checkup is the verb doctor: it reads the flags, lets the doctor look,
// and writes the report in the form that was asked for. What is looked at, and how
// it is judged, is the doctor's. The verb's goroutine does all of it.
package checkup
