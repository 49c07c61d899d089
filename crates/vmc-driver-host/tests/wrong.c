/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A driver that does one thing wrong in its probe, as -DWRONG=... says, and nothing else. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include "vmcsim.h"

enum wrong {
	NOTHING, CRASH, HANG, HANG_IN_LOAD, REFUSE, KEEP_LOCK, LOCK_TWICE, UNLOCK, STRANGE, POINTERS, ADDRESSES, OTHER_THREAD,
	/* What no service can tell, but a sanitizer does. */
	HEAP_OVERFLOW, USE_AFTER_FREE, OVERFLOW, DATA_RACE, UNINITIALISED
};

static const struct vmcsim_services *os;

static int load(const struct vmcsim_parameters *parameters, void **driver)
{
	(void)parameters;
	if (WRONG == REFUSE)
		return -EINVAL;
	for (volatile int forever = WRONG == HANG_IN_LOAD; forever;)
		;
	*driver = os->alloc(1);
	return 0;
}

static void *use_a_service(void *result)
{
	*(int32_t *)result = os->wake(result);
	return NULL;
}

static void *count(void *counter)
{
	++*(volatile int *)counter;
	return NULL;
}

static void expect(int holds)
{
	if (!holds)
		abort();
}

static int probe(void *driver, const struct vmcsim_node *node)
{
	uint64_t rets[9];
	uint64_t ioba;
	uint8_t entry[16];

	(void)node;
	switch (WRONG) {
	case CRASH:
		os->log("about to crash");
		*(volatile int *)8 = 1;
		break;
	case HANG:
		os->log("about to hang");
		for (volatile int forever = 1; forever;)
			;
		break;
	case KEEP_LOCK:
		os->lock(driver);
		break;
	case LOCK_TWICE:
		os->lock(driver);
		expect(os->lock(driver) == VMCSIM_E_BUSY);
		os->unlock(driver);
		break;
	case UNLOCK:
		expect(os->unlock(driver) == VMCSIM_E_PARAMETER);
		break;
	case STRANGE:
		os->schedule(77);
		break;
	case POINTERS:
		expect(os->hcall(0, NULL, rets) == VMCSIM_E_POINTER);
		expect(os->map(4096, NULL) == VMCSIM_E_POINTER);
		expect(os->log(NULL) == VMCSIM_E_POINTER);
		expect(os->free(&ioba) == VMCSIM_E_POINTER);
		break;
	case ADDRESSES:
		expect(os->map(0, &ioba) == VMCSIM_E_PARAMETER);
		expect(os->unmap(0x123000) == VMCSIM_E_PARAMETER);
		expect(os->map(4096, &ioba) == VMCSIM_OK);
		expect(os->copy_to_user(ioba, 4097) == VMCSIM_E_PARAMETER);
		expect(os->take_entry(ioba, 256, entry) == VMCSIM_E_PARAMETER);
		expect(os->unmap(ioba) == VMCSIM_OK);
		expect(os->clear(ioba) == VMCSIM_E_PARAMETER);
		break;
	case OTHER_THREAD: {
		pthread_t other;
		int32_t result = 0;

		expect(!pthread_create(&other, NULL, use_a_service, &result));
		expect(!pthread_join(other, NULL));
		expect(result == VMCSIM_E_MODE);
		break;
	}
	case HEAP_OVERFLOW: {
		volatile char *memory = os->alloc(24);

		memory[24] = 1;
		break;
	}
	case USE_AFTER_FREE: {
		volatile char *memory = os->alloc(24);

		os->free((void *)memory);
		memory[0] = 1;
		break;
	}
	case OVERFLOW: {
		volatile int number = INT_MAX;

		number++;
		break;
	}
	case DATA_RACE: {
		pthread_t other;
		int counter = 0;

		expect(!pthread_create(&other, NULL, count, &counter));
		count(&counter);
		expect(!pthread_join(other, NULL));
		break;
	}
	case UNINITIALISED: {
		volatile uint8_t *bytes = entry;

		expect(os->map(4096, &ioba) == VMCSIM_OK);
		/* The queue is empty: nothing was stored. */
		if (os->take_entry(ioba, 0, entry) == 0 && bytes[0] == 0x80)
			os->log("a message");
		os->unmap(ioba);
		break;
	}
	default:
		break;
	}
	return -EIO;
}

static void nothing(void *driver)
{
	(void)driver;
}

static const struct vmcsim_driver table = {
	.size = sizeof(struct vmcsim_driver),
	.abi_version = VMCSIM_ABI_VERSION,
	.name = "wrong",
	.profile = VMCSIM_DOCUMENT,
	.load = load,
	.probe = probe,
	.interrupt = nothing,
	.bottom_half = nothing,
};

const struct vmcsim_driver *vmcsim_driver_entry(const struct vmcsim_services *services);

const struct vmcsim_driver *vmcsim_driver_entry(const struct vmcsim_services *services)
{
	os = services;
	return &table;
}
