/* A small driver of the VMC, for the tests: it reads its queue as memory and answers what it must. */
#ifndef MINI_H
#define MINI_H

#include "vmcsim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define READ_WRITE 3u

/* Says where a test has failed, and ends it. */
#define CHECK(condition)                                                                       \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);        \
			print_last_error();                                                    \
			exit(1);                                                               \
		}                                                                              \
	} while (0)

struct mini {
	vmcsim_machine machine;
	struct vmcsim_adapter adapter;
	uint8_t *memory;
	uint64_t memory_bytes;
	/* The element of the queue that is looked at next. The queue is the first page. */
	unsigned slot;
	/* What has come, as far as it matters. */
	int is_ready;
	int is_open;
	int is_closed;
	int events;
	uint32_t signal_bytes;
	uint16_t signal_buffer;
	/* Where buffers of the hypervisor lie, by their number, and whose they are. */
	uint32_t lioba[64];
	uint8_t owner[64];
	/* What the driver does wrong: it answers Add Buffer for the next index. */
	int names_wrong_index;
};

static inline void print_last_error(void)
{
	char text[512];
	size_t len = 0;

	if (vmcsim_last_error(text, sizeof text, &len) == VMCSIM_OK)
		fprintf(stderr, "last error: %.*s\n", (int)len, text);
}

static inline int64_t hcall(const struct mini *mini, uint64_t opcode, uint64_t a, uint64_t b, uint64_t c,
			    uint64_t d, uint64_t e, uint64_t *r4)
{
	uint64_t args[9] = {a, b, c, d, e}, rets[9];
	int64_t code = vmcsim_hcall(mini->machine, VMCSIM_MANAGEMENT, opcode, args, rets);

	if (r4 != NULL)
		*r4 = rets[0];
	return code;
}

/* Maps a page of memory at the same address of the window. */
static inline void mini_map(const struct mini *mini, uint64_t page)
{
	uint64_t at = page * PAGE;

	CHECK(hcall(mini, VMCSIM_H_PUT_TCE, mini->adapter.local_liobn, at, at | READ_WRITE, 0, 0, NULL) ==
	      VMCSIM_H_SUCCESS);
}

static inline uint64_t mini_word(const uint8_t *bytes)
{
	uint64_t word = 0;

	for (int i = 0; i < 8; i++)
		word = word << 8 | bytes[i];
	return word;
}

static inline int64_t mini_send(const struct mini *mini, const uint8_t entry[16])
{
	return hcall(mini, VMCSIM_H_SEND_CRQ, mini->adapter.unit_address, mini_word(entry), mini_word(entry + 8),
		     0, 0, NULL);
}

/* The hypervisor's side works until it has nothing to do. */
static inline void mini_run(const struct mini *mini)
{
	struct vmcsim_progress progress = {.size = sizeof progress};

	CHECK(vmcsim_service_run(mini->machine, UINT64_MAX, &progress) == VMCSIM_OK);
	CHECK(progress.is_idle == 1);
}

/* Takes the next entry out of the queue, as the architecture has it. */
static inline int mini_take(struct mini *mini, uint8_t entry[16])
{
	uint8_t *at = mini->memory + mini->slot * 16;

	if (__atomic_load_n(at, __ATOMIC_ACQUIRE) == 0)
		return 0;
	memcpy(entry, at, 16);
	__atomic_store_n(at, 0, __ATOMIC_RELEASE);
	mini->slot = (mini->slot + 1) % (PAGE / 16);
	return 1;
}

static inline void mini_offer(const struct mini *mini)
{
	/* One HMC connection, 16 buffers, an MTU of 4096, a queue of 256 entries, version 1.1. */
	const uint8_t capabilities[16] = {0x80, 0x01, 0, 0, 0, 1, 0, 16, 0, 0, 0x10, 0, 1, 0, 1, 1};

	CHECK(mini_send(mini, capabilities) == VMCSIM_H_SUCCESS);
}

static inline void mini_greet(const struct mini *mini)
{
	const uint8_t complete[16] = {0xC0, 0x02};

	CHECK(mini_send(mini, complete) == VMCSIM_H_SUCCESS);
	mini_offer(mini);
}

