/* Strings: building, comparing, searching and splitting text byte by byte and
 * with the library. The argument is the number of texts. */
#include "work.h"

static size_t length(const char *s)
{
	const char *p = s;
	while (*p)
		p++;
	return (size_t)(p - s);
}

static const char *find(const char *text, const char *word)
{
	for (; *text; text++) {
		size_t i = 0;
		while (word[i] && text[i] == word[i])
			i++;
		if (!word[i])
			return text;
	}
	return 0;
}

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s += 32;
}

int main(int argc, char **argv)
{
	static const char *const words[] = {"River", "fish", "PLATE", "anchor", "Sail", "harbour", "net", "tide"};
	unsigned long n = work(argc, argv, 100);
	static char text[1024];
	uint64_t seed = 7, sum = 0;
	for (unsigned long i = 0; i < n; i++) {
		text[0] = 0;
		char *end = text;
		for (int k = 0; k < 60; k++) {
			const char *w = words[next(&seed) >> 20 & 7];
			while (*w)
				*end++ = *w++;
			*end++ = k % 10 == 9 ? '\n' : ' ';
		}
		*end = 0;
		const char *at = find(text, "harbour net");
		sum = fold(sum, at ? (uint64_t)(at - text) : ~0ull);
		lower(text);
		at = strstr(text, "plate anchor");
		sum = fold(sum, (at ? (uint64_t)(at - text) : 0) + length(text) + strlen(text));
		for (char *line = text, *stop; (stop = strchr(line, '\n')); line = stop + 1) {
			*stop = 0;
			sum = fold(sum, (uint64_t)(strcmp(line, "harbour") < 0) + strcspn(line, "xyz") + 2 * strspn(line, "abcdefgh "));
		}
	}
	return report("string", n, sum);
}
