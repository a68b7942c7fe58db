/* Keeps wrk from sleeping, loaded before its libraries.
 *
 * Load and server are on one machine here, so that whoever sends something to a
 * client that sleeps pays for waking it: between the processors of a virtual
 * machine that takes several microseconds. The faster a server is the less often
 * its client finds time to sleep, and a difference between two servers would
 * mostly be one of how often each had to wake its own. */
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
	(void)timeout;
	return (int)syscall(SYS_epoll_wait, fd, events, most, 0);
}
