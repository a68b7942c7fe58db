package rules

import (
	"bytes"
	"strconv"

	"fishplate/internal/message"
)

// AppendTags appends the tags that the named fields of an answer hold, separated
// by spaces or commas, each once. They lie in the header's memory. There are as
// many as the head's size allows; none is dropped, since an object without one of
// its tags would outlive its purge.
func AppendTags(dst [][]byte, h *message.Header, names []string) [][]byte {
	start := len(dst)
	for _, name := range names {
		for at := h.Find(name); at >= 0; at = h.FindFrom(name, at+1) {
			dst = splitTags(dst, start, h.Value(at))
		}
	}
	return dst
}

func splitTags(dst [][]byte, start int, v []byte) [][]byte {
	for len(v) > 0 {
		i := 0
		for i < len(v) && v[i] != ',' && !isSpace(v[i]) {
			i++
		}
		if i > 0 {
			dst = appendOnce(dst, start, v[:i])
		}
		v = v[min(i+1, len(v)):]
	}
	return dst
}

// fewTags is up to how many a look for the same one is cheap; the store bears
// the same tag twice.
const fewTags = 64

func appendOnce(dst [][]byte, start int, tag []byte) [][]byte {
	if len(dst)-start <= fewTags {
		for _, t := range dst[start:] {
			if bytes.Equal(t, tag) {
				return dst
			}
		}
	}
	return append(dst, tag)
}

// AppendGroups appends the answer's cache groups (Cache-Groups, RFC 9875 §2) as
// tags that carry the request's origin, so that groups of two origins never meet,
// nor a group and a tag: tags have no spaces. The texts are new memory.
func AppendGroups(dst [][]byte, req *message.Request, h *message.Header) [][]byte {
	return appendGroups(dst, req, h, "Cache-Groups")
}

// InvalidatedGroups appends the tags of the groups that the answer to an unsafe
// request invalidates (Cache-Group-Invalidation, RFC 9875 §3). Nothing comes of a
// request that failed, as with the target itself.
func InvalidatedGroups(dst [][]byte, req *message.Request, resp *message.Response) [][]byte {
	if Safe(req.Method) || resp.Status < 200 || resp.Status > 399 {
		return dst
	}
	return appendGroups(dst, req, &resp.Header, "Cache-Group-Invalidation")
}

// GroupTag appends the tag that stands for a group of the request's origin.
func GroupTag(dst []byte, req *message.Request, group []byte) []byte {
	dst = append(append(append(dst, "group "...), req.Scheme...), "://"...)
	dst = append(append(dst, req.Host...), ':')
	dst = strconv.AppendInt(dst, int64(effectivePort(req.Scheme, req.Port)), 10)
	return append(append(dst, ' '), group...)
}

// appendGroups reads a list of strings. A list that breaks the syntax counts for
// nothing; a member that is no string is left out.
func appendGroups(dst [][]byte, req *message.Request, h *message.Header, name string) [][]byte {
	value := combined(h, name)
	if len(value) == 0 {
		return dst
	}
	start := len(dst)
	s := scanner{s: value}
	for {
		if v := s.value(); v.kind == sfString && !s.bad {
			var text [64]byte
			dst = appendOnce(dst, start, GroupTag(nil, req, v.unescaped(text[:0])))
		}
		if !s.more() {
			break
		}
	}
	if s.bad {
		return dst[:start]
	}
	return dst
}
