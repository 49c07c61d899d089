/*
 * Makes the calls of a scenario's applications with system calls: scenario DEVICE SOCKET APP...
 *
 * One process runs the threads of one application. Each asks for its next instruction over the socket, makes that call,
 * and reports its result. The words are those of the crate's script.rs; scenario.py does the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct query {
	int have_vmc;
	int state;
	int drc_index;
};

#define SETHMCID _IOW(0xCC, 0, unsigned char *)
#define QUERY _IOR(0xCC, 1, struct query)
#define REQUESTVMC _IOR(0xCC, 2, unsigned int)

#define MAX_FILES 64
#define MAX_APPS 64
#define MAX_NAME 64

static const char *device, *control_path;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The descriptors by their names, which the threads of the process share. A name that changes its file keeps it open. */
static struct {
	char name[MAX_NAME];
	int fd;
} files[MAX_FILES];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The place of a name; a new one if it has none. */
static int place_of(const char *name)
{
	int at;

	for (at = 0; at < MAX_FILES && files[at].name[0] != 0; at++)
		if (strcmp(files[at].name, name) == 0)
			return at;
	if (at == MAX_FILES || strlen(name) >= MAX_NAME) {
		fprintf(stderr, "too many names, or a name that is too long: %s\n", name);
		exit(1);
	}
	strcpy(files[at].name, name);
	files[at].fd = -1;
	return at;
}

static void name_file(const char *name, int fd)
{
	pthread_mutex_lock(&lock);
	files[place_of(name)].fd = fd;
	pthread_mutex_unlock(&lock);
}

/* The descriptor of a name; it loses it when it is taken. */
static int descriptor(const char *name, int take)
{
	int at, fd;

	pthread_mutex_lock(&lock);
	at = place_of(name);
	fd = files[at].fd;
	if (take)
		files[at].fd = -1;
	pthread_mutex_unlock(&lock);
	return fd;
}

/* The bytes of a word, in memory of their own. */
static unsigned char *unhex(const char *word, size_t *len)
{
	size_t i, digits = strcmp(word, "-") == 0 ? 0 : strlen(word);
	unsigned char *bytes = calloc(digits / 2 + 32, 1);
	unsigned int byte;

	if (!bytes)
		die("calloc");
	for (i = 0; i < digits / 2; i++) {
		if (sscanf(word + 2 * i, "%2x", &byte) != 1)
			die("bytes that are not hexadecimal");
		bytes[i] = byte;
	}
	*len = digits / 2;
	return bytes;
}

static void write_hex(FILE *result, const unsigned char *bytes, size_t len)
{
	size_t i;

	fputs(len == 0 ? "read -" : "read ", result);
	for (i = 0; i < len; i++)
		fprintf(result, "%02x", bytes[i]);
}

static void do_ioctl(FILE *result, int fd, unsigned long number, const char *id)
{
	struct query query = { 0 };
	unsigned int index = 0;
	unsigned char *memory;
	size_t len;
	int status;

	if (number == QUERY) {
		status = ioctl(fd, number, &query);
		if (status >= 0)
			fprintf(result, "state %d %d", query.have_vmc, query.state);
	} else if (number == REQUESTVMC) {
		status = ioctl(fd, number, &index);
		if (status >= 0)
			fprintf(result, "index %u", index);
	} else {
		memory = unhex(id, &len);
		status = ioctl(fd, number, memory);
		if (status >= 0)
			fputs("done", result);
		free(memory);
	}
	if (status < 0)
		fprintf(result, "error %d", errno);
}

