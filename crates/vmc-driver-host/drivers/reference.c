/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The reference driver of the Virtual Management Channel: the management partition's side as the driver document and LoPAR have
 * it, on the services of vmcsim.h.
 *
 * One lock guards everything. It is given up around each service that waits, by the functions under "Away"; after those the
 * world may be another one, so a call that works on a session remembers `epoch` of its index, which counts the ends of sessions.
 * A buffer that a call has in hand when its session ends (IN_CALL, FETCHING) leaves the pool, and the call unmaps it.
 *
 * Sources are named as in LoPAR and the driver document. CARELESS makes a driver that leaves out something; see careless.h.
 */
#include "vmcsim.h"
#include "careless.h"

#include <errno.h>
#include <stdbool.h>

#define EBADFD_ 77
#define PAGE 4096u
#define ENTRIES_PER_PAGE 256u
#define HMC_ID_BYTES 32u
#define MAX_BUFFERS 64u
#define MAX_INBOX 256u
#define MAX_OUTGOING 1024u
#define MAX_PENDING 256u
#define MAX_TRIES 8u
#define MAX_RESETS 8u
#define BUSY_NS 10000u
#define MS_NS 1000000ull
#define NO_SLOT (-1)

/* Headers of entries, and messages (LoPAR, CRQ Message Formats; VMC CRQ Message Definitions). */
enum { HEADER_MESSAGE = 0x80, HEADER_INIT = 0xC0, HEADER_EVENT = 0xFF };
enum { FORMAT_INIT = 1, FORMAT_INIT_COMPLETE = 2 };
enum { EVENT_FAILED = 1, EVENT_DEREGISTERED = 2, EVENT_TERMINATED = 4, EVENT_SUSPENDED = 6 };
enum {
	CAPABILITIES = 0x01, INTERFACE_OPEN = 0x02, INTERFACE_CLOSE = 0x03, ADD_BUFFER = 0x04, REMOVE_BUFFER = 0x05,
	SIGNAL = 0x06, CAPABILITIES_RESPONSE = 0x81, OPEN_RESPONSE = 0x82, CLOSE_RESPONSE = 0x83,
	ADD_BUFFER_RESPONSE = 0x84, REMOVE_BUFFER_RESPONSE = 0x85
};
/* Statuses of Add Buffer Response; Remove Buffer Response has the first four. */
enum { OK = 0, GENERAL_FAILURE = 1, INVALID_INDEX = 2, INVALID_BUFFER = 3, NO_BUFFER_FOUND = 3, CONNECTION_CLOSED = 4 };

/* Who may use a buffer. ADDED: ours, but the hypervisor was not told; OPENING: it carries the HMC ID. */
enum owner { NOBODY, ADDED, OURS, IN_CALL, OPENING, THEIRS, FETCHING, QUEUED };
enum standing { NOT_ASKED, UNANSWERED, GRANTED, REFUSED };
enum binding { UNBOUND, BOUND, LOST, CLOSED };
enum purpose { PROBE, RESET, REMOVE };

struct buffer {
	enum owner owner;
	uint32_t lioba;
	uint64_t ioba;
};

struct message {
	bool failed;	/* its RDMA failed: the reader is told */
	uint16_t buffer;
	uint32_t length;
};

struct open_file {
	enum binding binding;
	int slot;
	uint32_t users;	/* calls on it that have to come back before it is released */
	bool cancelled;	/* closed before the hypervisor knew of its session */
	struct vmcsim_file *file;
};

/* One HMC index. */
struct slot {
	uint32_t last_session, session;	/* session: 0 for none */
	uint32_t state, epoch;
	struct open_file *file;
	enum standing open, close;
	uint32_t first, unread;
	struct message inbox[MAX_INBOX];
	struct buffer pool[MAX_BUFFERS];
};

struct entry {
	uint8_t bytes[16];
	bool again;	/* a call has tried it once */
};

struct vmc {
	struct vmcsim_parameters offers;
	struct vmcsim_node node;
	bool has_device, has_queue, registered, task;
	int32_t state;
	uint64_t queue;
	uint32_t next;
	uint32_t hmcs, pool_size, mtu, max_outstanding;	/* agreed on; zeros before */
	struct slot *slots;
	uint64_t *garbage;	/* to be unmapped */
	uint32_t garbage_count;
	uint8_t pending[MAX_PENDING];	/* slots whose Open or Close waits */
	uint32_t pending_count;
	struct entry outgoing[MAX_OUTGOING];
	uint32_t outgoing_first, outgoing_count;
	const uint8_t *sending;	/* what the bottom half has in hand */
	uint32_t outstanding;
	uint32_t inits_outstanding, inits_stale, capabilities_stale;
	bool init_waits, capabilities_outstanding, responded, suspended, quiesce, interrupts_on;
	uint32_t resets;
	bool bottom_half, bottom_half_again;
	uint32_t bottom_half_epoch;	/* a bottom half of an earlier one is cancelled */
	int bottom_half_slot;	/* of which it has a buffer in hand */
	uint32_t touching;	/* calls that make an hcall, or look at the queue */
	uint32_t quiescing;	/* calls that wait until others have come back */
};

static const struct vmcsim_services *os;

/* ---- Away: what waits. ---- */

static void enter(struct vmc *vmc)
{
	os->lock(vmc);
}

static void leave(struct vmc *vmc)
{
	os->unlock(vmc);
}

/* A call has come back from where others wait for it. */
static void came_back(struct vmc *vmc)
{
	if (vmc->quiescing)
		os->wake(&vmc->quiescing);
}

static void wait_until_others_come_back(struct vmc *vmc)
{
	vmc->quiescing++;
	os->wait(&vmc->quiescing, vmc);
	vmc->quiescing--;
}

static int64_t hcall(struct vmc *vmc, uint64_t opcode, const uint64_t args[9], uint64_t rets[9])
{
	int64_t code;

	vmc->touching++;
	leave(vmc);
	code = os->hcall(opcode, args, rets);
	enter(vmc);
	vmc->touching--;
	came_back(vmc);
	return code;
}

static void rest(struct vmc *vmc, uint64_t ns)
{
	leave(vmc);
	os->sleep(ns);
	enter(vmc);
}

static void unmap(struct vmc *vmc, uint64_t ioba)
{
	leave(vmc);
	os->unmap(ioba);
	enter(vmc);
}

static int32_t map(struct vmc *vmc, uint32_t length, uint64_t *ioba)
{
	int32_t status;

	leave(vmc);
	status = os->map(length, ioba);
	enter(vmc);
	return status;
}

static int32_t copy(struct vmc *vmc, int32_t (*service)(uint64_t, uint32_t), uint64_t ioba, uint32_t length)
{
	int32_t status;

	leave(vmc);
	status = service(ioba, length);
	enter(vmc);
	return status;
}

/* ---- Hypervisor calls. ---- */

static uint64_t big_endian(const uint8_t *bytes, int count)
{
	uint64_t number = 0;

	for (int i = 0; i < count; i++)
		number = number << 8 | bytes[i];
	return number;
}

static int64_t send(struct vmc *vmc, const uint8_t entry[16])
{
	uint64_t args[9] = { vmc->node.unit_address, big_endian(entry, 8), big_endian(entry + 8, 8) };
	int64_t code = hcall(vmc, VMCSIM_H_SEND_CRQ, args, NULL);

	return FORGETS(SEND_RESULTS) ? VMCSIM_H_SUCCESS : code;
}

static int64_t of_adapter(struct vmc *vmc, uint64_t opcode, uint64_t second, uint64_t third)
{
	uint64_t args[9] = { vmc->node.unit_address, second, third };

	return hcall(vmc, opcode, args, NULL);
}

