package netio

import (
	"sync/atomic"
	"time"
)

// Now returns the time. It is to be called once per wake-up of a goroutine and
// handed on, not once per use.
func Now() time.Time { return time.Now() }

// dateLayout is IMF-fixdate of RFC 9110 §5.6.7.
const dateLayout = "Mon, 02 Jan 2006 15:04:05 GMT"

type dateText struct {
	second int64
	text   []byte
}

var date atomic.Pointer[dateText]

// DateHeader returns the value of a Date field (RFC 9110 §6.6.1) for now. It is
// rendered once a second and must not be written to.
func DateHeader() []byte { return DateAt(Now()) }

// DateAt is DateHeader for a time that the caller has already read.
func DateAt(now time.Time) []byte {
	second := now.Unix()
	if d := date.Load(); d != nil && d.second == second {
		return d.text
	}
	d := &dateText{second: second, text: now.UTC().AppendFormat(nil, dateLayout)}
	date.Store(d)
	return d.text
}
