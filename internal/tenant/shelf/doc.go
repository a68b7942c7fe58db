// Package shelf keeps programs that tenants were given by the API, by the
// SHA-256 of their bytes: in a folder, where they outlive the process, or in
// memory where there is none.
//
// A file is written aside, synchronised and renamed, and its hash is looked at
// whenever it is read. Which programs are still wanted is for its user to say. It
// is safe for concurrent use and owns no goroutine.
package shelf