static int64_t to_hypervisor(struct vmc *vmc, const struct buffer *buffer, uint32_t length)
{
	uint64_t args[9] = { length, vmc->node.local_liobn, buffer->ioba, vmc->node.remote_liobn, buffer->lioba };

	return hcall(vmc, VMCSIM_H_COPY_RDMA, args, NULL);
}

static int64_t from_hypervisor(struct vmc *vmc, const struct buffer *buffer, uint32_t length)
{
	uint64_t args[9] = { length, vmc->node.remote_liobn, buffer->lioba, vmc->node.local_liobn, buffer->ioba };

	return hcall(vmc, VMCSIM_H_COPY_RDMA, args, NULL);
}

/* How long to leave a busy call alone; 0 when it is not busy. */
static uint64_t busy_ns(int64_t code)
{
	uint64_t ns = MS_NS;

	if (code == VMCSIM_H_BUSY)
		return BUSY_NS;
	if (code < VMCSIM_H_LONG_BUSY_1_MSEC || code > VMCSIM_H_LONG_BUSY_100_SEC)
		return 0;
	for (; code > VMCSIM_H_LONG_BUSY_1_MSEC; code--)
		ns *= 10;
	return ns;
}

/* ---- The channel and its sessions. ---- */

static void set_state(struct vmc *vmc, int32_t state)
{
	vmc->state = state;
	os->report_channel(state);
}

static const struct buffer *free_buffer(const struct vmc *vmc, const struct slot *slot)
{
	for (uint32_t id = 0; id < vmc->pool_size; id++)
		if (slot->pool[id].owner == OURS)
			return &slot->pool[id];
	return NULL;
}

static bool is_free(const struct vmc *vmc, const struct slot *slot)
{
	return !slot->session && free_buffer(vmc, slot);
}

static void show(struct vmc *vmc, int slot)
{
	const struct slot *place = &vmc->slots[slot];

	os->report_index(slot, place->session ? place->unread : 0, is_free(vmc, place));
}

static void own(struct vmc *vmc, int slot, uint32_t buffer, enum owner owner)
{
	vmc->slots[slot].pool[buffer].owner = owner;
	show(vmc, slot);
}

static void reclaim(struct vmc *vmc, int slot, enum owner owner)
{
	for (uint32_t id = 0; id < vmc->pool_size; id++)
		if (vmc->slots[slot].pool[id].owner == owner)
			own(vmc, slot, id, OURS);
}

static void set_session(struct vmc *vmc, int slot, uint32_t state)
{
	struct slot *place = &vmc->slots[slot];

	place->state = state;
	os->report_session(slot, place->session, place->file ? place->file->file : NULL, state);
	if (place->file)
		os->wake(place->file);
}

static void reset_later(struct vmc *vmc)
{
	if (vmc->state == VMCSIM_CHANNEL_RESET_SCHEDULED || vmc->state == VMCSIM_CHANNEL_INITIAL)
		return;
	set_state(vmc, VMCSIM_CHANNEL_RESET_SCHEDULED);
	os->schedule(VMCSIM_RESET);
}

/* Calls on this session are told when they come back; what they have in hand is theirs. */
static void lose_calls(struct vmc *vmc, int slot)
{
	struct slot *place = &vmc->slots[slot];

	place->epoch++;
	for (uint32_t id = 0; id < MAX_BUFFERS; id++)
		if (place->pool[id].owner == IN_CALL || place->pool[id].owner == FETCHING)
			own(vmc, slot, id, NOBODY);
}

static void drop_pending(struct vmc *vmc, int slot)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < vmc->pending_count; i++)
		if (vmc->pending[i] != slot)
			vmc->pending[kept++] = vmc->pending[i];
	vmc->pending_count = kept;
}

/* The session is over; its buffers stay. Every end wakes its readers. */
static void end_session(struct vmc *vmc, int slot)
{
	struct slot *place = &vmc->slots[slot];
	uint32_t unanswered = (place->open == UNANSWERED) + (place->close == UNANSWERED);

	if (!place->session)
		return;
	lose_calls(vmc, slot);
	if (place->file && place->file->binding == BOUND)
		place->file->binding = LOST;
	if (FORGETS(READERS_AT_RESET) && vmc->state == VMCSIM_CHANNEL_RESET_SCHEDULED)
		os->report_session(slot, place->session, NULL, VMCSIM_SESSION_ENDED);
	else
		set_session(vmc, slot, VMCSIM_SESSION_ENDED);
	drop_pending(vmc, slot);
	vmc->outstanding -= unanswered;
	if (unanswered && vmc->pending_count)
		os->schedule(VMCSIM_BOTTOM_HALF);
	place->session = 0;
	place->file = NULL;
	place->open = place->close = NOT_ASKED;
	place->first = place->unread = 0;
	show(vmc, slot);
}

/* The hypervisor was not told of the session: its number is used again. */
static void withdraw_session(struct vmc *vmc, int slot)
{
	uint32_t number = vmc->slots[slot].session;

	end_session(vmc, slot);
	vmc->slots[slot].last_session = number ? number - 1 : 0;
}

static void drain_pool(struct vmc *vmc, int slot)
{
	struct slot *place = &vmc->slots[slot];

	for (uint32_t id = 0; id < MAX_BUFFERS; id++) {
		if (place->pool[id].owner == NOBODY)
			continue;
		vmc->garbage[vmc->garbage_count++] = place->pool[id].ioba;
		place->pool[id].owner = NOBODY;
	}
	show(vmc, slot);
}

/* The hypervisor's side starts over, or ours does. */
static void end_all_sessions(struct vmc *vmc, bool removed)
{
	for (int slot = 0; slot < (int)vmc->offers.hmcs; slot++) {
		end_session(vmc, slot);
		lose_calls(vmc, slot);
		if (!(FORGETS(BUFFERS_AT_REMOVAL) && removed))
			drain_pool(vmc, slot);
	}
	vmc->outgoing_count = 0;
	vmc->hmcs = vmc->pool_size = vmc->mtu = vmc->max_outstanding = 0;
	os->report_limits(0, 0);
	vmc->quiesce = true;
}

/* ---- Messages of ours. ---- */

static void post(struct vmc *vmc, const uint8_t bytes[16], bool again)
{
	struct entry *entry = &vmc->outgoing[(vmc->outgoing_first + vmc->outgoing_count++) % MAX_OUTGOING];

	for (int i = 0; i < 16; i++)
		entry->bytes[i] = bytes[i];
	entry->again = again;
}

static void post_init(struct vmc *vmc, uint8_t format)
{
	uint8_t bytes[16] = { HEADER_INIT, format };

	post(vmc, bytes, false);
}

struct bytes {
	uint8_t of[16];
};

static struct bytes encode(uint8_t type, uint8_t status, int slot, uint32_t session, uint32_t buffer, uint32_t length)
{
	struct bytes bytes = { { HEADER_MESSAGE, type, status, 0, (uint8_t)session, (uint8_t)slot } };

	bytes.of[6] = (uint8_t)(buffer >> 8);
	bytes.of[7] = (uint8_t)buffer;
	for (int i = 0; i < 4; i++)
		bytes.of[12 + i] = (uint8_t)(length >> (24 - 8 * i));
	return bytes;
}

static struct bytes close_of(const struct vmc *vmc, int slot)
{
	return encode(INTERFACE_CLOSE, 0, slot, vmc->slots[slot].session, 0, 0);
}

static void answer(struct vmc *vmc, uint8_t type, uint8_t status, const uint8_t *request, uint32_t buffer)
{
	post(vmc, encode(type, status, request[5], request[4], buffer, 0).of, false);
}

