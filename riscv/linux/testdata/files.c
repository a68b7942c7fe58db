#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int order(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

int main(void) {
	char b[100];
	FILE *f = fopen("/etc/motd", "r");
	while (fgets(b, sizeof b, f))
		printf("line %s", b);
	fclose(f);
	struct stat st;
	stat("etc/../etc/deep/more", &st);
	printf("size %ld\n", (long)st.st_size);
	int fd = open("/etc/deep/more", O_RDONLY);
	printf("at %ld: ", (long)lseek(fd, -1, SEEK_END));
	read(fd, b, 10);
	printf("%c\n", b[0]);
	close(fd);
	struct dirent **names;
	int n = scandir("/etc", &names, NULL, order);
	for (int i = 0; i < n; i++)
		printf("name %s\n", names[i]->d_name);
	fopen("/etc/new", "w");
	printf("write: %s\n", strerror(errno));
	open("/etc", O_RDWR);
	printf("directory: %s\n", strerror(errno));
	open("/etc/motd", O_RDONLY | O_DIRECTORY);
	printf("not one: %s\n", strerror(errno));
	int dir = open("/etc", O_RDONLY | O_DIRECTORY);
	fd = openat(dir, "motd", O_RDONLY);
	printf("inside: %d\n", (int)pread(fd, b, 100, 6));
	return 0;
}
