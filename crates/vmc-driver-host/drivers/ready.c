/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The least driver that comes up to "ready": it greets, exchanges capabilities and takes seed buffers. It has no device file,
 * and starts over when its partner does. Enough for `cargo xtask sim --driver ./ready.so boot/driver-first`.
 */
#include "messages.h"
#include "vmcsim.h"

#include <errno.h>
#include <stdbool.h>

struct driver {
	struct vmcsim_parameters offers;
	uint64_t unit, queue;
	uint32_t next, hmcs, mtu, seeds;
};

static const struct vmcsim_services *os;

static int64_t hcall(const struct driver *d, uint64_t opcode, uint64_t second, uint64_t third)
{
	return os->hcall(opcode, (const uint64_t[9]){ d->unit, second, third }, NULL);
}

static void send(const struct driver *d, struct message m)
{
	if (hcall(d, VMCSIM_H_SEND_CRQ, first_half(m), second_half(m)) != VMCSIM_H_SUCCESS)
		os->log("a message was not sent");
}

static void send_capabilities(struct driver *d)
{
	d->seeds = 0;
	os->report_channel(VMCSIM_CHANNEL_CAPABILITIES);
	send(d, (struct message){ .header = HEADER_MESSAGE, .type = CAPABILITIES, .index = (uint8_t)d->offers.hmcs,
		.buffer = (uint16_t)d->offers.pool_size, .mtu = d->offers.mtu,
		.word = d->offers.crq_pages << 24 | d->offers.version_major << 8 | d->offers.version_minor });
}

static void handle(struct driver *d, struct message m)
{
	uint64_t buffer;

	if (m.header == HEADER_INIT) {
		if (m.type == INIT)
			send(d, (struct message){ .header = HEADER_INIT, .type = INIT_COMPLETE });
		send_capabilities(d);
	} else if (m.header == HEADER_MESSAGE && m.type == (CAPABILITIES | RESPONSE)) {
		d->hmcs = m.index < d->offers.hmcs ? m.index : d->offers.hmcs;
		d->mtu = m.mtu < d->offers.mtu ? m.mtu : d->offers.mtu;
		os->report_limits(d->hmcs, d->mtu);
		os->report_channel(VMCSIM_CHANNEL_SEEDING);
	} else if (m.header == HEADER_MESSAGE && m.type == ADD_BUFFER && m.index < d->hmcs) {
		bool mapped = os->map(d->mtu, &buffer) == VMCSIM_OK;

		m.type |= RESPONSE;
		m.status = mapped ? OK : GENERAL_FAILURE;
		m.word = m.owner = 0;
		send(d, m);
		os->report_index(m.index, 0, mapped);
		if (mapped && ++d->seeds == d->hmcs)
			os->report_channel(VMCSIM_CHANNEL_READY);
	}
}

static int32_t load(const struct vmcsim_parameters *parameters, void **driver)
{
	struct driver *d = os->alloc(sizeof *d);

	if (!d)
		return -ENOMEM;
	d->offers = *parameters;
	*driver = d;
	return 0;
}

static int32_t probe(void *driver, const struct vmcsim_node *node)
{
	struct driver *d = driver;
	int64_t code;

	d->unit = node->unit_address;
	if (os->map(d->offers.crq_pages * 4096, &d->queue) != VMCSIM_OK)
		return -ENOMEM;
	code = hcall(d, VMCSIM_H_REG_CRQ, d->queue, (uint64_t)d->offers.crq_pages * 4096);
	if (code != VMCSIM_H_SUCCESS && code != VMCSIM_H_CLOSED)
		return -EIO;
	os->report_channel(VMCSIM_CHANNEL_CRQ_INIT);
	hcall(d, VMCSIM_H_VIO_SIGNAL, 1, 0);
	if (code == VMCSIM_H_SUCCESS)	/* after H_Closed the partner sends it */
		send(d, (struct message){ .header = HEADER_INIT, .type = INIT });
	os->schedule(VMCSIM_BOTTOM_HALF);
	return 0;
}

static void interrupt(void *driver)
{
	(void)driver;
	os->schedule(VMCSIM_BOTTOM_HALF);
}

static void bottom_half(void *driver)
{
	struct driver *d = driver;
	uint8_t entry[16];

	while (os->take_entry(d->queue, d->next, entry) == 1) {
		d->next = (d->next + 1) % (d->offers.crq_pages * 256);
		handle(d, decode(entry));
	}
}

static const struct vmcsim_driver table = {
	.size = sizeof table, .abi_version = VMCSIM_ABI_VERSION, .name = "ready", .profile = VMCSIM_DOCUMENT,
	.load = load, .probe = probe, .interrupt = interrupt, .bottom_half = bottom_half,
};

const struct vmcsim_driver *vmcsim_driver_entry(const struct vmcsim_services *services);

const struct vmcsim_driver *vmcsim_driver_entry(const struct vmcsim_services *services)
{
	os = services;
	return &table;
}
