package records

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// written is a stream of the records.
func written(t testing.TB, kind string, version uint16, list ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, kind, version)
	for _, r := range list {
		if err := w.Put([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(text []byte, kind string, version uint16, longest int) (list []string, err error) {
	r, err := NewReader(bytes.NewReader(text), kind, version, longest)
	if err != nil {
		return nil, err
	}
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, string(b))
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	want := []string{"a", "", strings.Repeat("x", 100000), "b"}
	got, err := read(written(t, "k", 3, want...), "k", 3, 100000)
	if err != nil || !slices.Equal(got, want) {
		t.Error(len(got), err)
	}
	if got, err = read(written(t, "k", 3), "k", 3, 1); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
}

func TestOtherStreamsAreRefused(t *testing.T) {
	text := written(t, "k", 3, "one", "two")
	for name, tt := range map[string]struct {
		kind    string
		version uint16
		longest int
		want    string
	}{
		"kind":    {"j", 3, 10, "another kind"},
		"version": {"k", 4, 10, "its format is version 3, this binary reads 4"},
		"length":  {"k", 3, 2, "a record of 3 bytes"},
	} {
		if _, err := read(text, tt.kind, tt.version, tt.longest); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range len(text) {
		if _, err := read(text[:n], "k", 3, 10); err == nil {
			t.Errorf("the first %d of %d bytes are read as whole", n, len(text))
		}
		bad := bytes.Clone(text)
		bad[n] ^= 0x10
		if got, err := read(bad, "k", 3, 10); err == nil {
			t.Errorf("byte %d was changed, and read was %q", n, got)
		}
	}
}

func TestFields(t *testing.T) {
	b := AppendText(AppendInt(AppendText(nil, "text"), -5), []byte{1, 2})
	f := FieldsOf(b)
	if f.Text() != "text" || f.Int() != -5 || !bytes.Equal(f.Bytes(), []byte{1, 2}) || f.End() != nil {
		t.Error(b)
	}
	for n := range len(b) {
		f := FieldsOf(b[:n])
		f.Text()
		f.Int()
		f.Bytes()
		if f.End() == nil {
			t.Errorf("%d of %d bytes are enough", n, len(b))
		}
	}
	f = FieldsOf(append(b, 0))
	f.Text()
	f.Int()
	f.Bytes()
	if f.End() == nil {
		t.Error("what is left over is not seen")
	}
	if f = FieldsOf(AppendInt(nil, 1<<40)); f.Count() != 0 || f.End() == nil {
		t.Error("a count beyond what is there")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWritersFail(t *testing.T) {
	w := NewWriter(broken{}, "k", 1)
	for range 100 {
		_ = w.Put(make([]byte, 10000))
	}
	if err := w.Close(); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	if err := NewWriter(io.Discard, strings.Repeat("k", 100), 1).Close(); err == nil {
		t.Error("a kind of any length")
	}
}

func FuzzReader(f *testing.F) {
	f.Add(written(f, "k", 1, "one", "two", ""))
	f.Add(written(f, "k", 2, string(AppendText(AppendInt(nil, 7), "x"))))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := read(text, "k", 1, 1000)
		if err == nil && fmt.Sprint(list) != "[]" && !bytes.HasPrefix(text, written(t, "k", 1, list...)) {
			t.Errorf("%q is read as %q", text, list)
		}
		for _, r := range list {
			fields := FieldsOf([]byte(r))
			for fields.Count() > 0 {
				_ = fields.Text()
			}
			_ = fields.End()
		}
	})
}
