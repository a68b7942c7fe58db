// Package cfg is the rows of the catalogue about our own configuration, where it
// and the machine disagree. Without a configuration they are skipped.
//
// They read the view's facts of it; the configuration itself is not parsed here.
// Nothing is kept between calls.
package cfg

import "fishplate/internal/doctor/see"

// Rows are the rows of this group.
func Rows() []see.Row {
	return []see.Row{fastOpen(), shards(), backlog(), keepAlive(), upstream(), accessLog(), memory()}
}
