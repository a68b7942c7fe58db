package rules

import (
	"strings"
	"testing"

	"fishplate/internal/message"
)

// blobOf is the text of the variant that an answer with that Vary is for req.
func blobOf(t testing.TB, p *Policy, req, vary string) []byte {
	t.Helper()
	var h message.Header
	fieldsOf(&h, parts(vary))
	blob, reason := AppendVary(nil, requestOf(req), &h, p)
	if reason != Storable {
		t.Fatalf("%s: %s", vary, reason)
	}
	if again := varies(requestOf(req), &h, p); again != Storable {
		t.Fatalf("%s: measured as %s", vary, again)
	}
	return blob
}

func TestVary(t *testing.T) {
	plain, coding, ignoring := &Policy{}, &Policy{NormaliseCoding: true}, &Policy{VaryIgnore: []string{"user-agent"}}
	for _, row := range []struct {
		section    string
		p          *Policy
		vary, a, b string
		want       bool
	}{
		{"9111 §4.1", plain, "", "X: 1", "X: 2", true},
		{"9110 §12.5.5", plain, "Vary:", "X: 1", "X: 2", true},
		{"9111 §4.1", plain, "Vary: X", "X: 1", "X: 1", true},
		{"9111 §4.1", plain, "Vary: X", "X: 1", "X: 2", false},
		{"9111 §4.1", plain, "Vary: X", "X: 1", "X: 12", false},
		{"9111 §4.1", plain, "Vary: X", "X: 12", "X: 1", false},
		{"9111 §4.1", plain, "Vary: X", "X: 1", "", false},
		{"9111 §4.1", plain, "Vary: X", "", "X: 1", false},
		{"9111 §4.1", plain, "Vary: X", "", "", true},
		{"9111 §4.1", plain, "Vary: X", "X:", "", false},
		{"9111 §4.1", plain, "Vary: X", "", "X:", false},
		{"9111 §4.1", plain, "Vary: X", "X: a", "X: A", false},
		{"9111 §4.1", plain, "Vary: X", "X: 1", "Y: 1 | X: 1 | Z: 2", true},
		{"9111 §4.1", plain, "Vary: X", "X: 1 | X: 2", "X: 2 | X: 1", false},
		{"9111 §4.1", plain, "Vary: X", "X: 1 | X: 2", "X: 1,2", true},
		{"9111 §4.1", plain, "Vary: X", "X: 1 | X: 2", "X: 1", false},
		{"9111 §4.1", plain, "Vary: X", "X: 1", "X: 1 | X: 2", false},
		{"9111 §4.1", plain, "Vary: x, Y", "X: 1 | Y: 2", "y: 2 | x: 1", true},
		{"9111 §4.1", plain, "Vary: X, Y", "X: 1 | Y: 2", "X: 2 | Y: 1", false},
		{"9111 §4.1", plain, "Vary: X, Y", "X: 1 | Y: 23", "X: 12 | Y: 3", false},
		{"9111 §4.1", plain, "Vary: X | Vary: Y", "X: 1 | Y: 2", "X: 1 | Y: 3", false},
		{"9111 §4.1", plain, "Vary: X,,x , X", "X: 1", "X: 1", true},
		{"9111 §4.1", plain, "Vary: Cookie", "Cookie: u=a", "Cookie: u=b", false},
		{"9111 §4.1", plain, "Vary: User-Agent", "User-Agent: A, b", "User-Agent: A,b", false},
		{"own", ignoring, "Vary: User-Agent", "User-Agent: a", "User-Agent: b", true},
		{"own", ignoring, "Vary: X, USER-AGENT", "User-Agent: a | X: 1", "User-Agent: b | X: 2", false},

		{"9110 §12.5.4", plain, "Vary: Accept-Language", "Accept-Language: de, en;q=0.5", "Accept-Language: DE,en;q=0.5", true},
		{"9110 §12.5.4", plain, "Vary: Accept-Language", "Accept-Language: de, en", "Accept-Language: en, de", false},
		{"9110 §12.5.4", plain, "Vary: Accept-Language", "Accept-Language: de | Accept-Language: en", "Accept-Language: de, en", true},
		{"9110 §12.5.3", plain, "Vary: Accept-Encoding", "Accept-Encoding: gzip, br", "Accept-Encoding: gzip,BR", true},
		{"9110 §12.5.3", plain, "Vary: Accept-Encoding", "Accept-Encoding: gzip, br", "Accept-Encoding: br, gzip", false},

		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, br", "Accept-Encoding: br;q=0.5,GZIP", true},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, br", "Accept-Encoding: br | Accept-Encoding: gzip", true},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, br", "Accept-Encoding: gzip", false},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip", "Accept-Encoding: gzip, br", false},
		{"9110 §8.4.1.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip", "Accept-Encoding: x-gzip", true},
		{"9110 §12.4.2", coding, "Vary: Accept-Encoding", "Accept-Encoding: br, gzip;q=0", "Accept-Encoding: br", true},
		{"9110 §12.4.2", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip;q=0.000", "Accept-Encoding: identity", true},
		{"9110 §12.4.2", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip;q=0.001", "Accept-Encoding: identity", false},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: identity;q=0, gzip", "Accept-Encoding: gzip", false},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, *;q=0", "Accept-Encoding: gzip", false},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, *;q=0", "Accept-Encoding: gzip, identity, *;q=0", false},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: *", "Accept-Encoding: gzip", false},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: *, br;q=0", "Accept-Encoding: *", false},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, gzip;q=0", "Accept-Encoding: gzip", false},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "", "Accept-Encoding:", false},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, dcb", "Accept-Encoding: gzip", false},
		{"9110 §12.5.3", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, dcb", "Accept-Encoding: DCB,gzip", true},
		{"9110 §12.4.2", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, br;q=2", "Accept-Encoding: gzip", false},
		{"9110 §12.4.2", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, br;q=0.0000", "Accept-Encoding: gzip", false},
		{"9110 §12.4.2", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, br;level=1", "Accept-Encoding: gzip", false},
		{"9110 §12.4.2", coding, "Vary: Accept-Encoding", "Accept-Encoding: gzip, br ; q=0", "Accept-Encoding: gzip", true},
	} {
		blob := blobOf(t, row.p, row.a, row.vary)
		if got := MatchVary(blob, requestOf(row.b), row.p); got != row.want {
			t.Errorf("RFC %s: %s: %q then %q: match %t, want %t", row.section, row.vary, row.a, row.b, got, row.want)
		}
		if !MatchVary(blob, requestOf(row.a), row.p) {
			t.Errorf("RFC %s: %s: %q does not match itself", row.section, row.vary, row.a)
		}
		// Equal texts are what the store takes for the same variant.
		if same := string(blob) == string(blobOf(t, row.p, row.b, row.vary)); same != row.want {
			t.Errorf("RFC %s: %s: %q and %q: equal texts %t, want %t", row.section, row.vary, row.a, row.b, same, row.want)
		}
	}
}

// TestVaryOutlivesItsPolicy holds that a stored text says how it was made.
func TestVaryOutlivesItsPolicy(t *testing.T) {
	blob := blobOf(t, &Policy{NormaliseCoding: true}, "Accept-Encoding: gzip, br", "Vary: Accept-Encoding, X")
	if !MatchVary(blob, requestOf("Accept-Encoding: br,gzip"), &Policy{}) {
		t.Error("the normal form of the text is not used")
	}
	if !MatchVary(blob, requestOf("Accept-Encoding: br,gzip | X: 2"), &Policy{VaryIgnore: []string{"X"}}) {
		t.Error("a field that is ignored now still counts")
	}
}

// TestVaryOrder holds that the order of names in Vary makes no other variant.
func TestVaryOrder(t *testing.T) {
	p, req := &Policy{}, "A: 1 | B: 2 | C: 3 | Ab: 4"
	want := string(blobOf(t, p, req, "Vary: A, Ab, B, C"))
	for _, vary := range []string{"Vary: c, b, ab, a", "Vary: B,C | Vary: A,AB,a", "Vary: ab,c,a,b,"} {
		if got := string(blobOf(t, p, req, vary)); got != want {
			t.Errorf("%s: %q, want %q", vary, got, want)
		}
	}
}

func TestVaryTooLong(t *testing.T) {
	var h message.Header
	fieldsOf(&h, []string{"Vary: X"})
	req := requestOf("X: " + strings.Repeat("a", maxVaryText))
	blob, reason := AppendVary([]byte("before"), req, &h, &Policy{})
	if reason != ReasonVaryLong || string(blob) != "before" || varies(req, &h, &Policy{}) != ReasonVaryLong {
		t.Errorf("%s %q", reason, blob)
	}
}

// TestBrokenVaryText holds that a text that was damaged matches nothing.
func TestBrokenVaryText(t *testing.T) {
	blob := blobOf(t, &Policy{}, "X: 1", "Vary: X")
	for n := 1; n < len(blob); n++ {
		if MatchVary(blob[:n], requestOf("X: 1"), &Policy{}) {
			t.Errorf("%d bytes of %d match", n, len(blob))
		}
	}
}
