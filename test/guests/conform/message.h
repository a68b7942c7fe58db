/* Calls on messages: the lines of whichever message a stage can change. */

static void mark(void *user, struct fp_field *fields, int n)
{
	char line[300];
	int i, *marked = user;

	for (i = 0; i < n; i++) {
		if (fp_get(fields[i].where, (int)fields[i].index, line, sizeof(line)) < 0 || !fp_has_prefix(line, "X-Mark"))
			continue;
		fields[i].deleted = 1;
		++*marked;
	}
}

static void fields_of(int where)
{
	char line[300];
	int i, marked = 0;
	struct { char *text; uint64_t size; char inside[16]; } string;

	i = fp_append(where, "X-Conform: one");
	CHECK(i >= FP_LINE_FIRST_FIELD);
	EQ(fp_find(where, "x-conform"), i);
	EQ(fp_find(where, "X-Absent"), -1);
	EQ(fp_get(where, i, line, sizeof(line)), 14);
	CHECK(fp_equal(line, "X-Conform: one"));
	EQ(FP_CALL4(FP_SYS_FIELD_RETRIEVE, where, i, 0, 0), 14);
	EQ(FP_CALL4(FP_SYS_FIELD_RETRIEVE, where, i, line, 13), -1);
	EQ(FP_CALL4(FP_SYS_FIELD_RETRIEVE, where, 999, line, 13), -1);
	EQ(FP_CALL0(FP_SYS_FIELD_GET), -1);
	EQ(FP_CALL3(FP_SYS_FIELD_RETRIEVE_STR, where, i, &string), 14);
	CHECK(string.text == string.inside && string.size == 14 && fp_equal(string.text, "X-Conform: one"));
	EQ(fp_set(where, i, "X-Conform: two"), 14);
	EQ(fp_set(where, i, "X-Conform: bad\r\nX-Split: 1"), -1);
	EQ(fp_append(where, "Transfer-Encoding: chunked"), -1);
	EQ(fp_append(where, "no colon"), -1);
	TEXT("two", fp_field_value(where, "X-CONFORM", dst, size));
	NOTHING(FP_E_NONE, fp_field_value(where, "X-Absent", dst, size));
	CHECK(fp_append(where, "X-Conform: three") > i);
	CHECK(fp_field_replace(where, "X-Conform", "four") >= 0);
	TEXT("four", fp_field_value(where, "X-Conform", dst, size));
	EQ(fp_field_replace(where, "X-Conform", "a\r\nb"), FP_E_INVALID);
	EQ(fp_field_remove(where, "X-Conform"), 1);
	EQ(fp_field_remove(where, "X-Conform"), 0);
	i = fp_append(where, "X-Copy: here");
	CHECK(fp_copy(where, i, where) > i);
	EQ(fp_copy(where, -1, where), -1);
	EQ(fp_append(where, "X-Other: there"), i + 2);
	EQ(fp_copy_over(where, i, where, i + 2), 14);
	CHECK(fp_get(where, i, line, sizeof(line)) == 14 && fp_equal(line, "X-Other: there"));
	fp_set(where, i, "X-Other: to be");
	CHECK(fp_regex_field(words, where, i, "\\2 \\1", 0) > 0);
	EQ(fp_unset(where, i), i);
	EQ(fp_unset(where, -1), -1);
	fp_append(where, "X-Other: to be");
	EQ(fp_unset_matching(where, others), 2);
	fp_field_remove(where, "X-Other");
	fp_field_remove(where, "X-Copy");
	fp_append(where, "X-Mark: 1");
	fp_append(where, "X-Marked: 2");
	CHECK(fp_foreach(where, mark, &marked) >= 2);
	EQ(marked, 2);
	EQ(fp_find(where, "X-Mark"), -1);
	SOME((fp_append(where, "X-Last: 1"), fp_headers(where, dst, size)));
	EQ(fp_field_remove(where, "X-Last"), 1);
}

static void request_of(int where)
{
	char line[300];

	CHECK(fp_get(where, FP_LINE_METHOD, line, sizeof(line)) >= 3);
	CHECK(fp_get(where, FP_LINE_URL, line, sizeof(line)) >= 1 && line[0] == '/');
	CHECK(fp_get(where, FP_LINE_PROTOCOL, line, sizeof(line)) == 8 && fp_has_prefix(line, "HTTP/"));
	EQ(fp_status(where), -1);
	SOME(fp_headers(where, dst, size));
}

static void response_of(int where, int status)
{
	EQ(fp_status(where), status);
	EQ(fp_set_status(where, 700), -1);
	EQ(fp_set_status(where, 226), 226);
	EQ(fp_set_status(where, status), status);
}

static void client_facts(void)
{
	TEXT("127.0.0.1", fp_client_address(dst, size));
	CHECK(fp_client_port() > 0);
	SOME(fp_local_address(dst, size));
	TEXT("http", fp_scheme(dst, size));
	NOTHING(FP_E_NONE, fp_tls_fact(FP_TLS_VERSION, dst, size));
	SOME(fp_request_id(dst, size));
	TEXT("conform", fp_tenant_name(dst, size));
	TEXT("conform.test", fp_host(dst, size));
	SOME(fp_path(dst, size));
	TEXT("sour", fp_cookie_get("flavour", dst, size));
	NOTHING(FP_E_NONE, fp_cookie_get("sweet", dst, size));
}

static void address_of_request(void)
{
	char line[300];

	TEXT("recv", fp_path_segment(0, dst, size));
	TEXT("two words", fp_path_segment(1, dst, size));
	TEXT("two words", fp_path_segment(-1, dst, size));
	NOTHING(FP_E_NONE, fp_path_segment(2, dst, size));
	TEXT("a b", fp_query_get("q", dst, size));
	NOTHING(FP_E_NONE, fp_query_get("none", dst, size));
	EQ(fp_query_set("q", "c d"), 0);
	TEXT("c d", fp_query_get("q", dst, size));
	EQ(fp_query_unset("drop"), 1);
	EQ(fp_query_unset("drop"), 0);
	EQ(fp_set(FP_REQ, FP_LINE_URL, "/other?q=1"), 10);
	TEXT("1", fp_query_get("q", dst, size));
	EQ(fp_set(FP_REQ, FP_LINE_URL, "not a target"), -1);
	EQ(fp_rollback(FP_REQ), 0);
	CHECK(fp_get(FP_REQ, FP_LINE_URL, line, sizeof(line)) > 0 && fp_has_prefix(line, "/recv/"));
	CHECK(fp_get(FP_REQ_TOP, FP_LINE_URL, line, sizeof(line)) > 0);
}
