// std::map, std::vector and std::string without exceptions or streams: red-black
// trees, allocation, templates. The argument is the number of operations.
#include "work.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 1000);
	std::map<uint32_t, uint64_t> numbers;
	std::map<std::string, uint32_t> words;
	uint64_t seed = 11, sum = 0;
	for (unsigned long i = 0; i < n; i++) {
		uint64_t r = next(&seed);
		uint32_t key = (uint32_t)(r >> 30) % 4096;
		numbers[key] += r & 0xffff;
		if (i % 3 == 0)
			numbers.erase((key * 7 + 1) % 4096);
		auto at = numbers.lower_bound(key ^ 0x155);
		if (at != numbers.end())
			sum = fold(sum, at->first + at->second);
		if (i % 4 == 0) {
			char name[24];
			snprintf(name, sizeof name, "key-%u-of-a-long-word", (unsigned)(key % 257));
			words[name] += key;
		}
	}
	std::vector<uint64_t> all;
	for (auto &e : numbers)
		all.push_back(e.second << 16 ^ e.first);
	std::sort(all.begin(), all.end());
	for (uint64_t v : all)
		sum = fold(sum, v);
	for (auto &e : words)
		sum = fold(sum, e.second + e.first.size());
	return report("map", n, sum);
}
