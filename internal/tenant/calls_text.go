package tenant

import "fishplate/internal/tenant/text"

func textCalls() []Call {
	return []Call{
		{700, "BASE64_ENCODE", "a0 flags, 1 = URL alphabet, 2 = no padding; a1, a2 bytes; a3, a4 destination, size", "a0 = length", "FP_E_INVALID: unknown flags", "100 + 2·length", "Encodes base64 (RFC 4648).", sysBase64Encode},
		{701, "BASE64_TEXT_DECODE", "a0 flags as BASE64_ENCODE; a1, a2 text; a3, a4 destination, size", "a0 = length", "FP_E_INVALID: malformed", "100 + 2·length", "Decodes base64; the length is that of the data.", sysBase64TextDecode},
		{702, "PERCENT_ENCODE", "a0 flags, 1 = form; a1, a2 text; a3, a4 destination, size", "a0 = length", "FP_E_INVALID: unknown flags", "100 + 4·length", "Encodes all but the unreserved characters of RFC 3986; as a form, a space becomes `+`.", sysPercentEncode},
		{703, "PERCENT_DECODE", "a0 flags, 1 = form; a1, a2 text; a3, a4 destination, size", "a0 = length", "FP_E_INVALID: malformed", "100 + 2·length", "The opposite.", sysPercentDecode},
		{704, "HEX_ENCODE", "a0 flags, 1 = upper case; a1, a2 bytes; a3, a4 destination, size", "a0 = length", "FP_E_INVALID: unknown flags", "100 + 4·length", "Encodes hexadecimal.", sysHexEncode},
		{705, "HEX_DECODE", "a0 flags, 0; a1, a2 text; a3, a4 destination, size", "a0 = length", "FP_E_INVALID: malformed", "100 + 2·length", "Decodes hexadecimal of either case.", sysHexDecode},
		{710, "GLOB", "a0, a1 pattern; a2, a3 text", "a0 = 1 or 0", "FP_E_INVALID: malformed pattern", "200 + 4·(length of both), more where stars make it try again", "Matches the whole text: `*` any bytes, `?` one byte, `[a-z]` and `[!a-z]` sets, a backslash takes the meaning from the byte behind it.", sysGlob},
	}
}

// convert serves a call with flags, a text and a destination.
func (v *vm) convert(most, fixed, each uint64, make func(dst, src []byte, flags uint64) ([]byte, bool)) error {
	flags := v.arg(0)
	src, err := v.given(1)
	if err != nil {
		return err
	}
	if err := v.spend(fixed + each*uint64(len(src))); err != nil {
		return err
	}
	if flags > most {
		v.wrong(errInvalid, "the flags are unknown")
		return nil
	}
	out, ok := make(v.bench.out[:0], src, flags)
	v.bench.out = out
	if !ok {
		v.wrong(errInvalid, "the text is malformed")
		return nil
	}
	return v.give(out, v.arg(3), v.arg(4))
}

func sysBase64Encode(v *vm, _ *pacer) error {
	return v.convert(3, 100, 2, func(dst, src []byte, flags uint64) ([]byte, bool) {
		return text.AppendBase64(dst, src, flags), true
	})
}

func sysBase64TextDecode(v *vm, _ *pacer) error { return v.convert(3, 100, 2, text.UnBase64) }

func sysPercentEncode(v *vm, _ *pacer) error {
	return v.convert(1, 100, 4, func(dst, src []byte, flags uint64) ([]byte, bool) {
		return text.AppendPercent(dst, src, flags == 1), true
	})
}

func sysPercentDecode(v *vm, _ *pacer) error {
	return v.convert(1, 100, 2, func(dst, src []byte, flags uint64) ([]byte, bool) {
		return text.UnPercent(dst, src, flags == 1)
	})
}

func sysHexEncode(v *vm, _ *pacer) error {
	return v.convert(1, 100, 4, func(dst, src []byte, flags uint64) ([]byte, bool) {
		return text.AppendHex(dst, src, flags == 1), true
	})
}

func sysHexDecode(v *vm, _ *pacer) error {
	return v.convert(0, 100, 2, func(dst, src []byte, _ uint64) ([]byte, bool) { return text.UnHex(dst, src) })
}

const globCost = 8 // instructions for a step of a glob

func sysGlob(v *vm, pace *pacer) error {
	pattern, err := v.given(0)
	if err != nil {
		return err
	}
	s, err := v.given(2)
	if err != nil {
		return err
	}
	if err := v.spend(200 + 4*uint64(len(pattern)+len(s))); err != nil {
		return err
	}
	if len(pattern) > text.MaxPattern {
		v.wrong(errInvalid, "the pattern is too long")
		return nil
	}
	matched, ok, err := text.Glob(pattern, s, func(steps int) error {
		v.m.Charge(globCost * uint64(steps))
		_, err := pace.fuel()
		return err
	})
	if err != nil {
		return err
	}
	switch {
	case !ok:
		v.wrong(errInvalid, "the pattern is malformed")
	case matched:
		v.result(1)
	default:
		v.result(0)
	}
	return nil
}
