package persist

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// Tagger names servers in cookies. A tag is 96 bits of an HMAC-SHA-256, so a
// client can neither read a server's name from it nor make the tag of a server
// that it was not sent to. With the same secret the tags are the same after a
// restart and on other machines.
type Tagger struct{ secret []byte }

// NewTagger returns a Tagger for a secret; an empty one is replaced by a random
// one, and then pins do not outlive the process.
func NewTagger(secret []byte) *Tagger {
	if len(secret) == 0 {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails, by its documentation
	}
	return &Tagger{secret: bytes.Clone(secret)}
}

const (
	tagBytes  = 12
	tagLength = 16 // in base64
	sealBytes = 6
)

func (t *Tagger) sum(n int, parts ...string) string {
	h := hmac.New(sha256.New, t.secret)
	for _, p := range parts {
		// Lengths keep ("ab", "c") and ("a", "bc") apart.
		_, _ = h.Write([]byte(strconv.Itoa(len(p)) + ":" + p)) // a hash never fails
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:n])
}

// Tag returns the tag of a server: 16 characters that may stand in a cookie.
func (t *Tagger) Tag(backend, server string) string {
	return t.sum(tagBytes, "server", backend, server)
}

// Dated returns a tag with the times when the pin was issued and last renewed,
// sealed against changes.
func (t *Tagger) Dated(tag string, issued, renewed time.Time) string {
	dates := strconv.FormatInt(issued.Unix(), 36) + "." + strconv.FormatInt(renewed.Unix(), 36)
	return tag + "." + dates + "." + t.sum(sealBytes, "dates", tag, dates)
}

// Pin is what a cookie's value says. The times are zero in a value without
// dates.
type Pin struct {
	Tag             string
	Issued, Renewed time.Time
}

// Parse reads a cookie's value; ok is false when it is not of our making. A
// plain tag is only known to be ours once a server has it.
func (t *Tagger) Parse(value []byte) (p Pin, ok bool) {
	if len(value) == tagLength {
		return Pin{Tag: string(value)}, true
	}
	parts := bytes.Split(value, []byte{'.'})
	if len(parts) != 4 || len(parts[0]) != tagLength {
		return Pin{}, false
	}
	tag, dates := string(parts[0]), string(parts[1])+"."+string(parts[2])
	if !hmac.Equal([]byte(t.sum(sealBytes, "dates", tag, dates)), parts[3]) {
		return Pin{}, false
	}
	issued, err1 := strconv.ParseInt(string(parts[1]), 36, 64)
	renewed, err2 := strconv.ParseInt(string(parts[2]), 36, 64)
	if err1 != nil || err2 != nil {
		return Pin{}, false
	}
	return Pin{tag, time.Unix(issued, 0), time.Unix(renewed, 0)}, true
}

// nameTag is how long the marker at the head of a rewritten cookie name is.
const nameTag = 2

// nameID is how many characters of a rewritten name identify the server.
const nameID = 4

// Name rewrites a cookie's name to one of the same length that identifies the
// server: two characters that mark the backend, four that name the server, and
// padding. Same length means that the edit never moves a byte. Names shorter
// than six characters have no room; ok is then false. The prefixes __Host- and
// __Secure-, which browsers enforce, stay.
func (t *Tagger) Name(cookie, backend, server string) (name string, ok bool) {
	keep, rest := securePrefix(cookie)
	if len(rest) < nameTag+nameID {
		return "", false
	}
	// Base64's URL alphabet consists of token characters.
	mark := t.sum(32, "mark", backend, cookie)[:nameTag]
	id := t.sum(32, "name", backend, server, cookie)[:nameID]
	return keep + mark + id + strings.Repeat("x", len(rest)-nameTag-nameID), true
}

// securePrefix splits the prefix that browsers give a meaning to off a name.
func securePrefix(name string) (prefix, rest string) {
	for _, p := range []string{"__Host-", "__Secure-"} {
		if len(name) > len(p) && name[:len(p)] == p {
			return p, name[len(p):]
		}
	}
	return "", name
}

// OwnName reports whether name is of the form that Name gives to the cookie for
// some server of the backend, perhaps one that is gone.
func (t *Tagger) OwnName(name, cookie, backend string) bool {
	keep, rest := securePrefix(cookie)
	return len(name) == len(cookie) && len(rest) >= nameTag+nameID &&
		strings.HasPrefix(name, keep+t.sum(32, "mark", backend, cookie)[:nameTag]) && name != cookie &&
		strings.Trim(name[len(keep)+nameTag+nameID:], "x") == ""
}

// IsTag reports whether s has the form of a tag.
func IsTag(s []byte) bool { return len(s) == tagLength }
