package tenant

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"fishplate/internal/metrics"
	"fishplate/internal/tenant/lines"
	"fishplate/internal/tenant/text"
)

const maxRegexes = 64 // of one machine; programs were promised 16

func regexCalls() []Call {
	return []Call{
		{531, "REGEX_COMPILE", "a0, a1 pattern", "a0 = handle 0–63", "a bad pattern, one of above 10,000 instructions, or more than 64, ends the call", "1000; when the image does not know it yet 20,000 + 200·length more, 20,000 + 2000·length when it is matched by backtracking, and 100 for each instruction of its program", "Compiles an expression; the same pattern gives the same handle.", sysRegexCompile},
		{532, "REGEX_MATCH", "a0 handle, a1, a2 text", "a0 = 1 or 0", "an unknown handle ends the call", "500 + 8·length, or 2·length·size for an expression of a size of above 4 instructions; by backtracking 10 for each step", "Searches the text.", sysRegexMatch},
		{533, "REGEX_SUBST", "a0 handle, a1, a2 text, a3, a4 substitution, a5 destination, a6 size; bit 31: replace all", "a0 = length written, without NUL", "-1: size 0, or a result above 16 MiB", "500 + 16·length; 500 and the length of the substitution for each match; the length of the result; of all in a text above 1,024 bytes 10 for each step of the search", "Replaces the first match or all by a text with \\0–\\9, and writes it with a NUL. Only the first match may be empty.", sysRegexSubst},
		{534, "REGSUB_HDR", "a0 handle, a1 where, a2 index, a3, a4 substitution, a5 all", "a0 = new length", "-1: no such line, or refused", "as REGEX_SUBST", "The same on a line in place.", sysRegexField},
		{535, "REGEX_FREE", "a0 handle", "", "", "", "Forgets a handle.", sysRegexFree},
		{536, "SHA256", "a0, a1 bytes, a2 destination, a3 size, 32", "a0 = 32", "0: another size", "4·length", "Writes the SHA-256 digest.", sysSHA256},
		{538, "BASE64_DECODE", "a0, a1 text, a2 destination, a3 size", "a0 = length", "-1: malformed, or size is less than the text's length", "2·length", "Decodes base64, standard alphabet. The length is that of the data, without padding.", sysBase64},
		{711, "REGEX_GROUPS", "a0 handle; a1, a2 text; a3 destination of pairs of 32 bits, a4 how many pairs there is room for", "a0 = groups written, 0 when nothing matches", "an unknown handle ends the call", "as REGEX_MATCH, 16·length", "Searches and writes begin and end of the match and of its groups; -1, -1 for a group that took no part.", sysRegexGroups},
		{712, "REGEX_INFO", "a0 handle", "a0 = 0 RE2, 1 backtracking", "FP_E_NONE: an unknown handle", "", "How an expression is matched.", sysRegexInfo},
	}
}

func sysRegexCompile(v *vm, pace *pacer) error {
	b, err := v.buffer(v.arg(0), uint64(uint32(v.arg(1))))
	if err != nil {
		return err
	}
	if len(b) > text.MaxPattern {
		return &trap{"guest-regex", "compile regex: the pattern is too long"}
	}
	source := string(b)
	free := -1
	for i, p := range v.regexes {
		switch {
		case p == nil && free < 0:
			free = i
		case p != nil && p.Text == source:
			v.result(uint64(i))
			return nil
		}
	}
	if free < 0 && len(v.regexes) >= maxRegexes {
		return &trap{"guest-regex", fmt.Sprintf("compile regex: there are %d already", maxRegexes)}
	}
	p, known, err := v.image.regexes.Compile(source)
	v.m.Charge(1000)
	// What it costs depends on what others have compiled.
	known, wrong := v.happened(pace.ctx, learnHost, func() bool { return known })
	if wrong != nil {
		return wrong
	}
	cost := 20_000 + 200*uint64(len(source))
	if err == nil {
		cost += sizeCost * uint64(p.Size())
	}
	if err == nil && p.Backtracks() {
		cost += 1800 * uint64(len(source))
	}
	if !known {
		if err := v.spend(cost); err != nil {
			return err
		}
	}
	if err != nil {
		return &trap{"guest-regex", err.Error()}
	}
	if !known && p.Backtracks() {
		v.image.stats.fallback(p)
	}
	if free < 0 {
		free = len(v.regexes)
		v.regexes = append(v.regexes, nil)
	}
	v.regexes[free] = p
	v.result(uint64(free))
	return nil
}

