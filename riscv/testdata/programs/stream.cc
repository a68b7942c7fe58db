// iostream: formatting, parsing, locales, buffers. The argument is the number of
// lines.
#include "work.h"

#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 20);
	uint64_t seed = 8;
	std::ostringstream out;
	for (unsigned long i = 0; i < n; i++) {
		uint64_t r = next(&seed);
		out << std::setw(6) << i << ' ' << std::hex << std::setfill('0') << std::setw(8) << (uint32_t)r << std::dec << std::setfill(' ') << ' '
		    << std::fixed << std::setprecision(3) << (double)(r >> 44) / 8 << ' ' << std::scientific << (double)(r >> 50) << ' ' << std::boolalpha
		    << (r % 2 == 0) << '\n';
	}
	std::istringstream in(out.str());
	std::map<bool, double> sums;
	std::string line;
	while (std::getline(in, line)) {
		std::istringstream fields(line);
		unsigned long index;
		uint32_t mixed;
		double a, b;
		bool even;
		fields >> index >> std::hex >> mixed >> std::dec >> a >> b >> std::boolalpha >> even;
		if (!fields)
			return 1;
		sums[even] += a + (double)(mixed % 16) + (double)index;
	}
	std::cout << out.str().substr(0, 120) << "...\n" << std::fixed << sums[true] << ' ' << sums[false] << std::endl;
	return 0;
}
