package rules

import "fishplate/internal/message"

// AppendTags appends the tags that the named fields of an answer hold, separated
// by spaces or commas, each once. The texts lie in the header's memory.
func AppendTags(dst [][]byte, h *message.Header, names []string) [][]byte { return dst }

// AppendGroups appends the answer's cache groups (Cache-Groups, RFC 9875 §2) as
// tags that carry the request's origin, so that groups of two origins never meet.
// The texts are new memory.
func AppendGroups(dst [][]byte, req *message.Request, h *message.Header) [][]byte { return dst }

// InvalidatedGroups appends the tags of the groups that an answer to an unsafe
// request invalidates (Cache-Group-Invalidation, RFC 9875 §3).
func InvalidatedGroups(dst [][]byte, req *message.Request, resp *message.Response) [][]byte {
	return dst
}