// regex returns what a handle stands for.
func (v *vm) regex(handle uint64) (*text.Pattern, error) {
	if i := uint32(handle); i < uint32(len(v.regexes)) && v.regexes[i] != nil {
		return v.regexes[i], nil
	}
	return nil, trapf("regex handle %d is not in use", int32(handle))
}

const (
	stepCost = 10  // instructions for a step of backtracking
	sizeCost = 100 // for an instruction of a program that is made
)

// scan charges for a search of n bytes. A large program looks at each byte many
// times.
func (v *vm) scan(p *text.Pattern, each uint64, n int) error {
	if !p.Backtracks() {
		each = max(each, 2*uint64(p.Size()))
	}
	return v.spend(500 + each*uint64(n))
}

// searching counts a search by p, and returns who pays for its steps: the
// budget, the time and the permits of the call, as for the guest's own
// instructions. A pattern that would take for ever ends when they do.
func (v *vm) searching(pace *pacer, p *text.Pattern) text.Work {
	if p.Backtracks() {
		v.image.count(metrics.TenantFallbacks, 1)
	}
	return func(n int) error { return v.pay(pace, n) }
}

// growing pays for the bytes of a result before there are any.
func (v *vm) growing(n int) error { return v.spend(uint64(n)) }

func (v *vm) pay(pace *pacer, steps int) error {
	v.m.Charge(stepCost * uint64(steps))
	_, err := pace.fuel()
	var t *trap
	if errors.As(err, &t) {
		return &trap{t.cause, t.text + " by backtracking in a regular expression"}
	}
	return err
}

func sysRegexMatch(v *vm, pace *pacer) error {
	p, err := v.regex(v.arg(0))
	if err != nil {
		return err
	}
	b, err := v.buffer(v.arg(1), uint64(uint32(v.arg(2))))
	if err != nil {
		return err
	}
	if err := v.scan(p, 8, len(b)); err != nil {
		return err
	}
	found, err := v.match(pace, p, b)
	if err != nil {
		return err
	}
	return v.flag(found)
}

// match searches b; the usual expressions, which need no steps, allocate nothing.
func (v *vm) match(pace *pacer, p *text.Pattern, b []byte) (bool, error) {
	if !p.Heavy(len(b)) {
		return p.Match(b, nil)
	}
	found, err := p.Match(b, v.searching(pace, p))
	return found, regexTrap(err)
}

// regexTrap makes what ended a search a trap.
func regexTrap(err error) error {
	var t *trap
	if err == nil || errors.As(err, &t) {
		return err
	}
	return &trap{"guest-regex", err.Error()}
}

// sysRegexGroups tells where the groups of a match are.
func sysRegexGroups(v *vm, pace *pacer) error {
	p, err := v.regex(v.arg(0))
	if err != nil {
		return err
	}
	b, err := v.buffer(v.arg(1), v.arg(2))
	if err != nil {
		return err
	}
	if err := v.scan(p, 16, len(b)); err != nil {
		return err
	}
	at, err := p.Find(b, v.searching(pace, p))
	if err != nil {
		return regexTrap(err)
	}
	n := min(uint64(len(at)/2), uint64(uint32(v.arg(4))))
	list := make([]byte, 0, 8*n)
	for _, at := range at[:2*n] {
		list = binary.LittleEndian.AppendUint32(list, uint32(int32(at)))
	}
	v.result(n)
	return v.store(v.arg(3), list)
}

func sysRegexInfo(v *vm, _ *pacer) error {
	i := uint32(v.arg(0))
	if i >= uint32(len(v.regexes)) || v.regexes[i] == nil {
		v.wrong(errNone, "regex handle is not in use")
		return nil
	}
	return v.flag(v.regexes[i].Backtracks())
}

