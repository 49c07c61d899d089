/* What a caller gives that cannot be right is answered by a status, and does nothing: pointers, sizes, lengths, handles,
 * numbers. */
#include "mini.h"

#include <stdint.h>

#define FAR_END ((void *)(UINTPTR_MAX - 63))

/* A status is the expected one, and its text names the argument. */
static void expect(int64_t status, int32_t expected, const char *names, int line)
{
	char text[512] = "";
	size_t len = 0;

	if (status != expected) {
		fprintf(stderr, "line %d: expected %s, got %s\n", line, vmcsim_status_name(expected),
			vmcsim_status_name((int32_t)status));
		print_last_error();
		exit(1);
	}
	CHECK(vmcsim_last_error(text, sizeof text - 1, &len) == VMCSIM_OK);
	if (strstr(text, names) == NULL) {
		fprintf(stderr, "line %d: expected a word of \"%s\" in \"%s\"\n", line, names, text);
		exit(1);
	}
}

#define EXPECT(call, expected, names) expect(call, expected, names, __LINE__)

/* A pointer argument in all the ways in which it can be seen to be bad. `align` is 0 for bytes. */
#define POINTERS(call_with, align, names)                                                      \
	do {                                                                                   \
		void *bad = NULL;                                                              \
		EXPECT(call_with(bad), VMCSIM_E_POINTER, names);                               \
		bad = (void *)(uintptr_t)4095;                                                 \
		EXPECT(call_with(bad), VMCSIM_E_POINTER, names);                               \
		bad = FAR_END;                                                                 \
		EXPECT(call_with(bad), VMCSIM_E_POINTER, names);                               \
		if ((align) > 1) {                                                             \
			bad = aligned + 1;                                                     \
			EXPECT(call_with(bad), VMCSIM_E_ALIGN, names);                         \
		}                                                                              \
	} while (0)

static _Alignas(64) unsigned char aligned[256];

static struct vmcsim_config good(void)
{
	struct vmcsim_config config = {.size = sizeof config, .abi_version = VMCSIM_ABI_VERSION, .flags = VMCSIM_TRACE};

	return config;
}

static int32_t create(struct vmcsim_config config)
{
	vmcsim_machine machine = 77;
	int32_t status = vmcsim_create(&config, &machine);

	if (status == VMCSIM_OK)
		CHECK(vmcsim_destroy(machine) == VMCSIM_OK);
	else
		CHECK(machine == 77);
	return status;
}

#define FIELD(field, value, expected, names)                                                   \
	do {                                                                                   \
		struct vmcsim_config config = good();                                          \
		config.field = value;                                                          \
		EXPECT(create(config), expected, names);                                       \
	} while (0)

