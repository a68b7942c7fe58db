// Package learned is what a process that leaves tells the next one about
// backends, as records: of each server what its checks found, why it is out and
// until when, which servers still leave, and the rows of the persistence tables.
//
// It only writes and reads; what is put where is upstream's. What it reads comes
// from another process, perhaps of another version: whatever is out of bounds
// makes the stream an error.
package learned