static inline void mini_handle(struct mini *mini, const uint8_t entry[16])
{
	unsigned buffer = (unsigned)entry[6] << 8 | entry[7];

	if (entry[0] == 0xFF) {
		mini->events++;
		mini->is_ready = mini->is_open = 0;
		return;
	}
	if (entry[0] == 0xC0) {
		if (entry[1] == 0x01)
			mini_greet(mini);
		else
			mini_offer(mini);
		return;
	}
	switch (entry[1]) {
	case 0x81:
		CHECK(entry[2] == 0);
		break;
	case 0x04: {
		uint8_t answer[16] = {0x80, 0x84, 0, 0, entry[4], entry[5], entry[6], entry[7]};

		CHECK(buffer < 64);
		mini->lioba[buffer] = (uint32_t)mini_word(entry + 8);
		mini->owner[buffer] = entry[3];
		answer[5] += (uint8_t)mini->names_wrong_index;
		CHECK(mini_send(mini, answer) == VMCSIM_H_SUCCESS);
		mini->is_ready = 1;
		break;
	}
	case 0x82:
		CHECK(entry[2] == 0);
		mini->is_open = 1;
		break;
	case 0x83:
		CHECK(entry[2] == 0);
		mini->is_open = 0;
		mini->is_closed = 1;
		break;
	case 0x06:
		mini->signal_buffer = (uint16_t)buffer;
		mini->signal_bytes = (uint32_t)mini_word(entry + 8);
		mini->owner[buffer] = 0;
		break;
	default:
		CHECK(!"a message that no peer of this driver sends");
	}
}

/* Handles what is in the queue, and what comes of it, until nothing does. */
static inline void mini_settle(struct mini *mini)
{
	uint8_t entry[16];

	mini_run(mini);
	while (mini_take(mini, entry)) {
		mini_handle(mini, entry);
		mini_run(mini);
	}
}

static inline void mini_attach(struct mini *mini, vmcsim_machine machine)
{
	void *memory = NULL;

	memset(mini, 0, sizeof *mini);
	mini->machine = machine;
	mini->adapter.size = sizeof mini->adapter;
	CHECK(vmcsim_adapter_of(machine, VMCSIM_MANAGEMENT, &mini->adapter) == VMCSIM_OK);
	CHECK(vmcsim_memory(machine, VMCSIM_MANAGEMENT, &memory, &mini->memory_bytes) == VMCSIM_OK);
	mini->memory = memory;
}

/* The queue is the first page, the second page the buffer of messages. */
static inline int64_t mini_register(const struct mini *mini)
{
	mini_map(mini, 0);
	mini_map(mini, 1);
	return hcall(mini, VMCSIM_H_REG_CRQ, mini->adapter.unit_address, 0, PAGE, 0, 0, NULL);
}

/* Copies between the second page and a buffer of the hypervisor. */
static inline void mini_copy(const struct mini *mini, int to_hypervisor, unsigned buffer, uint32_t len)
{
	uint64_t local = mini->adapter.local_liobn, remote = mini->adapter.remote_liobn, at = mini->lioba[buffer];

	if (to_hypervisor)
		CHECK(hcall(mini, VMCSIM_H_COPY_RDMA, len, local, PAGE, remote, at, NULL) == VMCSIM_H_SUCCESS);
	else
		CHECK(hcall(mini, VMCSIM_H_COPY_RDMA, len, remote, at, local, PAGE, NULL) == VMCSIM_H_SUCCESS);
}

static inline void mini_open(struct mini *mini, uint8_t session)
{
	const uint8_t open[16] = {0x80, 0x02, 0, 0, session};

	memset(mini->memory + PAGE, 0, 32);
	memcpy(mini->memory + PAGE, "HMC-A", 5);
	mini_copy(mini, 1, 0, 32);
	CHECK(mini_send(mini, open) == VMCSIM_H_SUCCESS);
}

/* Writes a message in the buffer of this number. */
static inline void mini_write(struct mini *mini, uint8_t session, uint8_t buffer, const void *message, uint16_t len)
{
	const uint8_t signal[16] = {0x80, 0x06, 0, 0, session, 0, 0, buffer, 0, 0, 0, 0, 0, 0, (uint8_t)(len >> 8),
				    (uint8_t)len};

	CHECK(mini->owner[buffer] == 0);
	memcpy(mini->memory + PAGE, message, len);
	mini_copy(mini, 1, buffer, len);
	mini->owner[buffer] = 1;
	CHECK(mini_send(mini, signal) == VMCSIM_H_SUCCESS);
}

static inline void mini_close(struct mini *mini, uint8_t session)
{
	const uint8_t close[16] = {0x80, 0x03, 0, 0, session};

	CHECK(mini_send(mini, close) == VMCSIM_H_SUCCESS);
}

#endif