static void configurations(void)
{
	/* Of a later version, with a field that this library does not know. */
	struct {
		struct vmcsim_config config;
		uint64_t unknown;
	} later = {.config = good()};
	static _Alignas(4096) unsigned char memory[4 * 4096];
	vmcsim_machine machine;
	struct vmcsim_config config = good();

#define CREATE(bad) vmcsim_create(bad, &machine)
	POINTERS(CREATE, 8, "config");
#define CREATE_AT(bad) vmcsim_create(&config, bad)
	POINTERS(CREATE_AT, 8, "machine");
	FIELD(size, 0, VMCSIM_E_SIZE, "size");
	FIELD(size, sizeof config - 1, VMCSIM_E_SIZE, "size");
	FIELD(size, UINT32_MAX, VMCSIM_E_SIZE, "config");
	later.config.size = sizeof later;
	CHECK(vmcsim_create(&later.config, &machine) == VMCSIM_OK);
	CHECK(vmcsim_destroy(machine) == VMCSIM_OK);
	later.unknown = 1;
	EXPECT(vmcsim_create(&later.config, &machine), VMCSIM_E_SIZE, "field");

	FIELD(abi_version, 0, VMCSIM_E_VERSION, "0.0");
	FIELD(abi_version, VMCSIM_ABI_VERSION + 1, VMCSIM_E_VERSION, "1.1");
	FIELD(abi_version, VMCSIM_ABI_VERSION + 0x10000, VMCSIM_E_VERSION, "2.0");
	FIELD(flags, 1u << 31, VMCSIM_E_PARAMETER, "flags");
	FIELD(flags, VMCSIM_SERVICE_THREAD | VMCSIM_NO_SERVICE, VMCSIM_E_PARAMETER, "VMCSIM_NO_SERVICE");
	FIELD(reserved, 1, VMCSIM_E_PARAMETER, "reserved");
	FIELD(profile, 2, VMCSIM_E_PARAMETER, "profile");
	FIELD(behaviour, 3, VMCSIM_E_PARAMETER, "behaviour");
	FIELD(behaviour, VMCSIM_SOURCE, VMCSIM_E_PARAMETER, "behaviour_bytes");
	FIELD(hmcs, 256, VMCSIM_E_PARAMETER, "hmcs");
	FIELD(pool_size, 65536, VMCSIM_E_PARAMETER, "pool_size");
	FIELD(crq_pages, 256, VMCSIM_E_PARAMETER, "crq_pages");
	FIELD(mtu, UINT32_MAX, VMCSIM_E_PARAMETER, "buffers");
	FIELD(session_buffers, 65536, VMCSIM_E_PARAMETER, "session_buffers");
	FIELD(max_virtual_dma_bytes, 1, VMCSIM_E_PARAMETER, "128 KiB");
	FIELD(management_window_bytes, 4097, VMCSIM_E_PARAMETER, "management_window_bytes");
	FIELD(management_memory_bytes, UINT64_MAX - 4095, VMCSIM_E_SYSTEM, "memory");
	FIELD(management_memory_bytes, 4097, VMCSIM_E_PARAMETER, "management_memory_bytes");
	FIELD(platform_memory_bytes, 4096, VMCSIM_E_PARAMETER, "needs");
	FIELD(management_memory, memory + 8, VMCSIM_E_ALIGN, "management_memory");
	FIELD(management_memory, memory, VMCSIM_E_PARAMETER, "length");
	config.management_memory = (void *)(uintptr_t)(UINTPTR_MAX - 4095);
	config.management_memory_bytes = 8192;
	EXPECT(create(config), VMCSIM_E_POINTER, "management_memory");
	config = good();
	config.flags |= VMCSIM_NO_SERVICE;
	config.management_memory = memory;
	config.platform_memory = memory + 4096;
	config.management_memory_bytes = config.platform_memory_bytes = 8192;
	EXPECT(create(config), VMCSIM_E_PARAMETER, "overlap");
	config.platform_memory = memory + 8192;
	CHECK(create(config) == VMCSIM_OK);
}

static void pointers(vmcsim_machine m)
{
	uint64_t words[9] = {0}, number = 0;
	void *start = NULL;
	size_t len = 0;
	uint32_t count = 0;
	uint8_t entry[16] = {0x80};
	struct vmcsim_progress small = {.size = 4};
	char text[8];

#define ARGS(bad) vmcsim_hcall(m, VMCSIM_MANAGEMENT, VMCSIM_H_XIRR, bad, words)
	POINTERS(ARGS, 8, "args");
#define RETS(bad) vmcsim_hcall(m, VMCSIM_MANAGEMENT, VMCSIM_H_XIRR, words, bad)
	POINTERS(RETS, 8, "rets");
#define START(bad) vmcsim_memory(m, VMCSIM_MANAGEMENT, bad, &number)
	POINTERS(START, 8, "start");
#define LEN_BYTES(bad) vmcsim_memory(m, VMCSIM_MANAGEMENT, &start, bad)
	POINTERS(LEN_BYTES, 8, "len_bytes");
#define ENTRY(bad) vmcsim_take_entry(m, VMCSIM_MANAGEMENT, 0, bad, &count)
	POINTERS(ENTRY, 1, "entry");
#define TAKEN(bad) vmcsim_take_entry(m, VMCSIM_MANAGEMENT, 0, entry, bad)
	POINTERS(TAKEN, 4, "taken");
#define INJECT(bad) vmcsim_inject(m, VMCSIM_MANAGEMENT, bad)
	POINTERS(INJECT, 1, "entry");
#define DESCRIPTOR(bad) vmcsim_interrupt_eventfd(m, VMCSIM_MANAGEMENT, bad)
	POINTERS(DESCRIPTOR, 4, "descriptor");
#define PRESENT(bad) vmcsim_vmc_present(m, bad)
	POINTERS(PRESENT, 4, "present");
#define NAME(bad) vmcsim_property(m, VMCSIM_NODE_VMC, bad, text, sizeof text, &len)
	POINTERS(NAME, 1, "name");
#define BYTES(bad) vmcsim_property(m, VMCSIM_NODE_VMC, "reg", bad, sizeof text, &len)
	POINTERS(BYTES, 1, "buffer");
#define LEN(bad) vmcsim_property(m, VMCSIM_NODE_VMC, "reg", text, sizeof text, bad)
	POINTERS(LEN, 8, "len");
#define PROGRESS(bad) vmcsim_service_step(m, bad)
	POINTERS(PROGRESS, 8, "progress");
#define STATE(bad) vmcsim_service_state(m, bad)
	POINTERS(STATE, 4, "state");
#define ADAPTER(bad) vmcsim_adapter_of(m, VMCSIM_PLATFORM, bad)
	POINTERS(ADAPTER, 8, "adapter");
#define NOW(bad) vmcsim_time(m, bad)
	POINTERS(NOW, 8, "now_ns");
#define NEXT(bad) vmcsim_trace_events(m, bad, text, sizeof text, &len)
	POINTERS(NEXT, 8, "next");
#define COUNT(bad) vmcsim_check(m, 0, bad, text, sizeof text, &len)
	POINTERS(COUNT, 4, "count");
	EXPECT(vmcsim_service_step(m, &small), VMCSIM_E_SIZE, "size");
	EXPECT(vmcsim_property(m, VMCSIM_NODE_VMC, "reg", text, SIZE_MAX, &len), VMCSIM_E_POINTER, "buffer");
	EXPECT(vmcsim_property(m, VMCSIM_NODE_VMC, "ibm,my-dma-window", text, sizeof text, &len), VMCSIM_E_ROOM, "room");
	CHECK(len == 40);
}

