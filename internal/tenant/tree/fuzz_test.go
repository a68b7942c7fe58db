package tree

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"testing"
)

func free(int) error { return nil }

// FuzzJSON reads, counts and edits whatever a guest may: what is valid here is
// valid to encoding/json, a value that is set is found again, and what was valid
// stays so.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"\u00e9"}],"c":null}`, `[[[[]]]]`, ` {"":1,"a.b":2, "a":{}} `, `"x"`, `{"a":1,"a":2}`, `[1,2,]`, "[\xff]", `{"a" : 1 , "b" : 2 }`} {
		f.Add([]byte(s), []byte("a.0"), []byte("7"))
		f.Add([]byte(s), []byte(`a\.b`), []byte(""))
	}
	f.Fuzz(func(t *testing.T, doc, path, value []byte) {
		if len(doc) > 1<<14 {
			return
		}
		valid := ValidJSON(doc)
		if valid && !json.Valid(doc) {
			t.Fatalf("%q is not valid", doc)
		}
		v, err := Find(doc, path, free)
		if err == nil {
			if !valid {
				t.Fatalf("%q is not valid, and has something at %q", doc, path)
			}
			v.Append(nil)
			v.Type()
			v.Count()
			if from, to := v.span(); from < 0 || to > len(doc) {
				t.Fatalf("value at %d to %d of %d bytes", from, to, len(doc))
			}
		}
		out, err := Set(nil, doc, path, value, free)
		if err != nil {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q set at %q in %q makes %q", value, path, doc, out)
		}
		if len(value) > 0 && !bytes.Contains(doc, []byte(`"`)) {
			got, err := Find(out, path, free)
			if err != nil || trim(got.r.Raw) != trim(string(value)) {
				t.Fatalf("%q set at %q in %q is found as %q, %v", value, path, doc, got.r.Raw, err)
			}
		}
		if quoted := AppendQuoted(nil, value); !json.Valid(quoted) {
			t.Fatalf("%q is quoted as %q", value, quoted)
		}
	})
}

// FuzzXML reads whatever a guest may: it ends, and what is counted is there.
func FuzzXML(f *testing.F) {
	for _, s := range []string{`<a><b c="1">x</b><b/></a>`, `<a xmlns:x="y"><x:b/></a>`, "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a", "<a></b>", "<?xml version='1.0' encoding='latin1'?><a/>", "<a>]]></a>"} {
		f.Add([]byte(s), []byte("a/b"))
		f.Add([]byte(s), []byte("a/b[2]/@c"))
	}
	f.Fuzz(func(t *testing.T, doc, path []byte) {
		if len(doc) > 1<<14 {
			return
		}
		if ValidXML(doc) {
			if err := xml.Unmarshal(doc, new(struct{})); err != nil {
				t.Fatalf("%q is not valid: %v", doc, err)
			}
		}
		if escaped := AppendXML(nil, path); bytes.ContainsAny(escaped, "<>\"'\x00") || !ValidXML(fmt.Appendf(nil, "<a b='%s'>%s</a>", escaped, escaped)) {
			t.Fatalf("%q is escaped as %q", path, escaped)
		}
		n, err := CountXML(doc, path)
		text, found := FindXML(nil, doc, path)
		if err == nil && (n > 0) != (found == nil) {
			t.Fatalf("%d elements at %q of %q, the first is %q: %v", n, path, doc, text, found)
		}
	})
}
