// C++: containers, exceptions, virtual calls, atomics.
#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct Shape {
	virtual ~Shape() = default;
	virtual double area() const = 0;
};
struct Square : Shape {
	double side;
	explicit Square(double s) : side(s) {}
	double area() const override { return side * side; }
};
struct Circle : Shape {
	double radius;
	explicit Circle(double r) : radius(r) {}
	double area() const override { return 3.25 * radius * radius; }
};

int main()
{
	std::map<std::string, int> words;
	std::atomic<long> counter{0};
	for (int i = 0; i < 2000; i++) {
		words["key" + std::to_string(i * 7 % 113)] += i;
		counter.fetch_add(i);
		long expected = i;
		counter.compare_exchange_strong(expected, 1);
	}
	std::vector<std::unique_ptr<Shape>> shapes;
	for (int i = 0; i < 10; i++) {
		if (i % 2)
			shapes.emplace_back(new Square(i));
		else
			shapes.emplace_back(new Circle(i));
	}
	double sum = 0;
	for (auto &s : shapes)
		sum += s->area();
	try {
		words.at("absent")++;
	} catch (const std::out_of_range &) {
		std::printf("%zu words, first %d, counter %ld, area %g\n", words.size(), words.begin()->second, counter.load(), sum);
		return 5;
	}
	return 1;
}
