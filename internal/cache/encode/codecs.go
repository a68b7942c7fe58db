package encode

import (
	"errors"
	"io"
	"math/bits"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Levels are the effort spent for each coding, in the coding's own scale; 0 takes
// the default.
type Levels struct {
	Gzip   int // 1–9, 6 by default
	Brotli int // 1–11, 5 by default
	Zstd   int // 1–22, of which four are distinct, 3 by default
}

// Options set up a Codecs.
type Options struct {
	Levels Levels
	// Window bounds what a compressor looks back, in bytes; 0 for 512 KiB. It
	// is what most of a compressor's memory goes for.
	Window int
}

// The errors of a Reader, besides those of its source.
var (
	// ErrTooLarge: the decoded body exceeds the limit.
	ErrTooLarge = errors.New("decode body: too large")
	// ErrCorrupt: the coded body is broken or ends early.
	ErrCorrupt = errors.New("decode body: corrupt")
	// ErrCoding: no codec for that coding.
	ErrCoding = errors.New("choose codec: unknown coding")
)

// maxWindow is how far back a zstd body may refer (RFC 9659 §3); those of gzip
// and br are bound by their formats to 32 KiB and 16 MiB.
const maxWindow = 8 << 20

// Codecs makes compressors and decompressors, and keeps idle ones until the
// garbage collector wants their memory. It is safe for concurrent use.
type Codecs struct {
	opt     Options
	writers [codings]sync.Pool // of *Writer
	readers [codings]sync.Pool // of *Reader
}

// New returns a Codecs.
func New(o Options) *Codecs {
	if o.Levels.Gzip == 0 {
		o.Levels.Gzip = 6
	}
	if o.Levels.Brotli == 0 {
		o.Levels.Brotli = 5
	}
	if o.Levels.Zstd == 0 {
		o.Levels.Zstd = 3
	}
	if o.Window <= 0 {
		o.Window = 512 << 10
	}
	return &Codecs{opt: o}
}

// newCompressor makes a compressor that writes to w.
func (c *Codecs) newCompressor(coding Coding, w io.Writer) (compressor, error) {
	window := bits.Len(uint(c.opt.Window)) - 1 // as a power of two
	switch coding {
	case Gzip:
		return gzip.NewWriterLevel(w, c.opt.Levels.Gzip)
	case Brotli:
		return brotli.NewWriterOptions(w, brotli.WriterOptions{
			Quality: c.opt.Levels.Brotli, LGWin: min(max(window, 10), 24),
		}), nil
	case Zstd:
		return zstd.NewWriter(w,
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(c.opt.Levels.Zstd)),
			zstd.WithWindowSize(1<<min(max(window, 10), 23)),
			zstd.WithEncoderConcurrency(1), // it compresses within Write
			zstd.WithLowerEncoderMem(true),
			zstd.WithZeroFrames(true)) // an empty body is a body
	}
	return nil, ErrCoding
}

// newDecompressor makes a decompressor without a source.
func newDecompressor(coding Coding) (decompressor, error) {
	switch coding {
	case Gzip:
		return &gzip.Reader{}, nil
	case Brotli:
		return brotli.NewReader(nil), nil
	case Zstd:
		d, err := zstd.NewReader(nil,
			zstd.WithDecoderConcurrency(1), // it decompresses within Read
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		return d, err
	}
	return nil, ErrCoding
}
