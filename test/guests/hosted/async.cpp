// Threads of the C++ library.
#include <condition_variable>
#include <chrono>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <numeric>
#include <string>
#include <thread>
#include <vector>
#define FP_START
#include "fishplate.h"

static long part(int from, int to)
{
	long n = 0;
	for (int i = from; i < to; i++)
		n += i;
	return n;
}

static std::string run()
{
	using namespace std::chrono_literals;
	std::vector<std::future<long>> parts;
	for (int i = 0; i < 8; i++)
		parts.push_back(std::async(std::launch::async, part, i * 100, i * 100 + 100));
	long sum = 0;
	for (auto &p : parts)
		sum += p.get();
	std::mutex m;
	std::condition_variable c;
	int turns = 0;
	std::vector<std::thread> threads;
	for (int i = 0; i < 4; i++)
		threads.emplace_back([&, i] {
			std::unique_lock<std::mutex> l(m);
			c.wait(l, [&] { return turns % 4 == i; });
			turns++;
			c.notify_all();
		});
	std::thread sleeper([] { std::this_thread::sleep_for(2s); });
	for (auto &t : threads)
		t.join();
	sleeper.join();
	std::promise<int> never;
	bool late = never.get_future().wait_for(1h) == std::future_status::timeout;
	int caught = 0;
	try {
		std::async(std::launch::async, []() -> int { throw 42; }).get();
	} catch (int n) {
		caught = n;
	}
	return std::to_string(sum) + " " + std::to_string(turns) + " " + std::to_string(late) + " " + std::to_string(caught);
}

static void on_recv(int req, int, const char *)
{
	fp_append(req, ("X-Async: " + run()).c_str());
}

int main()
{
	std::string s = run();
	fp_log(s.c_str());
	fp_wait_for_requests(on_recv);
}