static void numbers(vmcsim_machine m)
{
	uint64_t words[9] = {0};
	uint8_t entry[16];
	uint32_t taken = 0;
	size_t len = 0;
	struct vmcsim_adapter adapter = {.size = sizeof adapter};

	EXPECT(vmcsim_hcall(m, 2, VMCSIM_H_XIRR, words, words), VMCSIM_E_PARAMETER, "partition");
	EXPECT(vmcsim_adapter_of(m, 2, &adapter), VMCSIM_E_PARAMETER, "partition");
	EXPECT(vmcsim_order(m, 2, VMCSIM_CRASH), VMCSIM_E_PARAMETER, "partition");
	EXPECT(vmcsim_order(m, VMCSIM_PLATFORM, 0), VMCSIM_E_PARAMETER, "order");
	EXPECT(vmcsim_order(m, VMCSIM_PLATFORM, 11), VMCSIM_E_PARAMETER, "order");
	EXPECT(vmcsim_order(m, VMCSIM_MANAGEMENT, VMCSIM_ATTACH_HMC), VMCSIM_E_PARAMETER, "VMCSIM_PLATFORM");
	EXPECT(vmcsim_buffer_order(m, 3, 0), VMCSIM_E_PARAMETER, "order");
	EXPECT(vmcsim_buffer_order(m, VMCSIM_TAKE_BUFFER, 255), VMCSIM_E_PARAMETER, "hmc_index");
	EXPECT(vmcsim_refuse_next(m, 4, 1), VMCSIM_E_PARAMETER, "message_type");
	EXPECT(vmcsim_refuse_next(m, 256 + 1, 1), VMCSIM_E_PARAMETER, "message_type");
	EXPECT(vmcsim_refuse_next(m, 1, 0), VMCSIM_E_PARAMETER, "status");
	EXPECT(vmcsim_refuse_next(m, 1, 256), VMCSIM_E_PARAMETER, "status");
	for (int i = 0; i < 64; i++)
		CHECK(vmcsim_refuse_next(m, 2, 1) == VMCSIM_OK);
	EXPECT(vmcsim_refuse_next(m, 2, 1), VMCSIM_E_LIMIT, "64");
	EXPECT(vmcsim_answer_next(m, VMCSIM_MANAGEMENT, VMCSIM_H_SEND_CRQ, 1, 1), VMCSIM_E_PARAMETER, "opcode");
	EXPECT(vmcsim_answer_next(m, VMCSIM_MANAGEMENT, VMCSIM_H_FREE_CRQ, 1, 0), VMCSIM_E_PARAMETER, "count");
	EXPECT(vmcsim_answer_next(m, VMCSIM_MANAGEMENT, VMCSIM_H_FREE_CRQ, 1, 4097), VMCSIM_E_PARAMETER, "count");
	EXPECT(vmcsim_take_entry(m, VMCSIM_MANAGEMENT, 8, entry, &taken), VMCSIM_E_PARAMETER, "address");
	EXPECT(vmcsim_take_entry(m, VMCSIM_MANAGEMENT, UINT64_MAX - 15, entry, &taken), VMCSIM_E_PARAMETER, "address");
	EXPECT(vmcsim_property(m, 2, "reg", NULL, 0, &len), VMCSIM_E_PARAMETER, "node");
	EXPECT(vmcsim_property(m, VMCSIM_NODE_VMC, "none", NULL, 0, &len), VMCSIM_E_NOT_FOUND, "none");
	EXPECT(vmcsim_property(m, VMCSIM_NODE_VMC, "\xff", NULL, 0, &len), VMCSIM_E_PARAMETER, "name");
	EXPECT(vmcsim_property_name(m, VMCSIM_NODE_VMC, 999, NULL, 0, &len), VMCSIM_E_NOT_FOUND, "999");
	EXPECT(vmcsim_trace_file(m, 2, NULL, 0, &len), VMCSIM_E_PARAMETER, "flags");
	CHECK(vmcsim_hcall(m, VMCSIM_MANAGEMENT, 0xdead, words, words) == VMCSIM_H_FUNCTION);
	CHECK(strcmp(vmcsim_status_name(12345), "unknown status") == 0);
}

