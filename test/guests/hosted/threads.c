/* Threads of the C library: a pool of four that outlives the snapshot, locks,
 * conditions, waits with a time-out, signals and thread-local storage. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#define FP_START
#include "fishplate.h"

enum { WORKERS = 4, JOBS = 40 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static int queued, finished, by[WORKERS];
static long sum;
static __thread int mine;
static __thread int id;
static atomic_int spun, signalled;

static void *worker(void *arg)
{
	id = (int)(long)arg;
	for (;;) {
		pthread_mutex_lock(&lock);
		while (queued == 0)
			pthread_cond_wait(&work, &lock);
		int job = queued--;
		pthread_mutex_unlock(&lock);
		sched_yield();
		mine++;
		pthread_mutex_lock(&lock);
		sum += job;
		by[id] = mine;
		if (++finished == JOBS)
			pthread_cond_signal(&done);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void jobs(char *line, size_t n)
{
	pthread_mutex_lock(&lock);
	sum = finished = 0;
	queued = JOBS;
	pthread_cond_broadcast(&work);
	while (finished < JOBS)
		pthread_cond_wait(&done, &lock);
	int all = 1;
	for (int i = 0; i < WORKERS; i++)
		all &= by[i] > 0;
	snprintf(line, n, "X-Jobs: %ld, all worked %d", sum, all);
	pthread_mutex_unlock(&lock);
}

static long since(const struct timespec *a)
{
	struct timespec b;
	clock_gettime(CLOCK_REALTIME, &b);
	return (b.tv_sec - a->tv_sec) * 1000 + (b.tv_nsec - a->tv_nsec) / 1000000;
}

static void timed(char *line, size_t n)
{
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	struct timespec a, t;
	sem_t sem;
	clock_gettime(CLOCK_REALTIME, &a);
	t = a;
	t.tv_sec += 30;
	pthread_mutex_lock(&lock);
	int r = pthread_cond_timedwait(&never, &lock, &t);
	pthread_mutex_unlock(&lock);
	long waited = since(&a);
	sem_init(&sem, 0, 0);
	t.tv_sec += 10;
	int s = sem_timedwait(&sem, &t);
	struct timespec d = { 5, 0 };
	nanosleep(&d, NULL);
	snprintf(line, n, "X-Timed: %d %d %d %d", r == ETIMEDOUT, s == -1 && errno == ETIMEDOUT, waited >= 29999 && waited < 31000, since(&a) >= 44999);
}

static void *spinner(void *arg)
{
	while (!atomic_load(&spun))
		;
	return arg;
}

static void *blocked(void *arg)
{
	sem_wait(arg);
	return arg;
}

static void on_signal(int n) { atomic_fetch_add(&signalled, n); }

static void once(char *line, size_t n)
{
	pthread_mutexattr_t kind;
	pthread_mutex_t twice;
	pthread_t t, u;
	void *got;
	sem_t sem;
	sem_init(&sem, 0, 0);
	pthread_mutexattr_init(&kind);
	pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&twice, &kind);
	pthread_mutex_lock(&twice);
	int deep = pthread_mutex_lock(&twice) == 0;
	pthread_create(&t, NULL, spinner, (void *)7);
	pthread_create(&u, NULL, blocked, &sem);
	for (volatile int i = 0; i < 2000000; i++)
		; /* two that spin: each gets its turn by force */
	atomic_store(&spun, 1);
	pthread_join(t, &got);
	struct sigaction sa = { .sa_handler = on_signal };
	sigaction(SIGUSR1, &sa, NULL);
	pthread_kill(u, SIGUSR1);
	raise(SIGUSR1);
	sem_post(&sem);
	pthread_join(u, NULL);
	snprintf(line, n, "X-Once: %d %ld %d", deep, (long)got, atomic_load(&signalled));
}

static void *holder(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL; /* and never gives it back */
}

static void robust(char *line, size_t n)
{
	pthread_mutexattr_t kind;
	pthread_mutex_t left;
	pthread_t t;
	pthread_mutexattr_init(&kind);
	pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&left, &kind);
	pthread_create(&t, NULL, holder, &left);
	pthread_join(t, NULL);
	int r = pthread_mutex_lock(&left);
	int c = pthread_mutex_consistent(&left);
	snprintf(line, n, "X-Robust: %d %d", r == EOWNERDEAD, c);
}

static int many(void)
{
	pthread_t t[45];
	sem_t sem;
	int made = 0;
	sem_init(&sem, 0, 0);
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 << 10);
	while (made < 45 && pthread_create(&t[made], &small, blocked, &sem) == 0)
		made++;
	for (int i = 0; i < made; i++)
		sem_post(&sem);
	for (int i = 0; i < made; i++)
		pthread_join(t[i], NULL);
	return made;
}

static void on_recv(int req, int none, const char *arg)
{
	char line[200];
	(void)none;
	if (strcmp(arg, "deadlock") == 0) {
		pthread_mutex_lock(&lock);
		pthread_mutex_lock(&lock);
	}
	if (strcmp(arg, "exit") == 0)
		pthread_exit(NULL);
	jobs(line, sizeof(line));
	fp_append(req, line);
	timed(line, sizeof(line));
	fp_append(req, line);
	once(line, sizeof(line));
	fp_append(req, line);
	robust(line, sizeof(line));
	fp_append(req, line);
	snprintf(line, sizeof(line), "X-Many: %d", many());
	fp_append(req, line);
}

int main(void)
{
	pthread_t t;
	char line[200];
	for (long i = 0; i < WORKERS; i++)
		if (pthread_create(&t, NULL, worker, (void *)i) != 0)
			printf("no thread %ld\n", i);
	jobs(line, sizeof(line));
	puts(line);
	timed(line, sizeof(line));
	puts(line);
	fflush(stdout);
	fp_wait_for_requests(on_recv);
}
