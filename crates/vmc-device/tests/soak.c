/*
 * Many processes that make random calls on the device, and are killed: soak DEVICE SEED PROCESSES KILLS CALLS SECONDS
 *
 * Each of PROCESSES processes makes CALLS random calls and ends; another one takes its place, until KILLS of them were
 * killed at random moments and SECONDS have passed. Exit code 0: every call had a result that it may have.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct query {
	int have_vmc;
	int state;
	int drc_index;
};

#define SETHMCID _IOW(0xCC, 0, unsigned char *)
#define QUERY _IOR(0xCC, 1, struct query)
#define UNKNOWN _IOR(0xCC, 7, struct query)

#define MAX_PROCESSES 256
#define MAX_FILES 4
#define ROOM 8192
/* A signal with a handler ends a call that sleeps for longer than this. */
#define PATIENCE_US 3000

static const char *device;
static int fds[MAX_FILES];

static unsigned int draw(unsigned int *state, unsigned int below)
{
	return (unsigned int)rand_r(state) / 7 % below;
}

static void ignore(int number)
{
	(void)number;
}

/* Whether a call may end with this errno, in any state of the channel and of the file. */
static int may_be(int error)
{
	static const int known[] = { EAGAIN, EBADF, EBADFD, EBUSY, EINTR, EINVAL, EIO, ENODEV, ENOBUFS, ENOMEM, EPERM,
		ENOTCONN, ENOTTY };
	size_t n;

	for (n = 0; n < sizeof(known) / sizeof(known[0]); n++)
		if (known[n] == error)
			return 1;
	return 0;
}

static void check(long result, const char *call)
{
	if (result < 0 && !may_be(errno)) {
		perror(call);
		_exit(3);
	}
}

/* One random call on one of the descriptors. */
static void call_at_random(unsigned int *state)
{
	unsigned char bytes[ROOM] = { 0 };
	char id[32] = { 0 };
	struct query query;
	struct pollfd ready;
	int *fd = &fds[draw(state, MAX_FILES)];
	int other;

	if (*fd < 0) {
		*fd = open(device, O_RDWR | (draw(state, 2) ? O_NONBLOCK : 0));
		check(*fd, "open");
		return;
	}
	switch (draw(state, 12)) {
	case 0:
		check(close(*fd), "close");
		*fd = -1;
		break;
	case 1:
	case 2:
		snprintf(id, sizeof(id), "soak-%d", getpid());
		check(ioctl(*fd, SETHMCID, id), "SETHMCID");
		break;
	case 3:
		check(ioctl(*fd, QUERY, &query), "QUERY");
		break;
	case 4:
		if (ioctl(*fd, UNKNOWN, &query) >= 0 || errno != EINVAL)
			check(-1, "an unknown ioctl");
		break;
	case 5:
		ready = (struct pollfd){ .fd = *fd, .events = POLLIN };
		check(poll(&ready, 1, (int)draw(state, 3)), "poll");
		break;
	case 6:
		other = dup(*fd);
		if (other >= 0)
			check(close(other), "close of a second descriptor");
		break;
	case 7:
		check(fcntl(*fd, F_SETFL, draw(state, 2) ? O_NONBLOCK : 0), "fcntl");
		break;
	case 8:
	case 9:
		check(read(*fd, bytes, 1 + draw(state, ROOM - 1)), "read");
		break;
	default:
		check(write(*fd, bytes, 1 + draw(state, 4096)), "write");
	}
}

struct work {
	unsigned int state;
	int calls;
	atomic_int is_over;
	pthread_t thread;
};

static void *work(void *argument)
{
	struct work *work = argument;

	while (work->calls-- > 0)
		call_at_random(&work->state);
	work->is_over = 1;
	return NULL;
}

/* A process: two threads that share the descriptors, and a third one that interrupts them. */
static void run(unsigned int seed, int calls)
{
	struct sigaction action = { .sa_handler = ignore };
	struct work works[2] = { { .state = seed, .calls = calls / 2 }, { .state = seed + 1, .calls = calls / 2 } };
	int n;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	sigaction(SIGALRM, &action, NULL);
	for (n = 0; n < MAX_FILES; n++)
		fds[n] = -1;
	for (n = 0; n < 2; n++)
		if (pthread_create(&works[n].thread, NULL, work, &works[n]) != 0)
			_exit(3);
	while (!works[0].is_over || !works[1].is_over) {
		usleep(PATIENCE_US);
		for (n = 0; n < 2; n++)
			if (!works[n].is_over)
				pthread_kill(works[n].thread, SIGALRM);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	pid_t pids[MAX_PROCESSES] = { 0 };
	int processes, kills, calls, n, status, killed = 0, ended = 0;
	unsigned int state, seed;
	time_t until;

	if (argc != 7) {
		fputs("usage: soak DEVICE SEED PROCESSES KILLS CALLS SECONDS\n", stderr);
		return 2;
	}
	device = argv[1];
	seed = state = (unsigned int)atoi(argv[2]);
	processes = atoi(argv[3]);
	kills = atoi(argv[4]);
	calls = atoi(argv[5]);
	until = time(NULL) + atoi(argv[6]);
	if (processes < 1 || processes > MAX_PROCESSES)
		return 2;
	while (killed < kills || time(NULL) < until) {
		for (n = 0; n < processes; n++) {
			if (pids[n] != 0)
				continue;
			seed += 2;
			pids[n] = fork();
			if (pids[n] == 0)
				run(seed, calls);
			if (pids[n] < 0) {
				perror("fork");
				return 2;
			}
		}
		usleep(draw(&state, 5000));
		n = (int)draw(&state, (unsigned int)processes);
		if (kill(pids[n], draw(&state, 2) ? SIGKILL : SIGTERM) == 0)
			killed++;
		for (n = 0; n < processes; n++) {
			if (pids[n] == 0 || waitpid(pids[n], &status, WNOHANG) != pids[n])
				continue;
			pids[n] = 0;
			ended++;
			if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
				return 1;
		}
	}
	for (n = 0; n < processes; n++) {
		if (pids[n] == 0)
			continue;
		kill(pids[n], SIGKILL);
		waitpid(pids[n], &status, 0);
	}
	printf("%d processes ended, %d signals killed\n", ended, killed);
	return 0;
}
