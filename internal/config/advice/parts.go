package advice

import (
	"fmt"
	"strings"

	"fishplate/internal/config/schema"
)

func (r *review) encode() {
	e := r.Policy.Encode
	if e == nil {
		return
	}
	if r.Given("encode", "codings") && len(e.Codings) == 0 {
		r.err("encode.codings", "encode names no coding", "", "drop the block encode")
	}
	if r.Given("encode", "types") && len(e.Types) == 0 {
		r.err("encode.types", "encode names no media type", "", "drop the block encode")
	}
	var idle []string
	for _, t := range e.Types {
		switch {
		case !mediaType(t):
			r.err("encode.types", fmt.Sprintf("%q is not a media type", t), "Parameters such as charset do not count and are not written.", `write "text/html", or "text/*" for all of a kind`)
		case packed(strings.ToLower(t)):
			idle = append(idle, t)
		}
	}
	if len(idle) > 0 {
		r.warn("encode.types", fmt.Sprintf("bodies of %s are compressed already", schema.List(idle)), "Compressing them again costs time and saves nothing.", "leave them out")
	}
	if !r.Policy.Vary.Encoding {
		r.warn("vary.encoding", "every spelling of Accept-Encoding gets variants of its own", "Browsers write the same codings in many ways.", "leave vary.encoding on beside encode")
	}
}

// mediaType reports whether t is "TYPE/SUBTYPE" or "TYPE/*".
func mediaType(t string) bool {
	major, minor, ok := strings.Cut(t, "/")
	return ok && Token(major) && Token(minor) && !strings.Contains(major, "*") && (minor == "*" || !strings.Contains(minor, "*"))
}

// packed reports whether bodies of a media type hold compressed data already.
// SVG is text, and the one image that is not.
func packed(t string) bool {
	major, minor, _ := strings.Cut(t, "/")
	switch major {
	case "image":
		return !strings.HasSuffix(minor, "+xml") && minor != "bmp" && minor != "x-icon" && minor != "vnd.microsoft.icon"
	case "video", "audio":
		return true
	case "font":
		return minor == "woff" || minor == "woff2"
	case "application":
		switch minor {
		case "zip", "gzip", "zstd", "x-7z-compressed", "x-xz", "x-bzip2", "pdf", "java-archive":
			return true
		}
	}
	return false
}

func (r *review) purge() {
	g := r.Policy.Purge
	if g == nil {
		return
	}
	for _, name := range []string{"from", "methods"} {
		if r.Given("purge", name) && (name == "from" && len(g.From) == 0 || name == "methods" && len(g.Methods) == 0) {
			r.err("purge."+name, fmt.Sprintf("nobody can purge by a request: %s is empty", name), "", "drop the block purge")
		}
	}
	for _, p := range g.From {
		if p.Bits() == 0 {
			r.warn("purge.from", fmt.Sprintf("anybody may purge the cache of %s", r.Of),
				"A visitor can empty it as often as he likes, and every request after that goes to the servers.", `name your own machines: from = ["127.0.0.1", "10.0.0.0/8"]`)
			return
		}
	}
}

func (r *review) synthetic() {
	if s := r.Policy.Synthetic; s != nil && s.Status < 300 {
		r.warn("synthetic.status", fmt.Sprintf("failures of %s look like success: %d", r.Of, s.Status), "Clients, and caches behind this one, may keep such an answer.", "write status = 503")
	}
}
