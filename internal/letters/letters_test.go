package letters

import (
	"encoding/json"
	"testing"
)

const foreign = "a\x1b[31m\u009b\u202e\u2066 b\r\u2028\n\tc\x7fé�"

func TestOnly(t *testing.T) {
	if got := Only(foreign); got != "a�[31m��� b��\n\tc�é�" {
		t.Errorf("%q", got)
	}
	if got := Row(foreign); got != "a�[31m��� b��  c�é�" {
		t.Errorf("%q", got)
	}
	if got := Line(foreign); got != "a�[31m��� b�� c�é�" {
		t.Errorf("%q", got)
	}
}

// TestJSON: the document says the same, and nothing in it steers.
func TestJSON(t *testing.T) {
	doc, err := json.MarshalIndent(map[string]string{"x": foreign}, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got := JSON(doc)
	if s := string(got); Only(s) != s {
		t.Errorf("%q", s)
	}
	var back map[string]string
	if err := json.Unmarshal(got, &back); err != nil || back["x"] != foreign {
		t.Errorf("%v, %q", err, back["x"])
	}
}
