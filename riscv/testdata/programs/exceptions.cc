// C++ exceptions: types, rethrow, destructors on the way, nested handlers, through
// calls by pointers. The argument is the number of throws.
#include "work.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

static uint64_t sum;

struct Guard {
	unsigned id;
	explicit Guard(unsigned i) : id(i) {}
	~Guard() { sum = fold(sum, id); }
};

struct Failure : std::runtime_error {
	unsigned code;
	Failure(const std::string &what, unsigned c) : std::runtime_error(what), code(c) {}
};

static void leaf(unsigned k)
{
	Guard g(k);
	switch (k % 6) {
	case 0: throw k;
	case 1: throw Failure("failure " + std::to_string(k), k);
	case 2: throw std::out_of_range("range");
	case 3: std::vector<int>(3).at(k); return;
	case 4: throw std::string("text");
	}
}

static void middle(unsigned k, void (*f)(unsigned))
{
	auto owned = std::make_unique<Guard>(k ^ 1000);
	try {
		Guard g(k ^ 2000);
		f(k);
	} catch (const std::out_of_range &) {
		sum = fold(sum, 1);
		throw;
	} catch (unsigned v) {
		try {
			throw Failure("again", v);
		} catch (Failure &f) {
			f.code++;
			throw;
		}
	}
	sum = fold(sum, 2);
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 60);
	for (unsigned long i = 0; i < n; i++)
		try {
			middle(unsigned(i), leaf);
		} catch (const Failure &f) {
			sum = fold(sum, f.code + std::string(f.what()).size());
		} catch (const std::exception &) {
			sum = fold(sum, 3);
		} catch (...) {
			sum = fold(sum, 4);
		}
	return report("exceptions", n, sum);
}
