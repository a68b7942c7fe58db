// Exceptions through frames with destructors, streams, and a thrown object.
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Noisy {
	std::string name;
	~Noisy() { std::cout << "end of " << name << "\n"; }
};

static int deep(int n) {
	Noisy noisy{"level " + std::to_string(n)};
	if (n == 0)
		throw std::out_of_range("bottom");
	return deep(n - 1) + 1;
}

int main() {
	try {
		deep(5);
	} catch (const std::exception &e) {
		std::cout << "caught " << e.what() << "\n";
	}
	std::map<std::string, std::vector<double>> m;
	for (int i = 0; i < 1000; i++)
		m["key " + std::to_string(i % 17)].push_back(i / 3.0);
	for (auto &[k, v] : m)
		std::cout << k << ' ' << v.size() << ' ' << v.back() << '\n';
	std::istringstream in("3 4.5 word");
	int a;
	double b;
	std::string c;
	in >> a >> b >> c;
	std::cout << a << ' ' << b << ' ' << c << std::endl;
	try {
		std::string().at(4);
	} catch (...) {
		std::cout << "caught again\n";
	}
	throw 7; // nobody catches this: abort
}
