package lines

import (
	"bytes"

	"fishplate/internal/http1"
)

// splitTarget checks a target that a guest set and cuts it at its query, by the
// rules that a client's target is under: path is its one normal form, so what
// is forwarded cannot be read in two ways. The results are copies; target is
// path and query as they will be sent.
func splitTarget(url []byte) (target, path, query []byte, hasQuery, ok bool) {
	if len(url) == 0 || len(url) > MaxLine || url[0] != '/' {
		return nil, nil, nil, false, false
	}
	for _, c := range url {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return nil, nil, nil, false, false
		}
	}
	raw, rest, hasQuery := bytes.Cut(url, []byte{'?'})
	target, err := http1.NormalizePath(nil, raw, "merge")
	if err != nil {
		return nil, nil, nil, false, false
	}
	n := len(target)
	if hasQuery {
		target = append(append(target, '?'), rest...)
		query = target[n+1:]
	}
	return target, target[:n:n], query, hasQuery, true
}
