// What names are tried on: namespaces, templates, methods, lambdas, operators.
#include <cstdlib>
#include <vector>

namespace shapes {

template <typename T> struct Box {
	T side;
	__attribute__((noinline)) T area(T scale) const
	{
		if (scale == 0)
			abort();
		return side * side * scale;
	}
};

__attribute__((noinline)) int operator+(const Box<int> &a, const Box<int> &b)
{
	auto both = [](const Box<int> &x, const Box<int> &y) __attribute__((noinline)) {
		return x.area(1) + y.area(0);
	};
	return both(a, b) + 1;
}

} // namespace shapes

int main()
{
	std::vector<shapes::Box<int>> list = { { 1 }, { 2 } };
	return list[0] + list[1] + 1;
}
