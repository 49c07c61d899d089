/* A driver on threads: the hypervisor's side has a thread of its own, and each interrupt comes by a callback, by an eventfd
 * and to a thread that waits. Then the partitions fail, boot, are suspended and paused. */
#include "mini.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define SECOND 1000000000ull

static atomic_int called;

/* The interrupt handler leaves the interrupt for the thread that waits. */
static void on_interrupt(void *user, vmcsim_machine machine, uint32_t partition)
{
	uint32_t present = 0;

	CHECK(user == &called && partition == VMCSIM_MANAGEMENT);
	/* A callback may make calls, but not destroy its machine. */
	CHECK(vmcsim_vmc_present(machine, &present) == VMCSIM_OK && present == 1);
	CHECK(vmcsim_destroy(machine) == VMCSIM_E_BUSY);
	atomic_fetch_add(&called, 1);
}

/* Takes interrupts and what they tell of, until something holds. */
static void until(struct mini *mini, const int *holds)
{
	uint64_t unit = mini->adapter.unit_address, xirr = 0;
	uint8_t entry[16];

	CHECK(hcall(mini, VMCSIM_H_VIO_SIGNAL, unit, 1, 0, 0, 0, NULL) == VMCSIM_H_SUCCESS);
	while (mini_take(mini, entry))
		mini_handle(mini, entry);
	while (!*holds) {
		CHECK(vmcsim_interrupt_wait(mini->machine, VMCSIM_MANAGEMENT, 60 * SECOND) == VMCSIM_OK);
		CHECK(hcall(mini, VMCSIM_H_XIRR, 0, 0, 0, 0, 0, &xirr) == VMCSIM_H_SUCCESS);
		CHECK((xirr & 0xFFFFFF) == mini->adapter.interrupt);
		CHECK(hcall(mini, VMCSIM_H_EOI, xirr, 0, 0, 0, 0, NULL) == VMCSIM_H_SUCCESS);
		while (mini_take(mini, entry))
			mini_handle(mini, entry);
	}
}

static void *wait_for_the_end(void *machine)
{
	int32_t status = vmcsim_interrupt_wait(*(vmcsim_machine *)machine, VMCSIM_PLATFORM, UINT64_MAX);

	CHECK(status == VMCSIM_E_HANDLE);
	return NULL;
}

/* Each order about a partition, and what the driver sees of it. */
static void orders(struct mini *mini)
{
	vmcsim_machine m = mini->machine;
	uint64_t unit = mini->adapter.unit_address;
	const uint8_t init[16] = {0xC0, 0x01};
	struct vmcsim_service state = {.size = sizeof state};

	/* The platform fails, boots, and greets by itself. */
	mini->events = 0;
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_CRASH) == VMCSIM_OK);
	until(mini, &mini->events);
	CHECK(vmcsim_service_state(m, &state) == VMCSIM_OK && state.state == VMCSIM_STOPPED);
	CHECK(mini_send(mini, init) == VMCSIM_H_CLOSED);
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_BOOT) == VMCSIM_OK);
	until(mini, &mini->is_ready);

	/* It is suspended: nothing can be sent before H_ENABLE_CRQ, which is busy at first. */
	mini->events = 0;
	CHECK(vmcsim_answer_next(m, VMCSIM_MANAGEMENT, VMCSIM_H_ENABLE_CRQ, VMCSIM_H_LONG_BUSY_1_MSEC, 2) == VMCSIM_OK);
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_SUSPEND) == VMCSIM_OK);
	until(mini, &mini->events);
	CHECK(mini_send(mini, init) == VMCSIM_H_CLOSED);
	for (int i = 0; i < 2; i++)
		CHECK(hcall(mini, VMCSIM_H_ENABLE_CRQ, unit, 0, 0, 0, 0, NULL) == VMCSIM_H_LONG_BUSY_1_MSEC);
	CHECK(hcall(mini, VMCSIM_H_ENABLE_CRQ, unit, 0, 0, 0, 0, NULL) == VMCSIM_H_SUCCESS);
	CHECK(mini_send(mini, init) == VMCSIM_H_SUCCESS);
	until(mini, &mini->is_ready);

	/* A paused management partition is not interrupted, and is when it goes on. */
	CHECK(vmcsim_order(m, VMCSIM_MANAGEMENT, VMCSIM_PAUSE) == VMCSIM_OK);
	mini->events = 0;
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_ATTACH_HMC) == VMCSIM_OK);
	CHECK(vmcsim_interrupt_wait(m, VMCSIM_MANAGEMENT, SECOND / 50) == VMCSIM_TIMEOUT);
	CHECK(vmcsim_order(m, VMCSIM_MANAGEMENT, VMCSIM_RESUME) == VMCSIM_OK);
	until(mini, &mini->events);
	CHECK(hcall(mini, VMCSIM_H_REQUEST_VMC, 0, 0, 0, 0, 0, NULL) == VMCSIM_H_NOT_AVAILABLE);
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_DETACH_HMC) == VMCSIM_OK);
	until(mini, &mini->is_ready);

	/* The management partition fails: its calls do, and its memory is zero. */
	mini->memory[PAGE] = 7;
	CHECK(vmcsim_order(m, VMCSIM_MANAGEMENT, VMCSIM_CRASH) == VMCSIM_OK);
	CHECK(mini->memory[PAGE] == 0);
	CHECK(mini_send(mini, init) == VMCSIM_H_HARDWARE);
	CHECK(vmcsim_order(m, VMCSIM_MANAGEMENT, VMCSIM_BOOT) == VMCSIM_OK);
	mini->slot = 0;
	mini->is_ready = 0;
	CHECK(mini_register(mini) == VMCSIM_H_SUCCESS && mini_send(mini, init) == VMCSIM_H_SUCCESS);
	CHECK(vmcsim_inject(m, VMCSIM_MANAGEMENT, (const uint8_t[16]){0}) == VMCSIM_H_PARAMETER);
}

