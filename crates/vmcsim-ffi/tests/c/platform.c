/* A machine without the VMC service: the program is both partitions. Entries, interrupts and copies go both ways. */
#include "mini.h"

struct end {
	vmcsim_machine machine;
	uint32_t partition;
	struct vmcsim_adapter adapter;
	uint8_t *memory;
};

static int64_t by(const struct end *end, uint64_t opcode, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
		  uint64_t *r4)
{
	uint64_t args[9] = {a, b, c, d, e}, rets[9];
	int64_t code = vmcsim_hcall(end->machine, end->partition, opcode, args, rets);

	if (r4 != NULL)
		*r4 = rets[0];
	return code;
}

static void attach(struct end *end, vmcsim_machine machine, uint32_t partition, int64_t registered)
{
	void *memory = NULL;
	uint64_t len = 0, tce = 0;

	end->machine = machine;
	end->partition = partition;
	end->adapter.size = sizeof end->adapter;
	CHECK(vmcsim_adapter_of(machine, partition, &end->adapter) == VMCSIM_OK);
	CHECK(vmcsim_memory(machine, partition, &memory, &len) == VMCSIM_OK && len == 4u << 20);
	end->memory = memory;
	for (uint64_t page = 0; page < 2; page++)
		CHECK(by(end, VMCSIM_H_PUT_TCE, end->adapter.local_liobn, page * PAGE, page * PAGE | READ_WRITE, 0, 0,
			 NULL) == VMCSIM_H_SUCCESS);
	CHECK(by(end, VMCSIM_H_GET_TCE, end->adapter.local_liobn, PAGE, 0, 0, 0, &tce) == VMCSIM_H_SUCCESS);
	CHECK(tce == (PAGE | READ_WRITE));
	CHECK(by(end, VMCSIM_H_REG_CRQ, end->adapter.unit_address, 0, PAGE, 0, 0, NULL) == registered);
	CHECK(by(end, VMCSIM_H_VIO_SIGNAL, end->adapter.unit_address, 1, 0, 0, 0, NULL) == VMCSIM_H_SUCCESS);
}

static void send(const struct end *from, const struct end *to)
{
	uint8_t entry[16] = {0};
	uint32_t taken = 7;
	uint64_t xirr = 0;

	CHECK(vmcsim_interrupt_wait(to->machine, to->partition, 0) == VMCSIM_TIMEOUT);
	CHECK(vmcsim_take_entry(to->machine, to->partition, 0, entry, &taken) == VMCSIM_OK && taken == 0);
	CHECK(by(from, VMCSIM_H_SEND_CRQ, from->adapter.unit_address, 0x8001020304050607, 0x08090A0B0C0D0E0F, 0, 0,
		 NULL) == VMCSIM_H_SUCCESS);
	CHECK(vmcsim_interrupt_wait(to->machine, to->partition, 0) == VMCSIM_OK);
	CHECK(by(to, VMCSIM_H_XIRR, 0, 0, 0, 0, 0, &xirr) == VMCSIM_H_SUCCESS);
	CHECK((xirr & 0xFFFFFF) == to->adapter.interrupt);
	CHECK(by(to, VMCSIM_H_EOI, xirr, 0, 0, 0, 0, NULL) == VMCSIM_H_SUCCESS);
	/* In memory the bytes are in the order of the entry. */
	for (int i = 1; i < 16; i++)
		CHECK(to->memory[i] == i);
	CHECK(vmcsim_take_entry(to->machine, to->partition, 0, entry, &taken) == VMCSIM_OK && taken == 1);
	CHECK(entry[0] == 0x80 && entry[15] == 15 && to->memory[0] == 0);
}

int main(void)
{
	struct vmcsim_config config = {
		.size = sizeof config,
		.abi_version = VMCSIM_ABI_VERSION,
		.flags = VMCSIM_NO_SERVICE,
	};
	struct end mgmt, hyp;
	vmcsim_machine machine = 0;

	CHECK(vmcsim_create(&config, &machine) == VMCSIM_OK);
	attach(&mgmt, machine, VMCSIM_MANAGEMENT, VMCSIM_H_CLOSED);
	attach(&hyp, machine, VMCSIM_PLATFORM, VMCSIM_H_SUCCESS);
	CHECK(hyp.adapter.remote_liobn == 0 && mgmt.adapter.remote_window_bytes == hyp.adapter.local_window_bytes);
	send(&mgmt, &hyp);
	send(&hyp, &mgmt);

	/* Only the management partition reaches the other one's memory. */
	memcpy(mgmt.memory + PAGE + 5, "to the platform", 16);
	CHECK(by(&mgmt, VMCSIM_H_COPY_RDMA, 16, mgmt.adapter.local_liobn, PAGE + 5, mgmt.adapter.remote_liobn, PAGE + 9,
		 NULL) == VMCSIM_H_SUCCESS);
	CHECK(memcmp(hyp.memory + PAGE + 9, "to the platform", 16) == 0);
	memcpy(hyp.memory + PAGE, "to the management partition", 28);
	CHECK(by(&mgmt, VMCSIM_H_COPY_RDMA, 28, mgmt.adapter.remote_liobn, PAGE, mgmt.adapter.local_liobn, PAGE, NULL) ==
	      VMCSIM_H_SUCCESS);
	CHECK(memcmp(mgmt.memory + PAGE, "to the management partition", 28) == 0);
	CHECK(by(&hyp, VMCSIM_H_COPY_RDMA, 28, mgmt.adapter.remote_liobn, PAGE, hyp.adapter.local_liobn, PAGE, NULL) ==
	      VMCSIM_H_S_PARM);
	CHECK(by(&hyp, VMCSIM_H_REQUEST_VMC, 0, 0, 0, 0, 0, NULL) == VMCSIM_H_AUTHORITY);

	/* A partition that leaves is missed. */
	CHECK(by(&hyp, VMCSIM_H_FREE_CRQ, hyp.adapter.unit_address, 0, 0, 0, 0, NULL) == VMCSIM_H_SUCCESS);
	CHECK(mgmt.memory[16] == 0xFF && mgmt.memory[17] == 0x02);
	CHECK(vmcsim_destroy(machine) == VMCSIM_OK);
	return 0;
}
