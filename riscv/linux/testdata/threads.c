// What a process with one thread does without others: locks, conditions with
// a time limit; and what it is told when it asks for a second thread.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void *run(void *p) { return p; }

int main(int argc, char **argv) {
	(void)argv;
	pthread_mutex_lock(&mutex);
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 5000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	printf("wait: %s\n", strerror(pthread_cond_timedwait(&condition, &mutex, &t)));
	pthread_t thread;
	printf("thread: %s\n", strerror(pthread_create(&thread, NULL, run, NULL)));
	fflush(stdout);
	if (argc > 1)
		pthread_mutex_lock(&mutex); // of itself: for ever
	return 0;
}