static void capabilities_become_stale(struct vmc *vmc)
{
	vmc->capabilities_stale += vmc->capabilities_outstanding;
	vmc->capabilities_outstanding = false;
}

static void send_capabilities(struct vmc *vmc)
{
	const struct vmcsim_parameters *offers = &vmc->offers;
	uint32_t entries = offers->crq_pages * ENTRIES_PER_PAGE;
	struct bytes bytes = encode(CAPABILITIES, 0, offers->hmcs, 0, offers->pool_size, 0);

	capabilities_become_stale(vmc);
	for (int i = 0; i < 4; i++)
		bytes.of[8 + i] = (uint8_t)(offers->mtu >> (24 - 8 * i));
	bytes.of[12] = (uint8_t)(entries >> 8);
	bytes.of[13] = (uint8_t)entries;
	bytes.of[14] = (uint8_t)offers->version_major;
	bytes.of[15] = (uint8_t)offers->version_minor;
	post(vmc, bytes.of, false);
	set_state(vmc, VMCSIM_CHANNEL_CAPABILITIES);
}

/* ---- Messages of the hypervisor. ---- */

static void await_init(struct vmc *vmc)
{
	vmc->init_waits = false;
	end_all_sessions(vmc, false);
	capabilities_become_stale(vmc);
	set_state(vmc, VMCSIM_CHANNEL_CRQ_INIT);
}

/* INIT: the partner starts, or starts over. It is answered in every state. */
static void partner_started(struct vmc *vmc)
{
	if (FORGETS(UNAWAITED_INIT) && vmc->state != VMCSIM_CHANNEL_CRQ_INIT)
		return;
	end_all_sessions(vmc, false);
	post_init(vmc, FORMAT_INIT_COMPLETE);
	send_capabilities(vmc);
}

static void partner_answered(struct vmc *vmc)
{
	if (vmc->inits_outstanding) {
		vmc->inits_outstanding--;
	} else if (vmc->inits_stale) {
		vmc->inits_stale--;
		/* Otherwise its own INIT was here before, and said as much. */
		if (vmc->state != VMCSIM_CHANNEL_CRQ_INIT)
			return;
	} else {
		return;
	}
	end_all_sessions(vmc, false);
	send_capabilities(vmc);
}

