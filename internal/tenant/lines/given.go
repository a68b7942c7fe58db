package lines

// Target checks a path with its query that a guest wrote for a request of its
// own, as a URL line is checked. The results are copies.
func Target(url []byte) (target, path, query []byte, hasQuery, ok bool) { return splitTarget(url) }

// Field cuts a field line that a guest wrote at its colon and checks it, as one
// that is appended to a message. The results lie in line.
func Field(line []byte) (name, value []byte, ok bool) { return splitField(line) }
