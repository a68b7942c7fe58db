/* Writes one byte to every page of the native heap until it is stopped. */
#include "fishplate.h"

static void on_recv(int req, int none, const char *arg)
{
	volatile char *p;
	unsigned long i;

	(void)req, (void)none, (void)arg;
	p = (char *)FP_CALL1(FP_NATIVE_MALLOC, 500ul << 20);
	for (i = 0; i < 500ul << 20; i += 4096)
		p[i] = 1;
}

int main(void) { fp_wait_for_requests(on_recv); }
