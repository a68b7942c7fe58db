package debug

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReadPacket(t *testing.T) {
	tests := []struct {
		name, in string
		want     received
		err      error
	}{
		{"plain", "$g#67", received{packet: []byte("g")}, nil},
		{"receipts before", "+++$g#67", received{packet: []byte("g")}, nil},
		{"noise before", "hello $g#67", received{packet: []byte("g")}, nil},
		{"empty", "$#00", received{}, nil},
		{"escape", "$X}\x03}]#cc", received{packet: []byte("X#}"), damaged: true}, nil},
		{"escape with its sum", "$}\x03#80", received{packet: []byte("#")}, nil},
		{"wrong sum", "$g#68", received{packet: []byte("g"), damaged: true}, nil},
		{"sum is no number", "$g#zz", received{packet: []byte("g"), damaged: true}, nil},
		{"upper case", "$O#4F", received{packet: []byte("O")}, nil},
		{"begun anew", "$garbage$g#67", received{packet: []byte("g")}, nil},
		{"ends in an escape", "$}#7d", received{damaged: true}, nil},
		{"interrupt", "+\x03$g#67", received{interrupt: true}, nil},
		{"resend", "-", received{resend: true}, nil},
		{"end", "+", received{}, io.EOF},
		{"end in the packet", "$g", received{}, io.ErrUnexpectedEOF},
		{"end in the sum", "$g#6", received{}, io.ErrUnexpectedEOF},
		{"too long", "$" + strings.Repeat("x", maxPacket+2), received{}, errLongPacket},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readPacket(bufio.NewReader(strings.NewReader(tt.in)))
			if !errors.Is(err, tt.err) || err == nil && tt.err != nil {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if !bytes.Equal(got.packet, tt.want.packet) || got.damaged != tt.want.damaged ||
				got.interrupt != tt.want.interrupt || got.resend != tt.want.resend {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func FuzzPacket(f *testing.F) {
	f.Add([]byte("$qSupported:swbreak+#37"), []byte("a$b#c}d*e"))
	f.Add([]byte("+$X10000,3:}\x03}\x04}]#00\x03"), []byte{0, 3, 255})
	f.Fuzz(func(t *testing.T, stream, data []byte) {
		r := bufio.NewReader(bytes.NewReader(stream))
		for n := 0; ; n++ {
			if _, err := readPacket(r); err != nil {
				break
			}
			if n > len(stream) {
				t.Fatal("more packets than bytes")
			}
		}
		if len(data) > maxPacket/2 {
			return
		}
		got, err := readPacket(bufio.NewReader(bytes.NewReader(appendPacket(nil, data))))
		if err != nil || got.damaged || !bytes.Equal(got.packet, data) {
			t.Fatalf("%q became %q, damaged %v, error %v", data, got.packet, got.damaged, err)
		}
	})
}