static void transport_event(struct vmc *vmc, uint8_t event)
{
	switch (event) {
	case EVENT_FAILED:
	case EVENT_DEREGISTERED:
	case EVENT_TERMINATED:
		vmc->inits_stale += vmc->inits_outstanding;
		vmc->inits_outstanding = 0;
		await_init(vmc);
		break;
	case EVENT_SUSPENDED:
		await_init(vmc);
		vmc->suspended = !FORGETS(ENABLE_CRQ);
		break;
	}
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void capabilities_response(struct vmc *vmc, const uint8_t *m)
{
	const struct vmcsim_parameters *offers = &vmc->offers;
	uint32_t hmcs = least(m[5], offers->hmcs), pool_size = least(big_endian(m + 6, 2), offers->pool_size);
	uint32_t mtu = least(big_endian(m + 8, 4), offers->mtu), crq_size = big_endian(m + 12, 2);
	bool is_workable = hmcs && pool_size && mtu >= HMC_ID_BYTES && crq_size >= 2;

	if (vmc->state == VMCSIM_CHANNEL_CAPABILITIES && vmc->capabilities_outstanding) {
		vmc->capabilities_outstanding = false;
	} else if (vmc->capabilities_stale &&
		   (vmc->state == VMCSIM_CHANNEL_SEEDING || vmc->state == VMCSIM_CHANNEL_READY ||
		    vmc->state == VMCSIM_CHANNEL_FAILED)) {
		/* What was taken for the answer to the latest Capabilities answered an earlier one. */
		vmc->capabilities_stale--;
		end_all_sessions(vmc, false);
		if (vmc->responded) {
			send_capabilities(vmc);
			return;
		}
	} else {
		return;
	}
	vmc->responded = false;
	if ((m[2] != OK && !FORGETS(CAPABILITIES_STATUS)) || m[14] != offers->version_major || !is_workable) {
		set_state(vmc, VMCSIM_CHANNEL_FAILED);
		return;
	}
	vmc->hmcs = hmcs;
	vmc->pool_size = pool_size;
	vmc->mtu = mtu;
	vmc->max_outstanding = crq_size / 2;
	vmc->inits_stale = 0;
	os->report_limits(hmcs, mtu);
	set_state(vmc, VMCSIM_CHANNEL_SEEDING);
}

/* Interface Close of this slot is not under way, and need not be sent. */
static bool withdraw_close(struct vmc *vmc, int slot)
{
	uint32_t kept = 0, count = vmc->outgoing_count;

	for (uint32_t i = 0; i < count; i++) {
		struct entry entry = vmc->outgoing[(vmc->outgoing_first + i) % MAX_OUTGOING];

		if (entry.bytes[0] == HEADER_MESSAGE && entry.bytes[1] == INTERFACE_CLOSE && entry.bytes[5] == slot)
			continue;
		vmc->outgoing[(vmc->outgoing_first + kept++) % MAX_OUTGOING] = entry;
	}
	vmc->outgoing_count = kept;
	return kept < count || vmc->slots[slot].close != UNANSWERED;
}

static bool names(const struct slot *place, uint32_t session)
{
	return place->session && (place->session == session || (FORGETS(SESSION_NUMBERS) && session == 0));
}

static void open_response(struct vmc *vmc, const uint8_t *m)
{
	int slot = m[5], seed = NO_SLOT;
	struct slot *place = &vmc->slots[slot];

	if (m[5] >= vmc->hmcs) {
		reset_later(vmc);
		return;
	}
	if (!names(place, m[4]) || place->open != UNANSWERED)
		return;
	place->open = m[2] == OK ? GRANTED : REFUSED;
	vmc->outstanding--;
	vmc->capabilities_stale = 0;
	for (uint32_t id = 0; id < vmc->pool_size && seed == NO_SLOT; id++)
		if (place->pool[id].owner == OPENING)
			seed = id;
	reclaim(vmc, slot, OPENING);
	if (m[2] == OK) {
		if (place->state != VMCSIM_SESSION_CLOSING)
			set_session(vmc, slot, VMCSIM_SESSION_READY);
		else if (!place->file)
			drain_pool(vmc, slot);
		return;
	}
	/* Refused: the buffer with the HMC ID is available again (LoPAR, Interface Open Response); what was added is not. */
	if (withdraw_close(vmc, slot))
		end_session(vmc, slot);
	for (uint32_t id = 0; id < MAX_BUFFERS; id++) {
		if (place->pool[id].owner == NOBODY || ((int)id == seed && !FORGETS(SEED_OF_REFUSED_OPEN)))
			continue;
		vmc->garbage[vmc->garbage_count++] = place->pool[id].ioba;
		own(vmc, slot, id, NOBODY);
	}
}

static void close_response(struct vmc *vmc, const uint8_t *m)
{
	struct slot *place = &vmc->slots[m[5]];
	bool closing;

	if (m[5] >= vmc->hmcs) {
		reset_later(vmc);
		return;
	}
	closing = names(place, m[4]) && place->close == UNANSWERED;
	if (m[2] != OK && closing && place->open == REFUSED) {
		end_session(vmc, m[5]);
	} else if (m[2] != OK) {
		reset_later(vmc);
	} else if (closing) {
		end_session(vmc, m[5]);
		drain_pool(vmc, m[5]);
	}
}

/* Whether buffers may come and go under this session number. */
static bool accepts_buffers(const struct slot *place, uint32_t session)
{
	if (!place->session)
		return session == 0;
	switch (place->state) {
	case VMCSIM_SESSION_READY:
		return names(place, session);
	case VMCSIM_SESSION_STARTING:
	case VMCSIM_SESSION_OPENING:
		return place->open == UNANSWERED ? names(place, session) : session == 0;
	default:
		return false;
	}
}

static void hold(struct vmc *vmc, int slot)
{
	vmc->bottom_half_slot = slot;
}

static void let_go(struct vmc *vmc)
{
	vmc->bottom_half_slot = NO_SLOT;
	came_back(vmc);
}

static void add_buffer(struct vmc *vmc, const uint8_t *m)
{
	int slot = m[5];
	struct slot *place = &vmc->slots[slot];
	uint32_t id = big_endian(m + 6, 2), epoch, era = vmc->bottom_half_epoch;
	uint64_t ioba = 0;
	uint8_t status = OK;
	int32_t mapped;

	if (m[5] >= vmc->hmcs)
		status = INVALID_INDEX;
	else if (!accepts_buffers(place, m[4]))
		status = CONNECTION_CLOSED;
	else if (m[3] > 1 || (m[3] == 1 && m[4] == 0))
		status = GENERAL_FAILURE;
	else if (id >= vmc->pool_size || place->pool[id].owner != NOBODY)
		status = INVALID_BUFFER;
	if (status != OK) {
		answer(vmc, ADD_BUFFER_RESPONSE, status, m, id);
		return;
	}
	hold(vmc, slot);
	epoch = place->epoch;
	mapped = map(vmc, vmc->mtu, &ioba);
	if (era != vmc->bottom_half_epoch) {
		if (mapped == VMCSIM_OK)
			unmap(vmc, ioba);
		let_go(vmc);
		return;
	}
	if (epoch != place->epoch) {
		answer(vmc, ADD_BUFFER_RESPONSE, CONNECTION_CLOSED, m, id);
		if (mapped == VMCSIM_OK)
			unmap(vmc, ioba);
		let_go(vmc);
		return;
	}
	if (mapped != VMCSIM_OK) {
		status = GENERAL_FAILURE;
	} else {
		place->pool[id].ioba = ioba;
		place->pool[id].lioba = big_endian(m + 12, 4);
		own(vmc, slot, id, m[3] == 1 ? THEIRS : ADDED);
	}
	answer(vmc, ADD_BUFFER_RESPONSE, status, m, id);
	let_go(vmc);
}

/* Gives up the free buffer with the highest id, but never the last one with which an application can write. */
static void remove_buffer(struct vmc *vmc, const uint8_t *m)
{
	struct slot *place = &vmc->slots[m[5]];
	uint32_t inbound = 0, id;
	int found = NO_SLOT;

	if (m[5] >= vmc->hmcs) {
		answer(vmc, REMOVE_BUFFER_RESPONSE, INVALID_INDEX, m, 0);
		return;
	}
	if (!accepts_buffers(place, m[4])) {
		answer(vmc, REMOVE_BUFFER_RESPONSE, GENERAL_FAILURE, m, 0);
		return;
	}
	for (id = 0; id < vmc->pool_size; id++) {
		inbound += place->pool[id].owner != NOBODY && place->pool[id].owner != THEIRS;
		if (place->pool[id].owner == OURS)
			found = id;
	}
	if ((inbound <= 1 && !FORGETS(LAST_BUFFER)) || found == NO_SLOT) {
		answer(vmc, REMOVE_BUFFER_RESPONSE, NO_BUFFER_FOUND, m, 0);
		return;
	}
	vmc->garbage[vmc->garbage_count++] = place->pool[found].ioba;
	own(vmc, m[5], found, NOBODY);
	answer(vmc, REMOVE_BUFFER_RESPONSE, OK, m, found);
}

/* Puts a message at the end of the inbox, or back to its beginning. */
static void deliver(struct vmc *vmc, int slot, struct message message, bool first)
{
	struct slot *place = &vmc->slots[slot];

	if (!place->session || place->unread == MAX_INBOX)
		return;
	if (first)
		place->first = (place->first + MAX_INBOX - 1) % MAX_INBOX;
	place->inbox[first ? place->first : (place->first + place->unread) % MAX_INBOX] = message;
	place->unread++;
	show(vmc, slot);
	if (place->file)
		os->wake(place->file);
}

/* A message lies in a buffer of the hypervisor, which is ours from now on. */
static void signalled(struct vmc *vmc, const uint8_t *m)
{
	int slot = m[5];
	struct slot *place = &vmc->slots[slot];
	uint32_t id = big_endian(m + 6, 2), length = big_endian(m + 12, 4), epoch;
	struct buffer buffer;
	int64_t code;

	if (m[5] >= vmc->hmcs || !names(place, m[4]) || place->state != VMCSIM_SESSION_READY)
		return;
	if (id >= vmc->pool_size || place->pool[id].owner != THEIRS)
		return;
	if (length == 0 || (length > vmc->mtu && !FORGETS(LONG_SIGNAL))) {
		own(vmc, slot, id, OURS);
		return;
	}
	own(vmc, slot, id, FETCHING);
	hold(vmc, slot);
	epoch = place->epoch;
	buffer = place->pool[id];
	code = from_hypervisor(vmc, &buffer, length);
	if (epoch != place->epoch) {
		unmap(vmc, buffer.ioba);
	} else if (code == VMCSIM_H_SUCCESS) {
		own(vmc, slot, id, QUEUED);
		deliver(vmc, slot, (struct message){ false, (uint16_t)id, length }, false);
	} else if (!FORGETS(BUFFER_OF_FAILED_RDMA)) {
		own(vmc, slot, id, OURS);
		deliver(vmc, slot, (struct message){ true, 0, 0 }, false);
	}
	let_go(vmc);
}

static void handle(struct vmc *vmc, const uint8_t *m)
{
	if (m[0] == HEADER_INIT && m[1] == FORMAT_INIT)
		partner_started(vmc);
	else if (m[0] == HEADER_INIT && m[1] == FORMAT_INIT_COMPLETE)
		partner_answered(vmc);
	else if (m[0] == HEADER_EVENT)
		transport_event(vmc, m[1]);
	if (m[0] != HEADER_MESSAGE)
		return;
	if (m[1] == CAPABILITIES_RESPONSE)
		capabilities_response(vmc, m);
	else if (!vmc->hmcs)
		return;	/* HMC interface messages before the capabilities exchange */
	else if (m[1] == OPEN_RESPONSE)
		open_response(vmc, m);
	else if (m[1] == CLOSE_RESPONSE)
		close_response(vmc, m);
	else if (m[1] == ADD_BUFFER)
		add_buffer(vmc, m);
	else if (m[1] == REMOVE_BUFFER)
		remove_buffer(vmc, m);
	else if (m[1] == SIGNAL)
		signalled(vmc, m);
}

/* ---- The bottom half. ---- */

static bool may_send_request(const struct vmc *vmc)
{
	return !vmc->pending_count && vmc->outstanding < vmc->max_outstanding;
}

/* Requests that waited go out, as far as the peer's queue allows. */
static void release_requests(struct vmc *vmc)
{
	while (vmc->pending_count && vmc->outstanding < vmc->max_outstanding) {
		int slot = vmc->pending[0];
		struct slot *place = &vmc->slots[slot];

		for (uint32_t i = 1; i < vmc->pending_count; i++)
			vmc->pending[i - 1] = vmc->pending[i];
		vmc->pending_count--;
		if (place->session && place->state == VMCSIM_SESSION_CLOSING) {
			place->close = UNANSWERED;
			vmc->outstanding++;
			post(vmc, close_of(vmc, slot).of, false);
		} else if (place->session && place->state == VMCSIM_SESSION_OPENING) {
			for (uint32_t id = 0; id < vmc->pool_size; id++) {
				if (place->pool[id].owner != OPENING)
					continue;
				place->open = UNANSWERED;
				vmc->outstanding++;
				post(vmc, encode(INTERFACE_OPEN, 0, slot, place->session, id, 0).of, false);
			}
		}
	}
}

static void note_initialized(struct vmc *vmc)
{
	if (vmc->state != VMCSIM_CHANNEL_SEEDING)
		return;
	for (uint32_t slot = 0; slot < vmc->hmcs; slot++)
		if (!is_free(vmc, &vmc->slots[slot]))
			return;
	vmc->resets = 0;
	set_state(vmc, VMCSIM_CHANNEL_READY);
}

static void init_was_not_sent(struct vmc *vmc)
{
	if (vmc->inits_outstanding)
		vmc->inits_outstanding--;
	else if (vmc->inits_stale)
		vmc->inits_stale--;
}

static void was_sent(struct vmc *vmc, const uint8_t *m)
{
	uint32_t id = big_endian(m + 6, 2);

	if (m[0] != HEADER_MESSAGE)
		return;
	if (m[1] == CAPABILITIES)
		vmc->capabilities_outstanding = true;
	else
		vmc->responded = true;
	if (m[1] == ADD_BUFFER_RESPONSE && m[5] < vmc->hmcs && id < vmc->pool_size &&
	    vmc->slots[m[5]].pool[id].owner == ADDED)
		own(vmc, m[5], id, OURS);
}

/* Sends what the driver says by itself. A full queue is tried again after 1, 2, 4 ... 64 ms. */
static void send_outgoing(struct vmc *vmc)
{
	struct entry entry = vmc->outgoing[vmc->outgoing_first];
	uint32_t era = vmc->bottom_half_epoch, tries = entry.again;
	int64_t code = entry.again ? VMCSIM_H_DROPPED : VMCSIM_H_SUCCESS;

	vmc->outgoing_first = (vmc->outgoing_first + 1) % MAX_OUTGOING;
	vmc->outgoing_count--;
	vmc->sending = entry.bytes;
	do {
		if (tries)
			rest(vmc, MS_NS << (tries - 1));
		if (tries && era != vmc->bottom_half_epoch)
			break;
		code = send(vmc, entry.bytes);
	} while (era == vmc->bottom_half_epoch && code == VMCSIM_H_DROPPED && ++tries < MAX_TRIES);
	if (era != vmc->bottom_half_epoch)
		return;
	vmc->sending = NULL;
	switch (code) {
	case VMCSIM_H_SUCCESS:
		was_sent(vmc, entry.bytes);
		break;
	case VMCSIM_H_CLOSED:
		/* The partner is gone, and a transport event or its INIT follows. */
		vmc->outgoing_count = 0;
		if (entry.bytes[0] == HEADER_INIT && entry.bytes[1] == FORMAT_INIT)
			init_was_not_sent(vmc);
		break;
	default:
		reset_later(vmc);
	}
}

/* The partner was suspended (LoPAR, H_ENABLE_CRQ): the handshake begins anew. */
static void enable_queue(struct vmc *vmc)
{
	uint32_t era = vmc->bottom_half_epoch;
	int64_t code = of_adapter(vmc, VMCSIM_H_ENABLE_CRQ, 0, 0);

	while (era == vmc->bottom_half_epoch && busy_ns(code)) {
		rest(vmc, busy_ns(code));
		if (era == vmc->bottom_half_epoch)
			code = of_adapter(vmc, VMCSIM_H_ENABLE_CRQ, 0, 0);
	}
	if (era != vmc->bottom_half_epoch)
		return;
	vmc->suspended = false;
	if (code != VMCSIM_H_SUCCESS) {
		reset_later(vmc);
		return;
	}
	vmc->inits_outstanding++;
	post_init(vmc, FORMAT_INIT);
}

/* Looks at the queue; whether to go on. Before the end the interrupt is enabled, and the queue looked at once more. */
static bool look_at_queue(struct vmc *vmc)
{
	uint32_t era = vmc->bottom_half_epoch;
	uint8_t bytes[16];
	int32_t taken;

	vmc->touching++;
	leave(vmc);
	taken = os->take_entry(vmc->queue, vmc->next, bytes);
	enter(vmc);
	vmc->touching--;
	came_back(vmc);
	if (era != vmc->bottom_half_epoch || vmc->state == VMCSIM_CHANNEL_RESET_SCHEDULED)
		return true;
	if (taken == 1) {
		vmc->next = (vmc->next + 1) % (vmc->offers.crq_pages * ENTRIES_PER_PAGE);
		handle(vmc, bytes);
		return true;
	}
	if (vmc->bottom_half_again) {
		vmc->bottom_half_again = false;
		return true;
	}
	if (vmc->interrupts_on)
		return false;
	vmc->interrupts_on = true;
	if (of_adapter(vmc, VMCSIM_H_VIO_SIGNAL, 1, 0) != VMCSIM_H_SUCCESS && era == vmc->bottom_half_epoch)
		reset_later(vmc);
	return true;
}

/* Frees what sessions left, sends what is due, and only then takes the next entry: answers go out in order. */
static void bottom_half(void *driver)
{
	struct vmc *vmc = driver;
	uint32_t era;
	bool again = true;

	enter(vmc);
	if (vmc->bottom_half || !vmc->registered) {
		vmc->bottom_half_again = vmc->bottom_half;
		leave(vmc);
		return;
	}
	vmc->bottom_half = true;
	vmc->bottom_half_again = false;
	era = vmc->bottom_half_epoch;
	while (again && era == vmc->bottom_half_epoch && vmc->state != VMCSIM_CHANNEL_RESET_SCHEDULED &&
	       vmc->state != VMCSIM_CHANNEL_INITIAL) {
		if (vmc->quiesce && vmc->touching) {
			wait_until_others_come_back(vmc);
			continue;
		}
		vmc->quiesce = false;
		if (!vmc->garbage_count && !vmc->suspended)
			release_requests(vmc);
		if (vmc->garbage_count) {
			unmap(vmc, vmc->garbage[--vmc->garbage_count]);
		} else if (vmc->suspended) {
			enable_queue(vmc);
		} else if (vmc->outgoing_count) {
			send_outgoing(vmc);
		} else {
			note_initialized(vmc);
			again = look_at_queue(vmc);
		}
	}
	if (era == vmc->bottom_half_epoch)
		vmc->bottom_half = false;
	came_back(vmc);
	leave(vmc);
}

/* Masks the interrupt and has the bottom half run. A bottom half may have enabled it meanwhile: it counts as off. */
static void interrupt(void *driver)
{
	struct vmc *vmc = driver;

	enter(vmc);
	if (vmc->registered) {
		of_adapter(vmc, VMCSIM_H_VIO_SIGNAL, 0, 0);
		vmc->interrupts_on = false;
		os->schedule(VMCSIM_BOTTOM_HALF);
	}
	came_back(vmc);
	leave(vmc);
}

/* ---- The task: probe, reset, remove. ---- */

static void take_over(struct vmc *vmc, bool removed)
{
	set_state(vmc, VMCSIM_CHANNEL_RESET_SCHEDULED);
	end_all_sessions(vmc, removed);
	vmc->suspended = vmc->init_waits = vmc->capabilities_outstanding = false;
	vmc->inits_outstanding = vmc->inits_stale = vmc->capabilities_stale = 0;
	vmc->bottom_half = vmc->bottom_half_again = false;
	vmc->sending = NULL;
	vmc->bottom_half_epoch++;
}

static void free_queue(struct vmc *vmc, int64_t *code)
{
	while (vmc->touching || vmc->garbage_count) {
		if (vmc->touching)
			wait_until_others_come_back(vmc);
		else
			unmap(vmc, vmc->garbage[--vmc->garbage_count]);
	}
	do {
		vmc->interrupts_on = vmc->registered = false;
		*code = of_adapter(vmc, VMCSIM_H_FREE_CRQ, 0, 0);
		if (busy_ns(*code))
			rest(vmc, busy_ns(*code));
	} while (busy_ns(*code));
}

/* Sends INIT; false if the queue has to be freed and registered again. */
static bool greet(struct vmc *vmc)
{
	static const uint8_t init[16] = { HEADER_INIT, FORMAT_INIT };
	uint32_t tries = 0;

	for (;;) {
		vmc->inits_outstanding = 1;
		switch (send(vmc, init)) {
		case VMCSIM_H_SUCCESS:
			return true;
		case VMCSIM_H_CLOSED:
			init_was_not_sent(vmc);	/* its INIT is awaited */
			return true;
		case VMCSIM_H_DROPPED:
			break;
		default:
			return false;
		}
		if (++tries == MAX_TRIES)
			return false;
		vmc->init_waits = vmc->inits_outstanding;
		init_was_not_sent(vmc);
		rest(vmc, MS_NS << (tries - 1));
		if (vmc->state != VMCSIM_CHANNEL_CRQ_INIT || !vmc->init_waits || vmc->suspended) {
			vmc->init_waits = false;
			return true;
		}
		vmc->init_waits = false;
	}
}

/* Registers the queue and greets the partner. H_CLOSED: there is none yet, and its INIT is awaited. */
static bool bring_up(struct vmc *vmc, bool *failed)
{
	int64_t code;

	vmc->next = 0;
	code = of_adapter(vmc, VMCSIM_H_REG_CRQ, vmc->queue, (uint64_t)vmc->offers.crq_pages * PAGE);
	if (code != VMCSIM_H_SUCCESS && code != VMCSIM_H_CLOSED) {
		*failed = code != VMCSIM_H_RESOURCE;
		return false;
	}
	vmc->registered = true;
	set_state(vmc, VMCSIM_CHANNEL_CRQ_INIT);
	vmc->interrupts_on = true;
	if (of_adapter(vmc, VMCSIM_H_VIO_SIGNAL, 1, 0) != VMCSIM_H_SUCCESS)
		return false;
	if (code == VMCSIM_H_SUCCESS && !greet(vmc))
		return false;
	/* What came before the interrupt was enabled gave none. The next reset could not start while this task ran. */
	os->schedule(vmc->state == VMCSIM_CHANNEL_RESET_SCHEDULED ? VMCSIM_RESET : VMCSIM_BOTTOM_HALF);
	return true;
}

static int32_t run_task(struct vmc *vmc, enum purpose purpose)
{
	bool failed = false;
	int64_t code;

	if (purpose == PROBE && bring_up(vmc, &failed))
		return 0;
	while (!failed) {
		if (purpose != REMOVE) {
			take_over(vmc, false);
			vmc->resets++;
		}
		free_queue(vmc, &code);
		if (purpose == REMOVE) {
			if (vmc->has_queue)
				unmap(vmc, vmc->queue);
			vmc->has_queue = vmc->has_device = false;
			set_state(vmc, VMCSIM_CHANNEL_INITIAL);
			return 0;
		}
		if (vmc->resets >= MAX_RESETS)
			break;
		if (code != VMCSIM_H_SUCCESS)
			continue;
		leave(vmc);
		os->clear(vmc->queue);
		enter(vmc);
		if (bring_up(vmc, &failed))
			return 0;
	}
	set_state(vmc, VMCSIM_CHANNEL_FAILED);
	return -EIO;
}

static int32_t end_task(struct vmc *vmc, int32_t status)
{
	vmc->task = false;
	came_back(vmc);
	leave(vmc);
	return status;
}

static int32_t probe(void *driver, const struct vmcsim_node *node)
{
	struct vmc *vmc = driver;
	int32_t status;

	enter(vmc);
	if (vmc->has_device || vmc->task) {
		leave(vmc);
		return -EBUSY;
	}
	vmc->node = *node;
	vmc->has_device = vmc->task = true;
	vmc->resets = 0;
	status = map(vmc, vmc->offers.crq_pages * PAGE, &vmc->queue);
	if (status == VMCSIM_OK) {
		vmc->has_queue = true;
		return end_task(vmc, run_task(vmc, PROBE));
	}
	set_state(vmc, VMCSIM_CHANNEL_FAILED);
	return end_task(vmc, -ENOMEM);
}

static void reset(void *driver)
{
	struct vmc *vmc = driver;

	enter(vmc);
	if (vmc->state != VMCSIM_CHANNEL_RESET_SCHEDULED || vmc->task) {
		leave(vmc);
		return;
	}
	vmc->task = true;
	end_task(vmc, run_task(vmc, RESET));
}

static int32_t remove_device(void *driver)
{
	struct vmc *vmc = driver;

	enter(vmc);
	if (!vmc->has_device || vmc->task) {
		leave(vmc);
		return -ENODEV;
	}
	vmc->task = true;
	take_over(vmc, true);
	return end_task(vmc, run_task(vmc, REMOVE));
}

/* ---- The device file. ---- */

static int32_t open_device(void *driver, struct vmcsim_file *file)
{
	struct vmc *vmc = driver;
	struct open_file *open;
	int32_t status = 0;

	enter(vmc);
	if (vmc->state == VMCSIM_CHANNEL_FAILED)
		status = -EIO;
	else if (vmc->state != VMCSIM_CHANNEL_READY && !(vmc->state == VMCSIM_CHANNEL_INITIAL && !vmc->has_device))
		status = -EBUSY;
	if (!status) {
		open = os->alloc(sizeof *open);
		if (open) {
			open->file = file;
			file->private_data = open;
		} else {
			status = -EIO;
		}
	}
	leave(vmc);
	return status;
}

/* A call on a file begins and ends. */
static void begin(struct open_file *open)
{
	open->users++;
}

static int64_t end(struct vmc *vmc, struct open_file *open, int64_t result)
{
	open->users--;
	came_back(vmc);
	leave(vmc);
	return result;
}

static bool is_closing(const struct vmc *vmc, int slot, const struct open_file *open)
{
	const struct slot *place = &vmc->slots[slot];

	return place->session && place->file == open && place->state == VMCSIM_SESSION_CLOSING;
}

/* The hypervisor never heard of the session: index, number and buffer are free again. */
static int32_t undo_open(struct vmc *vmc, struct open_file *open, int slot, uint32_t id, int32_t error)
{
	own(vmc, slot, id, OURS);
	if (FORGETS(FAILED_SESSION) && vmc->slots[slot].state == VMCSIM_SESSION_STARTING)
		return error;
	withdraw_session(vmc, slot);
	if (open->binding != CLOSED)
		open->binding = UNBOUND;
	return error;
}

static int32_t open_session(struct vmc *vmc, struct open_file *open)
{
	int slot = 0;
	struct slot *place;
	struct buffer buffer;
	uint32_t id, epoch;
	int64_t code;
	int32_t status;

	if (open->binding != UNBOUND || vmc->state != VMCSIM_CHANNEL_READY)
		return -EIO;
	while (slot < (int)vmc->hmcs && !is_free(vmc, &vmc->slots[slot]))
		slot++;
	if (slot == (int)vmc->hmcs)
		return -EBUSY;
	place = &vmc->slots[slot];
	id = (uint32_t)(free_buffer(vmc, place) - place->pool);
	own(vmc, slot, id, IN_CALL);
	buffer = place->pool[id];
	place->session = place->last_session = place->last_session >= 255 ? 1 : place->last_session + 1;
	place->file = open;
	open->binding = BOUND;
	open->slot = slot;
	open->cancelled = false;
	set_session(vmc, slot, VMCSIM_SESSION_STARTING);
	show(vmc, slot);
	epoch = place->epoch;
	status = copy(vmc, os->copy_from_user, buffer.ioba, HMC_ID_BYTES);
	code = VMCSIM_H_HARDWARE;
	if (epoch == place->epoch && !open->cancelled && status == 0)
		code = to_hypervisor(vmc, &buffer, FORGETS(HMC_ID_LENGTH) ? vmc->mtu : HMC_ID_BYTES);
	if (epoch != place->epoch) {
		unmap(vmc, buffer.ioba);
		return -EIO;
	}
	if (open->cancelled)
		return undo_open(vmc, open, slot, id, -EIO);
	if (status != 0)
		return undo_open(vmc, open, slot, id, -EFAULT);
	if (code != VMCSIM_H_SUCCESS)
		return undo_open(vmc, open, slot, id, -EIO);
	own(vmc, slot, id, OPENING);
	set_session(vmc, slot, VMCSIM_SESSION_OPENING);
	if (!may_send_request(vmc)) {
		vmc->pending[vmc->pending_count++] = (uint8_t)slot;
		return 0;
	}
	place->open = UNANSWERED;
	vmc->outstanding++;
	code = send(vmc, encode(INTERFACE_OPEN, 0, slot, place->session, id, 0).of);
	if (epoch != place->epoch) {
		/* close() follows it with an Interface Close, but only if the hypervisor heard of it. */
		if (code != VMCSIM_H_SUCCESS && is_closing(vmc, slot, open))
			undo_open(vmc, open, slot, id, -EIO);
		return -EIO;
	}
	if (code == VMCSIM_H_SUCCESS)
		return 0;
	return undo_open(vmc, open, slot, id, code == VMCSIM_H_DROPPED ? -EBUSY : -EIO);
}

static int32_t request_vmc(struct vmc *vmc, uint32_t *drc_index)
{
	uint64_t args[9] = { 0 }, rets[9] = { 0 };
	int64_t code = hcall(vmc, VMCSIM_H_REQUEST_VMC, args, rets);

	while (busy_ns(code)) {
		rest(vmc, busy_ns(code));
		code = hcall(vmc, VMCSIM_H_REQUEST_VMC, args, rets);
	}
	switch (code) {
	case VMCSIM_H_SUCCESS:
		*drc_index = (uint32_t)rets[0];
		return 0;
	case VMCSIM_H_FUNCTION:
	case VMCSIM_H_AUTHORITY:
	case VMCSIM_H_NOT_AVAILABLE:
		return -EPERM;
	case VMCSIM_H_RESOURCE:
		return -ENODEV;
	case VMCSIM_H_PARAMETER:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int32_t ioctl(void *driver, struct vmcsim_file *file, uint32_t command, struct vmcsim_ioctl *result)
{
	struct vmc *vmc = driver;
	int32_t status = -EINVAL;

	enter(vmc);
	begin(file->private_data);
	switch (command) {
	case VMCSIM_IOCTL_SETHMCID:
		status = open_session(vmc, file->private_data);
		break;
	case VMCSIM_IOCTL_QUERY:
		result->have_vmc = vmc->state != VMCSIM_CHANNEL_INITIAL;
		result->state = vmc->state == VMCSIM_CHANNEL_SEEDING ? VMCSIM_CHANNEL_CAPABILITIES : vmc->state;
		result->drc_index = vmc->has_device ? vmc->node.drc_index : 0;
		status = 0;
		break;
	case VMCSIM_IOCTL_REQUESTVMC:
		status = request_vmc(vmc, &result->drc_index);
		break;
	}
	return (int32_t)end(vmc, file->private_data, status);
}

static int64_t write_message(struct vmc *vmc, struct open_file *open, uint64_t length)
{
	int slot = open->slot;
	struct slot *place = &vmc->slots[slot];
	struct buffer buffer;
	uint32_t id, epoch;
	int64_t code = VMCSIM_H_HARDWARE;
	int32_t status;
	bool ready;

	if (open->binding != BOUND || place->state == VMCSIM_SESSION_CLOSING)
		return -EIO;
	ready = place->state == VMCSIM_SESSION_READY;
	if (vmc->state != VMCSIM_CHANNEL_READY || length > vmc->mtu)
		return -EIO;
	if (length == 0)
		return 0;
	if (!ready || !free_buffer(vmc, place))
		return -EBUSY;
	id = (uint32_t)(free_buffer(vmc, place) - place->pool);
	own(vmc, slot, id, IN_CALL);
	buffer = place->pool[id];
	epoch = place->epoch;
	status = copy(vmc, os->copy_from_user, buffer.ioba, (uint32_t)length);
	if (epoch == place->epoch && status == 0)
		code = to_hypervisor(vmc, &buffer, (uint32_t)length);
	if (epoch != place->epoch) {
		unmap(vmc, buffer.ioba);
		return -EIO;
	}
	if (status == 0 && code != VMCSIM_H_SUCCESS && FORGETS(RDMA_RESULT))
		return (int64_t)length;
	if (status != 0 && FORGETS(BUFFER_OF_BAD_WRITE))
		return -EFAULT;
	if (status != 0 || code != VMCSIM_H_SUCCESS) {
		own(vmc, slot, id, OURS);
		return status ? -EFAULT : -EIO;
	}
	/* Before the send: the answer may come in this very buffer before the send returns. */
	own(vmc, slot, id, THEIRS);
	code = send(vmc, encode(SIGNAL, 0, slot, place->session, id, (uint32_t)length).of);
	if (epoch != place->epoch)
		return -EIO;
	if (code == VMCSIM_H_SUCCESS)
		return (int64_t)length;
	if (place->pool[id].owner == THEIRS)
		own(vmc, slot, id, OURS);
	return code == VMCSIM_H_DROPPED ? -EBUSY : -EIO;
}

static int64_t write_file(void *driver, struct vmcsim_file *file, uint64_t length)
{
	enter(driver);
	begin(file->private_data);
	return end(driver, file->private_data, write_message(driver, file->private_data, length));
}

static int64_t take_message(struct vmc *vmc, struct open_file *open, uint64_t room)
{
	int slot = open->slot;
	struct slot *place = &vmc->slots[slot];
	struct message message = place->inbox[place->first];
	uint32_t epoch = place->epoch, length = message.length;
	uint64_t ioba = place->pool[message.buffer].ioba;
	int32_t status;

	place->first = (place->first + 1) % MAX_INBOX;
	place->unread--;
	show(vmc, slot);
	if (message.failed || place->pool[message.buffer].owner != QUEUED)
		return -EIO;
	if (length > room)
		length = (uint32_t)room;	/* the rest of the message is gone */
	own(vmc, slot, message.buffer, IN_CALL);
	status = copy(vmc, os->copy_to_user, ioba, length);
	if (epoch != place->epoch) {
		unmap(vmc, ioba);
	} else if (status == 0) {
		own(vmc, slot, message.buffer, OURS);
	} else {
		own(vmc, slot, message.buffer, QUEUED);	/* bad memory of the caller loses nothing */
		deliver(vmc, slot, message, true);
	}
	return status ? -EFAULT : (int64_t)length;
}

static int64_t read_message(struct vmc *vmc, struct open_file *open, uint64_t room)
{
	if (open->binding == UNBOUND)
		return -EIO;
	if (open->binding == BOUND && room == 0)
		return 0;
	while (open->binding == BOUND) {
		if (vmc->slots[open->slot].unread)
			return take_message(vmc, open, room);
		if (open->file->flags & VMCSIM_NONBLOCK)
			return -EAGAIN;
		if (os->wait(open, vmc) == -EINTR)
			return -EINTR;
	}
	return -EBADFD_;
}

static int64_t read_file(void *driver, struct vmcsim_file *file, uint64_t room)
{
	enter(driver);
	begin(file->private_data);
	return end(driver, file->private_data, read_message(driver, file->private_data, room));
}

static int64_t events_of(const struct vmc *vmc, const struct open_file *open)
{
	if (open->binding == BOUND)
		return vmc->slots[open->slot].unread ? VMCSIM_POLLIN : 0;
	if (open->binding == UNBOUND || (open->binding == LOST && FORGETS(POLL_OF_LOST_SESSION)))
		return 0;
	return VMCSIM_POLLIN | VMCSIM_POLLERR | VMCSIM_POLLHUP;
}

static int64_t poll_file(void *driver, struct vmcsim_file *file, uint32_t waits)
{
	struct vmc *vmc = driver;
	struct open_file *open = file->private_data;
	int32_t status = 0;

	enter(vmc);
	begin(open);
	while (waits && !events_of(vmc, open) && status == 0)
		status = os->wait(open, vmc);
	return end(vmc, open, events_of(vmc, open) ? events_of(vmc, open) : status);
}

/* From now on calls on the session are told, and the index is on its way to be free. */
static void begin_session_close(struct vmc *vmc, struct open_file *open, int slot)
{
	struct slot *place = &vmc->slots[slot];
	bool waits = false;

	for (uint32_t i = 0; i < vmc->pending_count; i++)
		waits |= vmc->pending[i] == slot;
	if (place->state == VMCSIM_SESSION_STARTING) {
		open->cancelled = true;
	} else if (waits) {
		/* Its Open was never sent: the index is as it was before. */
		withdraw_session(vmc, slot);
		reclaim(vmc, slot, OPENING);
	} else {
		lose_calls(vmc, slot);
		reclaim(vmc, slot, QUEUED);
		place->first = place->unread = 0;
		set_session(vmc, slot, VMCSIM_SESSION_CLOSING);
	}
}

/* Whether the bottom half has still to send the slot's Interface Open, which Interface Close must not overtake. */
static bool has_open_in_hand(const struct vmc *vmc, int slot)
{
	const uint8_t *m = vmc->sending;

	if (vmc->slots[slot].open != UNANSWERED)
		return false;
	for (uint32_t i = 0; i <= vmc->outgoing_count; i++) {
		if (m && m[0] == HEADER_MESSAGE && m[1] == INTERFACE_OPEN && m[5] == slot)
			return true;
		m = vmc->outgoing[(vmc->outgoing_first + i) % MAX_OUTGOING].bytes;
	}
	return false;
}

static void send_close(struct vmc *vmc, struct open_file *open, int slot)
{
	struct slot *place = &vmc->slots[slot];
	struct bytes close = close_of(vmc, slot);

	if (!may_send_request(vmc) || has_open_in_hand(vmc, slot)) {
		vmc->pending[vmc->pending_count++] = (uint8_t)slot;
		return;
	}
	place->close = UNANSWERED;
	vmc->outstanding++;
	switch (send(vmc, close.of)) {
	case VMCSIM_H_SUCCESS:
		return;
	case VMCSIM_H_DROPPED:
		if (!is_closing(vmc, slot, open))
			return;
		if (place->open == REFUSED) {
			end_session(vmc, slot);
			return;
		}
		post(vmc, close.of, true);	/* the bottom half tries again; close() does not wait for it */
		os->schedule(VMCSIM_BOTTOM_HALF);
		return;
	case VMCSIM_H_CLOSED:
		if (!is_closing(vmc, slot, open))
			return;
		end_session(vmc, slot);
		drain_pool(vmc, slot);
		os->schedule(VMCSIM_BOTTOM_HALF);
		return;
	default:
		if (is_closing(vmc, slot, open))
			reset_later(vmc);
	}
}

/* Frees a buffer of a session that is closed; false if only the one that carries the HMC ID is left. */
static bool free_any_buffer(struct vmc *vmc, int slot)
{
	struct slot *place = &vmc->slots[slot];

	for (uint32_t id = 0; id < MAX_BUFFERS; id++) {
		if (place->pool[id].owner == NOBODY || place->pool[id].owner == OPENING)
			continue;
		own(vmc, slot, id, NOBODY);
		unmap(vmc, place->pool[id].ioba);
		return true;
	}
	return false;
}

static int32_t release(void *driver, struct vmcsim_file *file)
{
	struct vmc *vmc = driver;
	struct open_file *open = file->private_data;
	int slot;

	enter(vmc);
	slot = open->binding == BOUND ? open->slot : NO_SLOT;
	open->binding = CLOSED;
	os->wake(open);
	if (slot != NO_SLOT)
		begin_session_close(vmc, open, slot);
	do {
		while (open->users || (slot != NO_SLOT && vmc->bottom_half_slot == slot))
			wait_until_others_come_back(vmc);
	} while (slot != NO_SLOT && is_closing(vmc, slot, open) && free_any_buffer(vmc, slot));
	if (slot != NO_SLOT && is_closing(vmc, slot, open)) {
		send_close(vmc, open, slot);
		if (vmc->slots[slot].file == open)
			vmc->slots[slot].file = NULL;
	}
	os->free(open);
	came_back(vmc);
	leave(vmc);
	return 0;
}

/* ---- The library. ---- */

static int32_t load(const struct vmcsim_parameters *parameters, void **driver)
{
	struct vmc *vmc = os->alloc(sizeof *vmc);

	if (!vmc)
		return -ENOMEM;
	vmc->offers = *parameters;
	vmc->slots = os->alloc(sizeof *vmc->slots * parameters->hmcs);
	/* Every buffer, and a few of which the next owner is already there. */
	vmc->garbage = os->alloc(sizeof *vmc->garbage * (MAX_BUFFERS * parameters->hmcs + MAX_BUFFERS));
	if (!vmc->slots || !vmc->garbage)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < parameters->hmcs; slot++)
		vmc->slots[slot].last_session = parameters->first_session - 1;
	vmc->bottom_half_slot = NO_SLOT;
	*driver = vmc;
	return 0;
}

static const struct vmcsim_driver table = {
	.size = sizeof table,
	.abi_version = VMCSIM_ABI_VERSION,
	.name = "reference driver",
	.profile = VMCSIM_DOCUMENT,
	.load = load,
	.probe = probe,
	.remove = remove_device,
	.interrupt = interrupt,
	.bottom_half = bottom_half,
	.reset = reset,
	.open = open_device,
	.release = release,
	.ioctl = ioctl,
	.read = read_file,
	.write = write_file,
	.poll = poll_file,
};

const struct vmcsim_driver *vmcsim_driver_entry(const struct vmcsim_services *services);

const struct vmcsim_driver *vmcsim_driver_entry(const struct vmcsim_services *services)
{
	if (services->abi_version < VMCSIM_ABI_VERSION)
		return NULL;
	os = services;
	return &table;
}
