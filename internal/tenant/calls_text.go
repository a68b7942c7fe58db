package tenant

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
