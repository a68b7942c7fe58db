package interp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHooks(t *testing.T) {
	const (
		stop, wfi, custom  = 0x7ff00073, 0x10500073, 0x1230005b
		customRd, custom0B = 0x123286db, 0x45c5150b
		mret               = 0x30200073
		ecall, ebreak      = wordEcall, wordEbreak
	)
	all := &Hooks{
		System: map[uint16]Action{0x7ff: Leave, 0x302: Ignore, 0x105: Refuse, 0: Halt},
		Custom: map[uint8]Action{0x0b: Leave, 0x5b: Halt, 0x2b: Ignore},
		Break:  Ignore,
	}
	illegal := Exit{Kind: Faulted, Fault: &Fault{Illegal, codeAt, codeAt}}
	tests := []struct {
		name  string
		hooks *Hooks
		word  uint32
		want  Exit
		pc    uint64 // from codeAt
	}{
		{"stop", nil, stop, Exit{Kind: Stop}, 4},
		{"wfi", nil, wfi, Exit{Kind: Stop}, 4},
		{"custom", nil, custom, Exit{Kind: Custom, Imm: 0x123, Word: custom}, 0},
		{"custom with registers", nil, customRd, illegal, 0},
		{"other custom opcode", nil, custom0B, illegal, 0},
		{"mret", nil, mret, illegal, 0},
		{"ebreak", nil, ebreak, Exit{Kind: Break}, 0},
		{"empty hooks", &Hooks{}, stop, Exit{Kind: Stop}, 4},
		{"stop leaves", all, stop | 10<<7, Exit{Kind: Custom, Imm: 0x7ff, Word: stop | 10<<7}, 0},
		{"mret ignored", all, mret, Exit{Kind: Budget}, 4},
		{"wfi refused", all, wfi, illegal, 0},
		{"ecall is not hooked", all, ecall, Exit{Kind: Call}, 0},
		{"ebreak ignored", all, ebreak, Exit{Kind: Budget}, 4},
		{"c.ebreak ignored", all, wordCEbreak | 1<<16, Exit{Kind: Budget}, 2},
		{"ebreak leaves", &Hooks{Break: Leave}, ebreak, Exit{Kind: Break}, 0},
		{"ebreak halts", &Hooks{Break: Halt}, wordCEbreak, Exit{Kind: Stop}, 2},
		{"0x0B leaves", all, custom0B, Exit{Kind: Custom, Imm: 0x45c, Word: custom0B}, 0},
		{"0x5B halts", all, customRd, Exit{Kind: Stop}, 4},
		{"0x2B ignored", all, 0xffffffab, Exit{Kind: Budget}, 4},
		{"0x7B not named", all, 0x7b, illegal, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, xlen := range []int{64, 32} {
				b := newBench(t)
				b.PC = codeAt
				w := tt.word
				code := CompileWith(tt.hooks, xlen, []Region{{codeAt, []byte{byte(w), byte(w >> 8), byte(w >> 16), byte(w >> 24)}}})
				if diff := cmp.Diff(tt.want, b.Run(code, b.mem, 1)); diff != "" {
					t.Errorf("exit (-want +got):\n%s", diff)
				}
				if b.PC != codeAt+tt.pc {
					t.Errorf("PC %#x, want %#x", b.PC, codeAt+tt.pc)
				}
				if counted := b.Instret == 1; counted != (tt.want.Kind != Faulted) {
					t.Errorf("%d instructions", b.Instret)
				}
			}
		})
	}
}
