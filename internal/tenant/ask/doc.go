// Package ask keeps what one call of a program has asked of others: sub-requests
// on their way, by handle, and what a program may say of them.
//
// It sends nothing and starts no goroutine: who answers is given with each
// question (Answer) and tells by a channel when there is something new. A Table
// belongs to one goroutine. Whoever opens an Answer closes it; Table.Close does
// that for all that are left, and returns when none of them has a goroutine or
// a connection any more.
package ask
