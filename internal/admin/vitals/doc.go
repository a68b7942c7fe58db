// Package vitals has the part of the status that tells how the process is doing on
// its machine: what waits before accept, and the verdicts of the doctor's checks
// that run beside the service.
//
// It is shapes alone, whose keys are a promise. It measures nothing and judges
// nothing; no goroutine owns its values, and nobody changes them once they are made.
package vitals
