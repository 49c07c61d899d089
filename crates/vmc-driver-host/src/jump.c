/* Leaves a call of a driver from within a service: its partition is gone, and nothing of it is to run on. */
#include <setjmp.h>

static _Thread_local jmp_buf entered;

/* Runs a function; 1 if it was left, 0 if it has returned. */
int vmc_driver_host_enter(void (*run)(void *), void *argument)
{
	if (setjmp(entered))
		return 1;
	run(argument);
	return 0;
}

_Noreturn void vmc_driver_host_leave(void)
{
	longjmp(entered, 1);
}