func sysRegexSubst(v *vm, pace *pacer) error {
	re, err := v.regex(v.arg(0))
	if err != nil {
		return err
	}
	src, err := v.buffer(v.arg(1), v.arg(2))
	if err != nil {
		return err
	}
	by, err := v.buffer(v.arg(3), v.arg(4))
	if err != nil {
		return err
	}
	if err := v.scan(re, 16, len(src)); err != nil {
		return err
	}
	const allBit = 1 << 31
	out, _, err := text.Substitute(re, src, by, v.arg(6)&allBit != 0, v.searching(pace, re), v.growing)
	if err != nil {
		return regexTrap(err)
	}
	// What does not fit is cut, the NUL first, and the length is that of what was
	// written: programs know it so.
	n := min(v.arg(6)&(allBit-1), uint64(len(out))+1)
	if out == nil || n == 0 {
		v.result32(lines.Invalid)
		return nil
	}
	v.result(n - 1)
	return v.put(v.arg(5), append(out, 0)[:n], 0)
}

func sysRegexField(v *vm, pace *pacer) error {
	re, err := v.regex(v.arg(0))
	if err != nil {
		return err
	}
	w, i, ok, err := v.field(v.arg(1), v.arg(2), 0)
	if err != nil {
		return err
	}
	by, err := v.buffer(v.arg(3), v.arg(4))
	if err != nil {
		return err
	}
	if ok {
		v.scratch, ok = w.AppendLine(v.scratch[:0], i)
	}
	if !ok {
		v.result32(lines.Invalid)
		return nil
	}
	if err := v.scan(re, 16, len(v.scratch)); err != nil {
		return err
	}
	out, matched, err := text.Substitute(re, v.scratch, by, v.arg(5) != 0, v.searching(pace, re), v.growing)
	if err != nil {
		return regexTrap(err)
	}
	if matched && !w.Set(i, out) {
		v.result32(lines.Invalid)
		return nil
	}
	v.result(uint64(len(out)))
	return nil
}

func sysRegexFree(v *vm, _ *pacer) error {
	if i := uint32(v.arg(0)); i < uint32(len(v.regexes)) {
		v.regexes[i] = nil
	}
	return nil
}

func sysUnsetRegex(v *vm, pace *pacer) error {
	w, err := v.view(v.arg(0))
	if err != nil {
		return err
	}
	re, err := v.regex(v.arg(1))
	if err != nil {
		return err
	}
	v.m.Charge(1000)
	count := 0
	for i := int(w.Len()-lines.FirstField) - 1; i >= 0; i-- {
		v.scratch, _ = w.AppendLine(v.scratch[:0], uint32(i+lines.FirstField))
		if err := v.scan(re, 8, len(v.scratch)); err != nil {
			return err
		}
		found, err := v.match(pace, re, v.scratch)
		if err != nil {
			return err
		}
		if found && w.Unset(uint32(i+lines.FirstField)) {
			count++
		}
	}
	v.result(uint64(count))
	return nil
}

func sysSHA256(v *vm, _ *pacer) error {
	b, err := v.buffer(v.arg(0), v.arg(1))
	if err != nil {
		return err
	}
	if uint32(v.arg(3)) != sha256.Size {
		v.result(0)
		return nil
	}
	if err := v.spend(4 * uint64(len(b))); err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	v.result(sha256.Size)
	return v.store(v.arg(2), sum[:])
}

func sysBase64(v *vm, _ *pacer) error {
	src, err := v.buffer(v.arg(0), v.arg(1))
	if err != nil {
		return err
	}
	if err := v.spend(2 * uint64(len(src))); err != nil {
		return err
	}
	out, ok := text.DecodeBase64(src)
	if !ok || uint64(uint32(v.arg(3))) < uint64(len(src)) {
		v.result32(lines.Invalid)
		return nil
	}
	v.result(uint64(len(out)))
	return v.put(v.arg(2), out, 0)
}