int main(void)
{
	struct vmcsim_config config = {
		.size = sizeof config,
		.abi_version = VMCSIM_ABI_VERSION,
		.flags = VMCSIM_SERVICE_THREAD | VMCSIM_ON_REQUEST,
	};
	static _Alignas(4096) unsigned char ram[64 * PAGE];
	const uint8_t init[16] = {0xC0, 0x01};
	int64_t code;
	struct mini mini;
	vmcsim_machine machine = 0;
	uint64_t index = 0, count = 0;
	uint8_t drc[4];
	size_t len = 0;
	uint32_t present = 1;
	int descriptor = -1;
	pthread_t waiter;

	/* The partition has the memory that the program has. */
	memset(ram + 2 * PAGE, 7, PAGE);
	config.management_memory = ram;
	config.management_memory_bytes = sizeof ram;
	CHECK(vmcsim_create(&config, &machine) == VMCSIM_OK);
	mini_attach(&mini, machine);
	CHECK(mini.memory == ram && mini.memory_bytes == sizeof ram && ram[2 * PAGE] == 7);

	/* The VMC is in the device tree before it exists. */
	CHECK(vmcsim_property(machine, VMCSIM_NODE_VMC, "ibm,my-drc-index", drc, sizeof drc, &len) == VMCSIM_OK && len == 4);
	CHECK(vmcsim_vmc_present(machine, &present) == VMCSIM_OK && present == 0);
	CHECK(hcall(&mini, VMCSIM_H_REQUEST_VMC, 0, 0, 0, 0, 0, &index) == VMCSIM_H_SUCCESS);
	CHECK(index == ((uint64_t)drc[0] << 24 | (uint64_t)drc[1] << 16 | (uint64_t)drc[2] << 8 | drc[3]));

	CHECK(vmcsim_interrupt_callback(machine, VMCSIM_MANAGEMENT, on_interrupt, &called) == VMCSIM_OK);
	CHECK(vmcsim_interrupt_eventfd(machine, VMCSIM_MANAGEMENT, &descriptor) == VMCSIM_OK);
	CHECK(vmcsim_interrupt_wait(machine, VMCSIM_MANAGEMENT, 0) == VMCSIM_TIMEOUT);
	CHECK(vmcsim_order(machine, VMCSIM_PLATFORM, VMCSIM_START) == VMCSIM_OK);
	/* Who registers last greets: the service, or this driver. */
	code = mini_register(&mini);
	CHECK(code == VMCSIM_H_SUCCESS || code == VMCSIM_H_CLOSED);
	if (code == VMCSIM_H_SUCCESS)
		CHECK(mini_send(&mini, init) == VMCSIM_H_SUCCESS);
	until(&mini, &mini.is_ready);
	CHECK(atomic_load(&called) > 0);
	CHECK(poll(&(struct pollfd){.fd = descriptor, .events = POLLIN}, 1, 60000) == 1);
	CHECK(read(descriptor, &count, sizeof count) == sizeof count && count > 0);

	CHECK(vmcsim_interrupt_callback(machine, VMCSIM_MANAGEMENT, NULL, NULL) == VMCSIM_OK);
	orders(&mini);
	CHECK(pthread_create(&waiter, NULL, wait_for_the_end, &machine) == 0);
	CHECK(vmcsim_destroy(machine) == VMCSIM_OK);
	CHECK(pthread_join(waiter, NULL) == 0);
	CHECK(close(descriptor) == 0);
	return 0;
}
