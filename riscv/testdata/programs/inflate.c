/* DEFLATE (RFC 1951): text is compressed with fixed and dynamic Huffman codes and
 * decompressed again. The argument is the number of KiB. */
#include "work.h"

static uint8_t *text, *packed, *again;
static size_t length, capacity, bit;

/* The writer: bits from the lowest on, codes from their highest bit on. */
static void put(unsigned v, int n)
{
	for (int i = 0; i < n; i++, bit++)
		packed[bit / 8] |= (uint8_t)((v >> i & 1) << bit % 8);
}

static void put_code(unsigned v, int n)
{
	while (n--)
		put(v >> n & 1, 1);
}

static const uint16_t bases[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t extras[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};

struct code {
	uint16_t count[16], symbol[288], word[288];
	uint8_t length[288];
};

/* build makes the canonical code of the lengths. */
static void build(struct code *c, const uint8_t *lengths, int n)
{
	uint16_t first[16] = {0}, place[16] = {0};
	memset(c->count, 0, sizeof c->count);
	for (int i = 0; i < n; i++)
		c->count[c->length[i] = lengths[i]]++;
	c->count[0] = 0;
	for (int i = 1; i < 16; i++) {
		first[i] = (uint16_t)((first[i - 1] + c->count[i - 1]) << 1);
		place[i] = (uint16_t)(place[i - 1] + c->count[i - 1]);
	}
	for (int i = 0; i < n; i++)
		if (lengths[i]) {
			c->symbol[place[lengths[i]]++] = (uint16_t)i;
			c->word[i] = first[lengths[i]]++;
		}
}

static struct code literals, distances;

static void fixed_codes(void)
{
	uint8_t l[288];
	for (int i = 0; i < 288; i++)
		l[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	build(&literals, l, 288);
	memset(l, 5, 30);
	build(&distances, l, 30);
}

/* flat_codes are dynamic ones: literals of 9 bits beyond the letters, which have
 * 7; they are announced by a header. */
static void flat_codes(void)
{
	uint8_t l[288 + 30];
	for (int i = 0; i < 286; i++)
		l[i] = i >= 97 && i < 123 ? 7 : i < 128 || i >= 256 ? 8 : 9;
	memset(l + 286, 5, 30);
	put(286 - 257, 5);
	put(30 - 1, 5);
	put(19 - 4, 4);
	/* The code of lengths: 5, 7, 8 and 9 take two bits each. */
	static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	uint8_t of[19] = {0};
	of[5] = of[7] = of[8] = of[9] = 2;
	for (int i = 0; i < 19; i++)
		put(of[order[i]], 3);
	for (int i = 0; i < 316; i++)
		put_code(l[i] == 5 ? 0 : (unsigned)l[i] - 6, 2);
	build(&literals, l, 286);
	build(&distances, l + 286, 30);
}

static void put_match(size_t n, size_t back)
{
	int s = 28, d = 0;
	while (bases[s] > n || (s == 28 && n != 258))
		s--;
	put_code(literals.word[257 + s], literals.length[257 + s]);
	put((unsigned)(n - bases[s]), extras[s]);
	size_t base = 1;
	for (;; d++) {
		int more = d < 2 ? 0 : d / 2 - 1;
		if (back < base + (1u << more)) {
			put_code(distances.word[d], 5);
			put((unsigned)(back - base), more);
			return;
		}
		base += 1u << more;
	}
}

static void compress(void)
{
	static uint32_t seen[4096];
	bit = 0;
	memset(seen, 255, sizeof seen);
	for (size_t at = 0; at < length;) {
		size_t end = at + 20000 < length ? at + 20000 : length;
		int dynamic = at / 20000 % 2 == 1;
		put(end == length, 1);
		put(dynamic ? 2 : 1, 2);
		if (dynamic)
			flat_codes();
		else
			fixed_codes();
		while (at < end) {
			uint32_t v = text[at] | (uint32_t)text[at + 1] << 8 | (uint32_t)text[at + 2] << 16, h = v * 2654435761u >> 20;
			size_t old = seen[h], n = 0;
			seen[h] = (uint32_t)at;
			if (old < at && at - old <= 32768)
				while (n < 258 && at + n < end && text[old + n] == text[at + n])
					n++;
			if (n < 3) {
				put_code(literals.word[text[at]], literals.length[text[at]]);
				n = 1;
			} else
				put_match(n, at - old);
			at += n;
		}
		put_code(literals.word[256], literals.length[256]);
	}
}

static unsigned get(int n)
{
	unsigned v = 0;
	for (int i = 0; i < n; i++, bit++)
		v |= (unsigned)(packed[bit / 8] >> bit % 8 & 1) << i;
	return v;
}

static int decode(const struct code *c)
{
	int word = 0, first = 0, place = 0;
	for (int n = 1; n < 16; n++) {
		word |= (int)get(1);
		if (word - first < c->count[n])
			return c->symbol[place + word - first];
		place += c->count[n];
		first = (first + c->count[n]) << 1;
		word <<= 1;
	}
	exit(2);
}

static void read_codes(void)
{
	static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	static struct code lengths;
	uint8_t l[320] = {0};
	int a = (int)get(5) + 257, b = (int)get(5) + 1, n = (int)get(4) + 4;
	for (int i = 0; i < n; i++)
		l[order[i]] = (uint8_t)get(3);
	build(&lengths, l, 19);
	for (int i = 0; i < a + b; i++)
		l[i] = (uint8_t)decode(&lengths);
	build(&literals, l, a);
	build(&distances, l + a, b);
}

static size_t decompress(void)
{
	size_t n = 0;
	int last;
	bit = 0;
	do {
		last = (int)get(1);
		if (get(2) == 2)
			read_codes();
		else
			fixed_codes();
		for (int s; (s = decode(&literals)) != 256;) {
			if (s < 256) {
				again[n++] = (uint8_t)s;
				continue;
			}
			size_t count = bases[s - 257] + get(extras[s - 257]), base = 1;
			int d = decode(&distances);
			for (int i = 0; i < d; i++)
				base += 1u << (i < 2 ? 0 : i / 2 - 1);
			base += get(d < 2 ? 0 : d / 2 - 1);
			for (; count--; n++)
				again[n] = again[n - base];
		}
	} while (!last);
	return n;
}

int main(int argc, char **argv)
{
	static const char *const words[] = {"the ", "river ", "carries ", "every ", "boat ", "that ", "leaves, ", "and\n"};
	unsigned long n = work(argc, argv, 48);
	uint64_t seed = 15, sum = 0;
	capacity = n * 1024 + 64;
	text = calloc(capacity, 1), packed = calloc(capacity * 2, 1), again = calloc(capacity + 300, 1);
	while (length < n * 1024) {
		const char *w = words[next(&seed) >> 40 & 7];
		while (*w && length < n * 1024)
			text[length++] = (uint8_t)*w++;
		if (length < n * 1024 && seed % 5 == 0)
			text[length++] = (uint8_t)(seed >> 50);
	}
	if (length)
		compress();
	size_t size = bit / 8 + 1;
	if (length && (decompress() != length || memcmp(text, again, length) != 0))
		return 1;
	for (size_t i = 0; i < size; i++)
		sum = sum * 31 + packed[i];
	printf("%lu bytes become %lu\n", (unsigned long)length, (unsigned long)size);
	return report("inflate", n, sum);
}
