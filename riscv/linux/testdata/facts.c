// Asks for everything that a program may ask for and prints what is the same
// on every Linux.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long v) { printf("%s %ld %s\n", what, v, v < 0 ? strerror(errno) : ""); }

int main(int argc, char **argv) {
	(void)argc;
	printf("%s\n", argv[1]);
	printf("env %s\n", getenv("FACT"));
	printf("page %ld clock %ld secure %ld\n", sysconf(_SC_PAGESIZE), getauxval(AT_CLKTCK), getauxval(AT_SECURE));
	printf("name %s random %d\n", strrchr((char *)getauxval(AT_EXECFN), '/') != NULL ? "path" : "plain", getauxval(AT_RANDOM) != 0);
	printf("hwcap %lx\n", getauxval(AT_HWCAP) & 0x112d);
	struct timespec t, u;
	say("real", clock_gettime(CLOCK_REALTIME, &t));
	printf("year %d\n", t.tv_sec > 1700000000);
	say("monotonic", clock_gettime(CLOCK_MONOTONIC, &t));
	struct timespec ms = {0, 1000000};
	say("sleep", nanosleep(&ms, NULL));
	clock_gettime(CLOCK_MONOTONIC, &u);
	printf("later %d\n", (u.tv_sec - t.tv_sec) * 1000000000L + u.tv_nsec - t.tv_nsec >= 1000000);
	say("resolution", clock_getres(CLOCK_MONOTONIC, &t));
	say("bad clock", clock_gettime(99, &t));
	struct timeval tv;
	say("day", gettimeofday(&tv, NULL));
	struct timespec bad = {0, 2000000000};
	say("bad sleep", nanosleep(&bad, NULL));
	char b[64];
	say("random", getrandom(b, sizeof b, 0));
	say("random far", getrandom((void *)8, 8, 0));
	say("write far", write(1, (void *)8, 8));
	say("write none", write(1, (void *)8, 0));
	say("write closed", write(77, b, 1));
	say("read closed", read(77, b, 1));
	say("open absent", open("/absent", O_RDONLY));
	say("open absent", open("/absent/deeper", O_RDONLY));
	struct stat st;
	say("stat absent", stat("/absent", &st));
	int null = open("/dev/null", O_RDWR);
	say("null", null);
	say("null write", write(null, b, 10));
	say("null read", read(null, b, 10));
	say("null again", dup(null));
	say("null as 20", dup2(null, 20));
	say("flags", fcntl(null, F_GETFL) & O_ACCMODE);
	say("close", close(20));
	say("close", close(20));
	say("terminal", isatty(null));
	int z = open("/dev/zero", O_RDONLY);
	memset(b, 1, sizeof b);
	struct iovec v[2] = {{b, 10}, {b + 20, 5}};
	say("vector", readv(z, v, 2));
	printf("bytes %d %d %d %d\n", b[9], b[10], b[20], b[25]);
	say("vectors", writev(1, v, -1));
	say("seek", lseek(1, 0, SEEK_CUR));
	struct pollfd p[2] = {{1, POLLOUT, 0}, {77, POLLIN, 0}};
	say("poll", poll(p, 2, 0));
	printf("events %x %x\n", p[0].revents, p[1].revents);
	struct rlimit l;
	say("limit", getrlimit(RLIMIT_NOFILE, &l));
	say("limit", prlimit(0, 99, NULL, &l));
	cpu_set_t cpus;
	say("yield", sched_yield());
	say("affinity", sched_getaffinity(0, sizeof cpus, &cpus) < 0);
	struct utsname n;
	say("uname", uname(&n));
	printf("%s %s\n", n.sysname, n.machine);
	struct sysinfo info;
	say("sysinfo", sysinfo(&info));
	printf("unit %d\n", info.totalram > 0 && info.freeram <= info.totalram);
	struct rusage usage;
	say("usage", getrusage(RUSAGE_SELF, &usage));
	struct tms ticks;
	say("times", times(&ticks) == -1);
	pthread_attr_t attr;
	void *low;
	size_t size;
	char here;
	say("stack", pthread_getattr_np(pthread_self(), &attr));
	pthread_attr_getstack(&attr, &low, &size);
	printf("here %d\n", &here > (char *)low && &here < (char *)low + size);
	printf("umask %o\n", umask(022));
	return 0;
}
