/* Calls that reach outside the program: storage, cache, backends, requests. */

static void keys_and_values(void)
{
	struct fp_kv_stat s = {0, 0, 0};
	int64_t sum = 0;
	long v, w;

	fp_kv_delete("k");
	fp_kv_delete("n");
	fp_kv_delete("c");
	NOTHING(FP_E_NONE, fp_kv_get("k", dst, size));
	EQ(fp_kv_version("k"), FP_E_NONE);
	v = fp_kv_set("k", "value", 5, 0);
	CHECK(v >= 1);
	TEXT("value", fp_kv_get("k", dst, size));
	EQ(fp_kv_version("k"), v);
	EQ(fp_kv_cas("k", "other", 5, v + 1000, 0), FP_E_CONFLICT);
	w = fp_kv_cas("k", "other", 5, v, 60000);
	CHECK(w > v);
	TEXT("other", fp_kv_get("k", dst, size));
	EQ(fp_kv_cas("k", "new", 3, 0, 0), FP_E_CONFLICT);
	CHECK(fp_kv_cas("c", "new", 3, 0, 0) >= 1);
	EQ(fp_kv_add("n", 5, 0, &sum), 0);
	EQ(sum, 5);
	EQ(fp_kv_add("n", -7, 0, &sum), 0);
	EQ(sum, -2);
	CHECK(fp_kv_add("k", 1, 0, &sum) < 0); /* no number */
	SOME(fp_kv_list("", dst, size));
	TEXT("k\n", fp_kv_list("k", dst, size));
	EQ(fp_kv_stat(&s), 0);
	CHECK(s.keys >= 3 && s.used > 0 && s.limit >= s.used);
	CHECK(fp_kv_set("", "x", 1, 0) < 0);
	EQ(fp_kv_delete("k"), 0);
	EQ(fp_kv_delete("k"), FP_E_NONE);
}

static void kept_values(void)
{
	EQ(fp_cache_put("conform", "kept", 4, 60000, 0, "tag-a tag-b"), 0);
	TEXT("kept", fp_cache_get("conform", dst, size));
	NOTHING(FP_E_NONE, fp_cache_get("absent", dst, size));
	EQ(fp_cache_delete("conform"), 0);
	NOTHING(FP_E_NONE, fp_cache_get("conform", dst, size));
	EQ(fp_cache_put("conform", "kept", 4, 60000, 0, "tag-a tag-b"), 0);
	CHECK(fp_purge_tag("tag-b", 0) >= 1);
	NOTHING(FP_E_NONE, fp_cache_get("conform", dst, size));
	EQ(fp_purge_tag("tag-none", 1), 0);
	CHECK(fp_cache_put("", "kept", 4, 60000, 0, "") < 0);
}

/* What the answer to the request is to be, before there is one. */
static void terms(void)
{
	struct fp_cached have;

	EQ(fp_cache_look(&have), 0);
	EQ(fp_cacheable(), 1);
	EQ((long)fp_ttl(), 0);
	fp_set_ttl(30);
	EQ((long)fp_ttl(), 30);
	EQ(fp_cache_ttl(60000), 0);
	EQ((long)fp_ttl(), 60);
	EQ(fp_cache_ttl(-1), -1);
	EQ(fp_cache_grace(1000), 0);
	EQ(fp_cache_keep(1000), 0);
	EQ(fp_cache_tag("conform"), 0);
	EQ(fp_cache_tag("two words"), -1);
	fp_hash("key");
	fp_uncacheable(0);
	EQ(fp_cacheable(), 0);
}

static void places(void)
{
	EQ(fp_backend_count(), 3);
	EQ(fp_backend_index("app"), 0);
	EQ(fp_backend_index("dead"), 2);
	CHECK(fp_backend_index("none") < 0);
	TEXT("1/1", fp_backend_state("app", dst, size));
	CHECK(fp_backend_state("none", room, sizeof(room)) < 0);
	CHECK(fp_choose_backend("none") < 0);
	EQ(fp_choose_backend("beta"), 0);
	CHECK(fp_choose_server("app", "none") < 0);
	EQ(fp_set_backend(7), -1);
	EQ(fp_set_backend(0), 0);
}

static void fetches(void)
{
	long a = fp_fetch("GET", "app", "/echo?a", "X-Asked: by the guest\n", 0, 0, 5000);
	long b = fp_fetch("POST", "beta", "/echo?b", 0, "body", 4, 5000);
	long self, i, n, got = 0;

	CHECK(a >= 0 && b >= 0 && a != b);
	CHECK(fp_fetch("GET", "none", "/", 0, 0, 0, 1000) < 0);
	i = fp_fetch_wait(FP_FETCH_ANY, 5000);
	CHECK(i == a || i == b);
	EQ(fp_fetch_wait(a, 5000), a);
	EQ(fp_fetch_wait(b, 5000), b);
	EQ(fp_fetch_status(a), 200);
	TEXT("by the guest", fp_fetch_field(a, "X-Asked", dst, size));
	NOTHING(FP_E_NONE, fp_fetch_field(a, "X-Absent", dst, size));
	SOME(fp_fetch_headers(a, dst, size));
	while ((n = fp_fetch_read(b, room + got, 5, 5000)) > 0)
		got += n;
	EQ(n, 0);
	CHECK(got > 8 && same(room, "POST /echo?b body", got));
	EQ(fp_fetch_close(a), 0);
	EQ(fp_fetch_close(b), 0);
	CHECK(fp_fetch_close(b) < 0 && fp_fetch_status(b) < 0);
	self = fp_fetch("GET", 0, "http://conform.test/small", 0, 0, 0, 5000);
	if (self < 0)
		self = fp_fetch("GET", 0, "/small", 0, 0, 0, 5000);
	EQ(fp_fetch_wait(self, 5000), self);
	EQ(fp_fetch_status(self), 200);
	n = fp_fetch_read(self, room, sizeof(room), 5000);
	CHECK(n == 5 && same(room, "small", 5));
	EQ(fp_fetch_close(self), 0);
}

/* ---- the storage machine ---- */

static long kept;

static long keep(long a, long b, long c, long d)
{
	kept += a;
	if (d)
		*(long *)d = kept * 10; /* the caller's memory */
	return kept + b + c;
}

static void backwards(const char *data, long n)
{
	static char out[32];
	long i;

	for (i = 0; i < n && i < (long)sizeof(out); i++)
		out[i] = data[n - 1 - i];
	fp_storage_return(out, (size_t)i);
}

static void stored(void)
{
	long seen_there = 0, first, second;
	struct fp_bytes b;

	first = fp_remote(keep, 1, 100, 1000, (long)&seen_there);
	CHECK(first >= 1101);
	EQ(seen_there, (first - 1100) * 10);
	second = fp_remote(keep, 1, 0, 0, 0);
	CHECK(second > first - 1100); /* it outlives requests */
	EQ(kept, 0);                   /* and is not here */
	b = fp_remote_text(backwards, "abc", 3);
	EQ(b.size, 3);
	CHECK(b.size == 3 && same(b.data, "cba", 3));
	fp_free(b.data);
}
