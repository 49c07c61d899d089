/*
 * Opens the device, sends messages of growing length, and reads their echoes.
 *
 * Usage: echo [DEVICE [MESSAGES]]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct query {
	int have_vmc;
	int state;
	int drc_index;
};

#define SETHMCID _IOW(0xCC, 0, unsigned char *)
#define QUERY _IOR(0xCC, 1, struct query)

#define LONGEST 4096
#define PATIENCE_MS 10000

/* Whether a call is to be made again: the device is busy until the channel or the session is ready. */
static int again(int result)
{
	static int waited_ms;

	if (result >= 0 || (errno != EBUSY && errno != EAGAIN && errno != ENOBUFS && errno != EINTR))
		return 0;
	if (waited_ms++ >= PATIENCE_MS)
		return 0;
	usleep(1000);
	return 1;
}

static void check(int result, const char *call)
{
	if (result < 0) {
		perror(call);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "/tmp/ibmvmc";
	int messages = argc > 2 ? atoi(argv[2]) : 10;
	char id[32] = "example";
	unsigned char message[LONGEST], echo[LONGEST];
	struct query query;
	int fd, result, n;

	do
		fd = open(device, O_RDWR);
	while (again(fd));
	check(fd, device);
	check(ioctl(fd, QUERY, &query), "QUERY");
	printf("have_vmc %d, state %d\n", query.have_vmc, query.state);
	do
		result = ioctl(fd, SETHMCID, id);
	while (again(result));
	check(result, "SETHMCID");
	for (n = 0; n < messages; n++) {
		int len = 1 + n * 40 % LONGEST;
		struct pollfd ready = { .fd = fd, .events = POLLIN };

		memset(message, n, len);
		do
			result = write(fd, message, len);
		while (again(result));
		check(result, "write");
		do
			result = poll(&ready, 1, PATIENCE_MS);
		while (result < 0 && errno == EINTR);
		check(result, "poll");
		result = read(fd, echo, LONGEST);
		check(result, "read");
		if (result != len || memcmp(message, echo, len) != 0) {
			fprintf(stderr, "another message than was written\n");
			return 1;
		}
	}
	check(close(fd), "close");
	printf("%d echoes\n", messages);
	return 0;
}
