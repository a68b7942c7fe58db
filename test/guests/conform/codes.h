/* Encodings, JSON, XML, patterns, digests and signatures: pure, in any stage. */

static int words, backward, others; /* compiled in main */

static void encodings(void)
{
	char *bad = "%zz";

	TEXT("aGk/Pj8=", fp_base64_encode(0, "hi?>?", 5, dst, size));
	TEXT("aGk_Pj8", fp_base64_encode(FP_BASE64_URL | FP_BASE64_BARE, "hi?>?", 5, dst, size));
	TEXT("hi?>?", fp_base64_decode(0, "aGk/Pj8=", 8, dst, size));
	TEXT("hi?>?", fp_base64_decode(FP_BASE64_URL | FP_BASE64_BARE, "aGk_Pj8", 7, dst, size));
	NOTHING(FP_E_INVALID, fp_base64_decode(0, "a?", 2, dst, size));
	NOTHING(FP_E_INVALID, fp_base64_encode(64, "a", 1, dst, size));
	EQ(FP_CALL4(FP_SYS_BASE64_DECODE, "aGk/Pj8=", 8, room, sizeof(room)), 5);
	CHECK(same(room, "hi?>?", 5));
	EQ(FP_CALL4(FP_SYS_BASE64_DECODE, "====", 4, room, 2), -1);
	TEXT("a%20b%2Fc", fp_percent_encode(0, "a b/c", 5, dst, size));
	TEXT("a+b%2Fc", fp_percent_encode(FP_PERCENT_FORM, "a b/c", 5, dst, size));
	TEXT("a b/c+", fp_percent_decode(0, "a%20b%2fc+", 10, dst, size));
	TEXT("a b", fp_percent_decode(FP_PERCENT_FORM, "a+b", 3, dst, size));
	NOTHING(FP_E_INVALID, fp_percent_decode(0, bad, 3, dst, size));
	TEXT("00ff10", fp_hex_encode(0, "\0\xff\x10", 3, dst, size));
	TEXT("FF", fp_hex_encode(FP_HEX_UPPER, "\xff", 1, dst, size));
	TEXT("\xff\x10", fp_hex_decode("fF10", 4, dst, size));
	NOTHING(FP_E_INVALID, fp_hex_decode("f", 1, dst, size));
}

static void documents(void)
{
	static const char j[] = "{\"a\":{\"b\":[1,\"two\\n\",null,true,false,{}]},\"n\":-1.50}";
	static const char x[] = "<r><e id=\"1\">one &amp; 1</e><e id=\"2\">two</e></r>";
	const size_t jn = sizeof(j) - 1, xn = sizeof(x) - 1;

	EQ(fp_json_valid(j, jn), 1);
	EQ(fp_json_valid(j, jn - 1), 0);
	TEXT("two\n", fp_json_get(j, jn, "a.b.1", dst, size));
	TEXT("-1.50", fp_json_get(j, jn, "n", dst, size));
	TEXT("{}", fp_json_get(j, jn, "a.b.5", dst, size));
	NOTHING(FP_E_NONE, fp_json_get(j, jn, "a.c", dst, size));
	NOTHING(FP_E_INVALID, fp_json_get("{", 1, "a", dst, size));
	EQ(fp_json_type(j, jn, "a"), FP_JSON_OBJECT);
	EQ(fp_json_type(j, jn, "a.b"), FP_JSON_ARRAY);
	EQ(fp_json_type(j, jn, "a.b.0"), FP_JSON_NUMBER);
	EQ(fp_json_type(j, jn, "a.b.1"), FP_JSON_STRING);
	EQ(fp_json_type(j, jn, "a.b.2"), FP_JSON_NULL);
	EQ(fp_json_type(j, jn, "a.b.3"), FP_JSON_TRUE);
	EQ(fp_json_type(j, jn, "a.b.4"), FP_JSON_FALSE);
	EQ(fp_json_type(j, jn, "a.b.6"), FP_E_NONE);
	EQ(fp_json_count(j, jn, "a.b"), 6);
	EQ(fp_json_count(j, jn, "n"), FP_E_NONE);
	TEXT("\"a\\\"\\n\"", fp_json_quote("a\"\n", 3, dst, size));
	TEXT("{\"a\":2}", fp_json_set("{\"a\":1}", 7, "a", "2", dst, size));
	NOTHING(FP_E_INVALID, fp_json_set("{\"a\":1}", 7, "a", "{", dst, size));
	EQ(fp_xml_valid(x, xn), 1);
	EQ(fp_xml_valid(x, xn - 1), 0);
	TEXT("one & 1", fp_xml_get(x, xn, "r/e", dst, size));
	TEXT("two", fp_xml_get(x, xn, "r/e[2]", dst, size));
	TEXT("2", fp_xml_get(x, xn, "r/e[2]/@id", dst, size));
	NOTHING(FP_E_NONE, fp_xml_get(x, xn, "r/f", dst, size));
	NOTHING(FP_E_INVALID, fp_xml_get("<r>", 3, "r", dst, size));
	EQ(fp_xml_count(x, xn, "r/e"), 2);
	EQ(fp_xml_count(x, xn, "r/f"), 0);
	CHECK(fp_xml_escape("<&\">", 4, room, sizeof(room)) > 12 && same(room, "&lt;&amp;", 9));
}