static void handles(vmcsim_machine living)
{
	const vmcsim_machine made_up[] = {0, 1, living + 1, living ^ 1ull << 16, (uint64_t)(uintptr_t)&living, UINT64_MAX};
	uint64_t words[9] = {0};
	struct vmcsim_config config = good();
	vmcsim_machine next = 0, all[VMCSIM_MAX_MACHINES];
	unsigned count = 0;

	for (unsigned i = 0; i < sizeof made_up / sizeof *made_up; i++) {
		EXPECT(vmcsim_hcall(made_up[i], VMCSIM_MANAGEMENT, VMCSIM_H_XIRR, words, words), VMCSIM_E_HANDLE, "machine");
		EXPECT(vmcsim_destroy(made_up[i]), VMCSIM_E_HANDLE, "machine");
		EXPECT(vmcsim_interrupt_wait(made_up[i], VMCSIM_MANAGEMENT, 0), VMCSIM_E_HANDLE, "machine");
	}
	/* The number of a machine that was destroyed is not that of the next one in its place. */
	CHECK(vmcsim_create(&config, &next) == VMCSIM_OK && vmcsim_destroy(next) == VMCSIM_OK);
	for (count = 0; vmcsim_create(&config, &all[count]) == VMCSIM_OK; count++)
		CHECK(all[count] != next && count < VMCSIM_MAX_MACHINES - 1);
	EXPECT(vmcsim_create(&config, &all[count]), VMCSIM_E_LIMIT, "machines");
	EXPECT(vmcsim_hcall(next, VMCSIM_MANAGEMENT, VMCSIM_H_XIRR, words, words), VMCSIM_E_HANDLE, "machine");
	while (count > 0)
		CHECK(vmcsim_destroy(all[--count]) == VMCSIM_OK);
}

static void modes(void)
{
	struct vmcsim_config config = good();
	struct vmcsim_progress progress = {.size = sizeof progress};
	vmcsim_machine m;
	size_t len = 0;

	config.flags = VMCSIM_SERVICE_THREAD;
	CHECK(vmcsim_create(&config, &m) == VMCSIM_OK);
	EXPECT(vmcsim_service_step(m, &progress), VMCSIM_E_MODE, "VMCSIM_SERVICE_THREAD");
	EXPECT(vmcsim_advance(m, 1), VMCSIM_E_MODE, "VMCSIM_SERVICE_THREAD");
	EXPECT(vmcsim_trace_text(m, NULL, 0, &len), VMCSIM_E_MODE, "VMCSIM_TRACE");
	CHECK(vmcsim_destroy(m) == VMCSIM_OK);
	config.flags = VMCSIM_NO_SERVICE;
	CHECK(vmcsim_create(&config, &m) == VMCSIM_OK);
	EXPECT(vmcsim_service_step(m, &progress), VMCSIM_E_MODE, "VMCSIM_NO_SERVICE");
	EXPECT(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_START), VMCSIM_E_MODE, "VMCSIM_NO_SERVICE");
	EXPECT(vmcsim_buffer_order(m, VMCSIM_TAKE_BUFFER, 0), VMCSIM_E_MODE, "VMCSIM_NO_SERVICE");
	CHECK(vmcsim_destroy(m) == VMCSIM_OK);
}

int main(void)
{
	struct vmcsim_config config = good();
	vmcsim_machine machine = 0;

	CHECK(vmcsim_create(&config, &machine) == VMCSIM_OK);
	configurations();
	pointers(machine);
	numbers(machine);
	handles(machine);
	modes();
	CHECK(vmcsim_destroy(machine) == VMCSIM_OK);
	return 0;
}
