/* A static glibc program: stdio, malloc and strings work as anywhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define FP_START
#include "fishplate.h"

static char *kept;

static void on_recv(int req, int none, const char *arg)
{
	char line[200];
	char *copy = malloc(100000);

	(void)none, (void)arg;
	memset(copy, 'x', 99999);
	copy[99999] = 0;
	snprintf(line, sizeof(line), "X-Stdio: %s %zu %.3f", kept, strlen(copy), 1.0 / 3);
	fp_append(req, line);
	free(copy);
}

int main(int argc, char **argv)
{
	kept = strdup(argc > 1 ? argv[1] : "none");
	printf("%s starts, mode %s, %d arguments, %d\n", argv[0], getenv("RISCV_MODE"), argc, time(NULL) > 1000000000);
	fflush(stdout);
	fp_wait_for_requests(on_recv);
}