static void patterns(void)
{
	uint32_t pairs[4][2];
	int other;

	EQ(fp_match(words, "to be", 5), 1);
	EQ(fp_match(words, "42", 2), 0);
	EQ(fp_regex("([a-z]+) ([a-z]+)"), words); /* known since main */
	EQ(fp_regex_replace(words, "to be", 5, "\\2 \\1", 0, room, sizeof(room)), 5);
	CHECK(fp_equal(room, "be to"));
	EQ(fp_regex_replace(words, "to be", 5, "\\2 \\1", 0, room, 3), 2); /* cut, with its NUL */
	EQ(fp_regex_groups(words, "1 to be", 7, pairs, 4), 3);
	CHECK(pairs[0][0] == 2 && pairs[0][1] == 7 && pairs[1][1] == 4 && pairs[2][0] == 5);
	EQ(fp_regex_groups(words, "1", 1, pairs, 4), 0);
	EQ(fp_regex_backtracks(words), 0);
	EQ(fp_regex_backtracks(backward), 1);
	EQ(fp_regex_backtracks(15), FP_E_NONE);
	EQ(fp_match(backward, "abab", 4), 1);
	EQ(fp_match(backward, "abac", 4), 0);
	other = fp_regex("other");
	CHECK(other >= 0);
	fp_regex_free(other);
	EQ(fp_glob("/a/*.j?g", "/a/b/c.jpg", 10), 1);
	EQ(fp_glob("[!a-c]", "b", 1), 0);
	EQ(fp_glob("[", "b", 1), FP_E_INVALID);
}

/* Key and signature of RFC 8032, 7.1, test 2, of the one byte 72. */
static const unsigned char ed_key[] = {
	0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc,
	0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};
static const unsigned char ed_signature[] = {
	0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
	0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
	0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
	0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};
/* HS256 of {"sub":"7"} under a secret; shorter ones than the digest are refused. */
#define SECRET "a secret of at least thirty-two bytes"
static const char token[] = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.ngfQfYX3ReiHeKgk-kgky-MGCR_rYK2aZXlXLcQBFV4";

static void hex_of(const char *want, const void *p, long n, int line)
{
	char text[200];

	checks++;
	if (n > 0 && fp_hex_encode(0, p, (size_t)n, text, sizeof(text)) == (long)fp_strlen(want) && same(text, want, (long)fp_strlen(want)))
		return;
	failed(line, want);
}

static void keys(void)
{
	static const char nonce[] = "twelve bytes";
	unsigned char sum[64];
	char sealed[64], opened[64];
	struct fp_aead a = {fp_word("sixteen byte key"), 16, fp_word(nonce), 12, fp_word("text"), 4, fp_word("more"), 4, fp_word(sealed), sizeof(sealed)};

	EQ(fp_sha256("abc", 3, sum), 32);
	hex_of("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", sum, 32, __LINE__);
	EQ(FP_CALL4(FP_SYS_SHA256, "abc", 3, sum, 31), 0);
	EQ(fp_digest(FP_SHA256, "abc", 3, sum, sizeof(sum)), 32);
	hex_of("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", sum, 32, __LINE__);
	hex_of("a9993e364706816aba3e25717850c26c9cd0d89d", sum, fp_digest(FP_SHA1, "abc", 3, sum, sizeof(sum)), __LINE__);
	hex_of("900150983cd24fb0d6963f7d28e17f72", sum, fp_digest(FP_MD5, "abc", 3, sum, sizeof(sum)), __LINE__);
	EQ(fp_digest(FP_SHA384, "abc", 3, sum, sizeof(sum)), 48);
	EQ(fp_digest(FP_SHA512, "abc", 3, sum, sizeof(sum)), 64);
	EQ(fp_digest(3, "abc", 3, sum, sizeof(sum)), FP_E_INVALID);
	hex_of("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", sum,
	       fp_hmac(FP_SHA256, "Jefe", 4, "what do ya want for nothing?", 28, sum, sizeof(sum)), __LINE__);
	EQ(fp_hmac(5, "k", 1, "d", 1, sum, sizeof(sum)), FP_E_INVALID);
	EQ(fp_verify(FP_ED25519, ed_key, 32, "\x72", 1, ed_signature, 64), 1);
	EQ(fp_verify(FP_ED25519, ed_key, 32, "\x73", 1, ed_signature, 64), 0);
	EQ(fp_verify(9, ed_key, 32, "\x72", 1, ed_signature, 64), FP_E_INVALID);
	EQ(fp_seal(&a), 20);
	a.data = fp_word(sealed), a.data_n = 20, a.dst = fp_word(opened);
	EQ(fp_open(&a), 4);
	CHECK(same(opened, "text", 4) && !same(sealed, "text", 4));
	sealed[3] ^= 1;
	EQ(fp_open(&a), FP_E_DENIED);
	a.key_n = 3;
	EQ(fp_open(&a), FP_E_INVALID);
	TEXT("{\"sub\":\"7\"}", fp_jwt_verify(token, SECRET, "HS256", dst, size));
	NOTHING(FP_E_DENIED, fp_jwt_verify(token, SECRET " or not", "HS256", dst, size));
	NOTHING(FP_E_DENIED, fp_jwt_verify(token, SECRET, "RS256", dst, size));
	NOTHING(FP_E_INVALID, fp_jwt_verify("no token", SECRET, "HS256", dst, size));
}
