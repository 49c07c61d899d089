/* Threads that make calls at the same time while partitions fail and boot, and one that destroys the machine under them. Every
 * call is answered by a code of the architecture or, in the end, by VMCSIM_E_HANDLE. */
#include "mini.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 4
#define ROUNDS 700

static vmcsim_machine machine;
static struct vmcsim_adapter adapter;
static atomic_int ends, gone;

static void on_interrupt(void *user, vmcsim_machine of, uint32_t partition)
{
	uint64_t args[9] = {0}, rets[9];

	CHECK(user == NULL && of == machine && partition == VMCSIM_MANAGEMENT);
	/* It ends the interrupt by itself, so that the next one comes. */
	if (vmcsim_hcall(of, partition, VMCSIM_H_XIRR, args, rets) == VMCSIM_H_SUCCESS && (rets[0] & 0xFFFFFF) != 0) {
		args[0] = rets[0];
		vmcsim_hcall(of, partition, VMCSIM_H_EOI, args, rets);
	}
}

static int64_t call(uint64_t opcode, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	uint64_t args[9] = {a, b, c, d, e}, rets[9];
	int64_t code = vmcsim_hcall(machine, VMCSIM_MANAGEMENT, opcode, args, rets);

	CHECK(code > -65536 || code == VMCSIM_E_HANDLE);
	if (code == VMCSIM_E_HANDLE)
		atomic_store(&gone, 1);
	return code;
}

static void *calls(void *number)
{
	uint64_t page = (uint64_t)(uintptr_t)number, local = adapter.local_liobn, remote = adapter.remote_liobn;
	uint8_t entry[16];
	uint32_t taken = 0;

	for (unsigned i = 0; !atomic_load(&gone); i++) {
		call(VMCSIM_H_PUT_TCE, local, page * PAGE, page * PAGE | READ_WRITE, 0, 0);
		call(VMCSIM_H_COPY_RDMA, 4000, local, page * PAGE, remote, PAGE);
		call(VMCSIM_H_SEND_CRQ, adapter.unit_address, 0xC001000000000000, i, 0, 0);
		if (page == 1) {
			/* One thread has the queue. */
			call(VMCSIM_H_PUT_TCE, local, 0, READ_WRITE, 0, 0);
			call(VMCSIM_H_REG_CRQ, adapter.unit_address, 0, PAGE, 0, 0);
			call(VMCSIM_H_VIO_SIGNAL, adapter.unit_address, 1, 0, 0, 0);
			for (uint64_t at = 0; at < PAGE; at += 16)
				vmcsim_take_entry(machine, VMCSIM_MANAGEMENT, at, entry, &taken);
			if (i % 16 == 15)
				call(VMCSIM_H_FREE_CRQ, adapter.unit_address, 0, 0, 0, 0);
		}
	}
	atomic_fetch_add(&ends, 1);
	return NULL;
}

static void run(uint32_t flags)
{
	struct vmcsim_config config = {.size = sizeof config, .abi_version = VMCSIM_ABI_VERSION, .flags = flags};
	const uint32_t orders[] = {VMCSIM_CRASH, VMCSIM_BOOT, VMCSIM_SUSPEND, VMCSIM_PAUSE, VMCSIM_RESUME, VMCSIM_TERMINATE, VMCSIM_BOOT};
	struct vmcsim_service state = {.size = sizeof state};
	pthread_t threads[THREADS];
	unsigned rounds = flags & VMCSIM_TRACE ? ROUNDS / 10 : ROUNDS;

	atomic_store(&gone, 0);
	atomic_store(&ends, 0);
	adapter.size = sizeof adapter;
	CHECK(vmcsim_create(&config, &machine) == VMCSIM_OK);
	CHECK(vmcsim_adapter_of(machine, VMCSIM_MANAGEMENT, &adapter) == VMCSIM_OK);
	CHECK(vmcsim_interrupt_callback(machine, VMCSIM_MANAGEMENT, on_interrupt, NULL) == VMCSIM_OK);
	CHECK(vmcsim_order(machine, VMCSIM_PLATFORM, VMCSIM_START) == VMCSIM_OK);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, calls, (void *)(i + 1)) == 0);
	for (unsigned i = 0; i < rounds; i++) {
		CHECK(vmcsim_order(machine, i / 7 % 2, orders[i % 7]) == VMCSIM_OK);
		CHECK(vmcsim_service_state(machine, &state) == VMCSIM_OK);
	}
	CHECK(vmcsim_destroy(machine) == VMCSIM_OK);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(atomic_load(&ends) == THREADS);
}

int main(void)
{
	run(VMCSIM_SERVICE_THREAD);
	run(VMCSIM_SERVICE_THREAD | VMCSIM_TRACE);
	return 0;
}