/* Makes the call of an instruction, and writes its result. */
static void make(FILE *result, const char *call, const char *name, const char *second, const char *third)
{
	unsigned char *bytes;
	struct pollfd ready;
	size_t len;
	ssize_t done;
	int fd;

	if (strcmp(call, "open") == 0) {
		fd = open(device, O_RDWR | (strcmp(second, "nonblock") == 0 ? O_NONBLOCK : 0));
		if (fd < 0) {
			fprintf(result, "error %d", errno);
		} else {
			name_file(name, fd);
			fputs("done", result);
		}
	} else if (strcmp(call, "hmc-id") == 0) {
		do_ioctl(result, descriptor(name, 0), SETHMCID, second);
	} else if (strcmp(call, "query") == 0) {
		do_ioctl(result, descriptor(name, 0), QUERY, "-");
	} else if (strcmp(call, "request") == 0) {
		do_ioctl(result, descriptor(name, 0), REQUESTVMC, "-");
	} else if (strcmp(call, "ioctl") == 0) {
		do_ioctl(result, descriptor(name, 0), strtoul(second, NULL, 10), third);
	} else if (strcmp(call, "write") == 0) {
		bytes = unhex(second, &len);
		done = write(descriptor(name, 0), bytes, len);
		if (done < 0)
			fprintf(result, "error %d", errno);
		else
			fprintf(result, "written %zd", done);
		free(bytes);
	} else if (strcmp(call, "read") == 0) {
		len = strtoul(second, NULL, 10);
		bytes = calloc(len + 1, 1);
		if (!bytes)
			die("calloc");
		done = read(descriptor(name, 0), bytes, len);
		if (done < 0)
			fprintf(result, "error %d", errno);
		else
			write_hex(result, bytes, done);
		free(bytes);
	} else if (strcmp(call, "poll") == 0) {
		ready = (struct pollfd){ .fd = descriptor(name, 0), .events = POLLIN };
		if (poll(&ready, 1, strcmp(second, "wait") == 0 ? -1 : 0) < 0)
			fprintf(result, "error %d", errno);
		else
			fprintf(result, "events %d", ready.revents);
	} else if (strcmp(call, "dup") == 0) {
		fd = dup(descriptor(name, 0));
		if (fd < 0)
			die("dup");
		name_file(second, fd);
	} else if (strcmp(call, "close") == 0) {
		if (close(descriptor(name, 1)) < 0)
			fprintf(result, "error %d", errno);
		else
			fputs("done", result);
	} else {
		fprintf(stderr, "unknown instruction: %s\n", call);
		exit(1);
	}
}

static void *run(void *argument)
{
	const char *app = argument;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int control = socket(AF_UNIX, SOCK_STREAM, 0);
	char *line = NULL, *result = NULL, *words[4], *rest;
	size_t room = 0, result_len;
	FILE *lines, *out;
	int n;

	prctl(PR_SET_NAME, app, 0, 0, 0);
	if (strlen(control_path) >= sizeof(address.sun_path))
		die("the socket's path is too long");
	strcpy(address.sun_path, control_path);
	if (control < 0 || connect(control, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(control_path);
	lines = fdopen(control, "r");
	if (!lines)
		die("fdopen");
	for (;;) {
		dprintf(control, "next %s %s\n", app, result ? result : "");
		if (getline(&line, &room, lines) < 0)
			break;
		for (n = 0, rest = line; n < 4; n++)
			words[n] = strsep(&rest, " \n");
		for (n = 0; n < 4; n++)
			words[n] = words[n] ? words[n] : "";
		if (strcmp(words[0], "end") == 0 || strcmp(words[0], "failed") == 0 || strcmp(words[0], "stuck") == 0 ||
		    strcmp(words[0], "error:") == 0) {
			/* Files stay open until the run has ended, and the device is gone. */
			while (getline(&line, &room, lines) >= 0)
				;
			break;
		}
		free(result);
		out = open_memstream(&result, &result_len);
		if (!out)
			die("open_memstream");
		make(out, words[0], words[1], words[2], words[3]);
		fclose(out);
		/* The empty line that ends an answer. */
		if (getline(&line, &room, lines) < 0)
			break;
	}
	free(line);
	free(result);
	fclose(lines);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[MAX_APPS];
	int n, apps = argc - 3;

	if (apps < 1 || apps > MAX_APPS) {
		fputs("usage: scenario DEVICE SOCKET APP...\n", stderr);
		return 1;
	}
	device = argv[1];
	control_path = argv[2];
	for (n = 0; n < apps; n++)
		if (pthread_create(&threads[n], NULL, run, argv[3 + n]) != 0)
			die("pthread_create");
	for (n = 0; n < apps; n++)
		pthread_join(threads[n], NULL);
	return 0;
}
