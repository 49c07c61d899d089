/*
 * Leaves a call of a driver from within a service: its partition is gone, and nothing of it is to run on.
 *
 * And tells ThreadSanitizer, where it is preloaded, how the turn goes from call to call: it sees the code of a driver that was
 * compiled for it, and not that of the host.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <setjmp.h>

static _Thread_local jmp_buf entered;

static void (*acquire)(void *), (*release)(void *);
static char turn;

__attribute__((constructor)) static void find_thread_sanitizer(void)
{
	*(void **)&acquire = dlsym(RTLD_DEFAULT, "__tsan_acquire");
	*(void **)&release = dlsym(RTLD_DEFAULT, "__tsan_release");
}

void vmc_driver_host_takes_turn(void)
{
	if (acquire)
		acquire(&turn);
}

void vmc_driver_host_gives_turn(void)
{
	if (release)
		release(&turn);
}

/* Runs a function; 1 if it was left, 0 if it has returned. */
int vmc_driver_host_enter(void (*run)(void *), void *argument)
{
	if (setjmp(entered))
		return 1;
	vmc_driver_host_takes_turn();
	run(argument);
	vmc_driver_host_gives_turn();
	return 0;
}

_Noreturn void vmc_driver_host_leave(void)
{
	longjmp(entered, 1);
}
