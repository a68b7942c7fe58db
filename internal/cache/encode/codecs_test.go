package encode

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// coded returns body in a coding, written in pieces of the given size.
func coded(t testing.TB, c *Codecs, coding Coding, body []byte, size int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := c.Writer(coding, &out)
	if err != nil {
		t.Fatal(err)
	}
	for rest := body; len(rest) > 0; {
		n := min(size, len(rest))
		if m, err := w.Write(rest[:n]); m != n || err != nil {
			t.Fatalf("wrote %d of %d: %v", m, n, err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if in, n := w.Sizes(); in != int64(len(body)) || n != int64(out.Len()) {
		t.Fatalf("sizes %d, %d of %d, %d", in, n, len(body), out.Len())
	}
	return out.Bytes()
}

func decoded(c *Codecs, coding Coding, body io.Reader, limit int64) ([]byte, error) {
	r, err := c.Reader(coding, body, limit)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func lines(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(strings.Repeat(string(rune('a'+r.IntN(26))), 1+r.IntN(9)))
		b.WriteByte(" \n"[r.IntN(2)])
	}
	return b.Bytes()[:n]
}

func TestRoundTrip(t *testing.T) {
	c := New(Options{})
	rapid.Check(t, func(r *rapid.T) {
		coding := rapid.SampledFrom(ours()).Draw(r, "coding")
		body := lines(rapid.IntRange(0, 200000).Draw(r, "size"))
		first := coded(t, c, coding, body, rapid.IntRange(1, 100000).Draw(r, "piece"))
		second := coded(t, c, coding, body, rapid.IntRange(1, 100000).Draw(r, "other"))
		if !bytes.Equal(first, second) {
			r.Fatalf("%v: %d bytes cut otherwise give other coded bytes", coding, len(body))
		}
		got, err := decoded(c, coding, iotest.HalfReader(bytes.NewReader(first)), int64(len(body)))
		if err != nil || !bytes.Equal(got, body) {
			r.Fatalf("%v: %d bytes became %d: %v", coding, len(body), len(got), err)
		}
	})
}

// TestPeers has programs of others decode what we code, and code what we decode.
func TestPeers(t *testing.T) {
	c := New(Options{})
	body := lines(300000)
	for coding, name := range map[Coding]string{Gzip: "gzip", Brotli: "brotli", Zstd: "zstd"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("%v; the test needs the package %s", err, name)
		}
		for _, body := range [][]byte{nil, body[:1], body} {
			peer := exec.Command(path, "-d", "-c")
			peer.Stdin = bytes.NewReader(coded(t, c, coding, body, 1000))
			got, err := peer.Output()
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%s makes %d bytes of %d: %v", name, len(got), len(body), err)
			}
			peer = exec.Command(path, "-c")
			peer.Stdin = bytes.NewReader(body)
			theirs, err := peer.Output()
			if err != nil {
				t.Fatal(err)
			}
			got, err = decoded(c, coding, bytes.NewReader(theirs), 1<<20)
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("of what %s coded we make %d bytes of %d: %v", name, len(got), len(body), err)
			}
		}
	}
}

// TestFlush shows that what was flushed can be decoded before the end.
func TestFlush(t *testing.T) {
	c := New(Options{})
	for _, coding := range ours() {
		in, out := io.Pipe()
		w, err := c.Writer(coding, out)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Reader(coding, in, 100)
		if err != nil {
			t.Fatal(err)
		}
		var end error
		done := make(chan struct{})
		go func() {
			defer close(done)
			if _, end = w.Write([]byte("first")); end == nil {
				end = w.Flush()
			}
		}()
		got := make([]byte, 5)
		if _, err := io.ReadFull(r, got); err != nil || string(got) != "first" {
			t.Errorf("%v: %q, %v", coding, got, err)
		}
		in.Close() // a compressor may have more to say than the decoder needs
		<-done
		if end != nil && !errors.Is(end, io.ErrClosedPipe) {
			t.Errorf("%v: %v", coding, end)
		}
		w.Abort()
		r.Close()
	}
}

func TestBomb(t *testing.T) {
	c := New(Options{})
	zeros := make([]byte, 10<<20)
	for _, coding := range ours() {
		bomb := coded(t, c, coding, zeros, len(zeros))
		if len(bomb) > 64<<10 {
			t.Fatalf("%v: not a bomb: %d bytes", coding, len(bomb))
		}
		got, err := decoded(c, coding, bytes.NewReader(bomb), 1<<20)
		if !errors.Is(err, ErrTooLarge) || len(got) != 1<<20 {
			t.Errorf("%v: %d bytes, %v", coding, len(got), err)
		}
		got, err = decoded(c, coding, bytes.NewReader(bomb), int64(len(zeros)))
		if err != nil || len(got) != len(zeros) {
			t.Errorf("%v at its limit: %d bytes, %v", coding, len(got), err)
		}
	}
}

func TestBroken(t *testing.T) {
	c := New(Options{})
	reset := errors.New("reset")
	for _, coding := range ours() {
		whole := coded(t, c, coding, lines(50000), 50000)
		for _, n := range []int{1, 3, len(whole) / 2, len(whole) - 1} {
			if _, err := decoded(c, coding, bytes.NewReader(whole[:n]), 1<<20); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%v cut after %d of %d: %v", coding, n, len(whole), err)
			}
			broken := io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(reset))
			if _, err := decoded(c, coding, broken, 1<<20); !errors.Is(err, reset) {
				t.Errorf("%v reset after %d: %v", coding, n, err)
			}
		}
		if _, err := decoded(c, coding, strings.NewReader("this is not coded at all"), 1<<20); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v of text: %v", coding, err)
		}
		if got, err := decoded(c, coding, strings.NewReader(""), 1<<20); err != nil || len(got) != 0 {
			t.Errorf("%v of nothing: %q, %v", coding, got, err)
		}
		// What the pool gives after a failure works.
		if _, err := decoded(c, coding, bytes.NewReader(whole), 1<<20); err != nil {
			t.Errorf("%v afterwards: %v", coding, err)
		}
	}
	for _, coding := range []Coding{Identity, Other} {
		if _, err := c.Writer(coding, io.Discard); !errors.Is(err, ErrCoding) {
			t.Error(coding, err)
		}
		if _, err := c.Reader(coding, nil, 1); !errors.Is(err, ErrCoding) {
			t.Error(coding, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	c := New(Options{})
	for _, coding := range ours() {
		f.Add(uint8(coding), coded(f, c, coding, lines(2000), 2000))
	}
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		coding := Gzip + Coding(n)%3
		got, err := decoded(c, coding, bytes.NewReader(body), 1<<16)
		if len(got) > 1<<16 {
			t.Fatalf("%v: %d bytes", coding, len(got))
		}
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooLarge) {
			t.Fatal(err)
		}
	})
}

func BenchmarkCodecs(b *testing.B) {
	c := New(Options{})
	body := lines(100 << 10)
	for _, coding := range ours() {
		var out bytes.Buffer
		b.Run("write/"+coding.String(), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				w, err := c.Writer(coding, &out)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = w.Write(body)
				_ = w.Close()
			}
			b.ReportMetric(float64(len(body))/float64(out.Len()), "ratio")
		})
		b.Run("read/"+coding.String(), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			buf := make([]byte, 32<<10)
			for b.Loop() {
				r, err := c.Reader(coding, bytes.NewReader(out.Bytes()), 1<<20)
				if err != nil {
					b.Fatal(err)
				}
				for err == nil {
					_, err = r.Read(buf)
				}
				r.Close()
			}
		})
	}
}
