/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The reference driver of the Virtual Management Channel: the management partition's side as the driver document
 * and LoPAR have it, on the services of vmcsim.h.
 *
 * There is no lock, because nothing else runs between two services (vmcsim.h, struct vmcsim_driver). While a call
 * is in a service its session may end. Then the buffer that the call has in hand is in no pool, and it unmaps it.
 *
 * The bottom half alone takes entries from the queue, and sends all but what an application waits for, Interface
 * Open and Signal. So what it sends goes out in the order of the questions. CARELESS makes a driver that leaves
 * something out; see careless.h.
 */
#include "vmcsim.h"
#include "careless.h"
#include "messages.h"

#include <errno.h>
#include <stdbool.h>

#define PAGE 4096u
#define ENTRIES_PER_PAGE 256u
#define HMC_ID_BYTES 32u
#define MAX_BUFFERS 64u		/* of an index: vmcsim_parameters */
#define MAX_OUTGOING 8u		/* what answers one entry, and a request */
#define MAX_SLOTS 256u
#define MAX_TRIES 8u		/* to send an entry, 1, 2, 4 ... 64 ms apart */
#define MAX_RESETS 8u		/* in a row */
#define BUSY_NS 10000ull
#define MS_NS 1000000ull

/*
 * Who may use a buffer. ADDED: we, once the hypervisor was told. IN_USE: a call has it in hand. OPENING: it carries
 * the HMC ID. QUEUED: a message in it waits for read().
 */
enum owner { NOBODY, ADDED, OURS, IN_USE, OPENING, THEIRS, QUEUED };

struct buffer {
	enum owner owner;
	uint32_t lioba;
	uint64_t ioba;
	uint32_t length;	/* of the message in it; 0: its RDMA failed, which the reader is told */
};

/* Where Interface Open and Interface Close stand. IN_LINE: the hypervisor's queue has no room for a request. */
enum standing { NOT_ASKED, IN_LINE, ASKED, GRANTED, REFUSED };

/* One HMC index. */
struct slot {
	struct vmc *vmc;
	uint8_t index, last_session, session;	/* session: 0 for none */
	uint32_t state;
	struct open_file *file;			/* of the session; none once close() has returned */
	enum standing open, close;
	bool is_in_line;
	struct buffer *inbox[MAX_BUFFERS];
	uint32_t first, unread;
	struct buffer pool[MAX_BUFFERS];
};

/* Whether a file has a session. LOST: it had one. */
enum binding { UNBOUND, BOUND, LOST, CLOSED };

struct open_file {
	struct vmcsim_file *file;
	enum binding binding;
	struct slot *slot;
	uint32_t calls;		/* which have to come back before it is released */
};

struct vmc {
	struct vmcsim_parameters offers;
	struct vmcsim_node node;
	int32_t state;
	bool has_device, has_queue, registered, interrupts_on;
	uint64_t queue;
	uint32_t next;						/* element of the queue */
	uint32_t resets;
	uint32_t hmcs, pool_size, mtu, max_outstanding;		/* agreed on; zeros before */
	struct slot *slots;
	uint32_t outstanding;					/* requests without a response */
	struct slot *line[MAX_SLOTS];				/* whose requests wait, or did */
	uint32_t line_first, line_count;
	struct message outgoing[MAX_OUTGOING];
	uint32_t outgoing_first, outgoing_count;
	uint32_t tries;						/* of the first one, which found no room */
	uint64_t *garbage;					/* to be unmapped */
	uint32_t garbage_count;
	uint32_t inits_outstanding, inits_stale;		/* INITs without an answer, of this life and of earlier ones */
	uint32_t capabilities_stale;
	bool capabilities_outstanding, responded, suspended;
	bool bottom_half, look_again;
	const struct slot *in_hand;				/* whose message the bottom half handles */
	uint32_t touching;					/* hcalls under way */
	bool quiesce;						/* nothing is sent before they have come back */
};

#define for_each_slot(slot, vmc) \
	for (struct slot *slot = (vmc)->slots; slot < (vmc)->slots + (vmc)->offers.hmcs; slot++)
#define for_each_buffer(buffer, slot) \
	for (struct buffer *buffer = (slot)->pool; buffer < (slot)->pool + MAX_BUFFERS; buffer++)

static const struct vmcsim_services *os;

/* ---- Hypervisor calls. ---- */

static int64_t hcall(struct vmc *vmc, uint64_t opcode, const uint64_t args[9], uint64_t rets[9])
{
	int64_t code;

	vmc->touching++;
	code = os->hcall(opcode, args, rets);
	vmc->touching--;
	os->wake(vmc);
	return code;
}

#define HCALL(vmc, opcode, ...) hcall(vmc, opcode, (const uint64_t[9]){ __VA_ARGS__ }, NULL)

/* Whether a call has to be made again. Sleeps as long as the hypervisor wants. */
static bool was_busy(int64_t code)
{
	uint64_t ns = code == VMCSIM_H_BUSY ? BUSY_NS : MS_NS;

	if (code != VMCSIM_H_BUSY && (code < VMCSIM_H_LONG_BUSY_1_MSEC || code > VMCSIM_H_LONG_BUSY_100_SEC))
		return false;
	for (; code > VMCSIM_H_LONG_BUSY_1_MSEC; code--)
		ns *= 10;
	os->sleep(ns);
	return true;
}

static int64_t send(struct vmc *vmc, struct message m)
{
	int64_t code = HCALL(vmc, VMCSIM_H_SEND_CRQ, vmc->node.unit_address, first_half(m), second_half(m));

	return FORGETS(SEND_RESULTS) ? VMCSIM_H_SUCCESS : code;
}

/* ---- Buffers. ---- */

static struct buffer *first(struct slot *slot, enum owner owner)
{
	for_each_buffer(buffer, slot)
		if (buffer->owner == owner)
			return buffer;
	return NULL;
}

/* Whether a session can be opened: there is none, and a seed buffer. */
static bool is_free(struct slot *slot)
{
	return !slot->session && first(slot, OURS);
}

static void show(struct slot *slot)
{
	os->report_index(slot->index, slot->session ? slot->unread : 0, is_free(slot));
}

static void own(struct slot *slot, struct buffer *buffer, enum owner owner)
{
	buffer->owner = owner;
	show(slot);
}

static void own_all(struct slot *slot, enum owner from, enum owner to)
{
	for_each_buffer(buffer, slot)
		if (buffer->owner == from)
			own(slot, buffer, to);
}

/* Gives a buffer up, which is unmapped later. */
static void discard(struct slot *slot, struct buffer *buffer)
{
	slot->vmc->garbage[slot->vmc->garbage_count++] = buffer->ioba;
	own(slot, buffer, NOBODY);
}

static void discard_all(struct slot *slot, const struct buffer *except)
{
	for_each_buffer(buffer, slot)
		if (buffer->owner != NOBODY && buffer != except)
			discard(slot, buffer);
}

static void unmap_garbage(struct vmc *vmc)
{
	os->unmap(vmc->garbage[--vmc->garbage_count]);
}

/* ---- The channel and its sessions. ---- */

static void set_state(struct vmc *vmc, int32_t state)
{
	vmc->state = state;
	os->report_channel(state);
}

static void reset_later(struct vmc *vmc)
{
	if (vmc->state == VMCSIM_CHANNEL_RESET_SCHEDULED || vmc->state == VMCSIM_CHANNEL_INITIAL)
		return;
	set_state(vmc, VMCSIM_CHANNEL_RESET_SCHEDULED);
	os->schedule(VMCSIM_RESET);
}

static void set_session(struct slot *slot, uint32_t state)
{
	slot->state = state;
	os->report_session(slot->index, slot->session, slot->file ? slot->file->file : NULL, state);
	if (FORGETS(READERS_AT_RESET) && slot->vmc->state == VMCSIM_CHANNEL_RESET_SCHEDULED)
		return;
	if (slot->file)
		os->wake(slot->file);
}

/* Whether the session of a call goes on: it has not ended, and what the call has in hand is still in the pool. */
static bool goes_on(const struct open_file *open)
{
	return open->slot->file == open && open->slot->state != VMCSIM_SESSION_CLOSING;
}

static bool is_closing(const struct slot *slot, const struct open_file *open)
{
	return slot && slot->file == open && slot->state == VMCSIM_SESSION_CLOSING;
}

/* The session is over; its buffers stay, but for those in hand. Every end wakes its readers. */
static void end_session(struct slot *slot)
{
	uint32_t unanswered = (uint32_t)(slot->open == ASKED) + (uint32_t)(slot->close == ASKED);

	own_all(slot, IN_USE, NOBODY);
	if (!slot->session)
		return;
	if (slot->file && slot->file->binding == BOUND)
		slot->file->binding = LOST;
	set_session(slot, VMCSIM_SESSION_ENDED);
	slot->session = 0;
	slot->file = NULL;
	slot->open = slot->close = NOT_ASKED;
	slot->unread = 0;
	slot->vmc->outstanding -= unanswered;
	if (unanswered)
		os->schedule(VMCSIM_BOTTOM_HALF);	/* there may be room for a request that waits */
	show(slot);
}

/* The hypervisor was not told of the session: its number and its seed buffer are free again. */
static void withdraw_session(struct slot *slot)
{
	slot->last_session = (uint8_t)(slot->session - 1);
	end_session(slot);
	own_all(slot, OPENING, OURS);
}

/* The hypervisor's side starts over, or ours does. */
static void end_all_sessions(struct vmc *vmc)
{
	for_each_slot(slot, vmc) {
		end_session(slot);
		discard_all(slot, NULL);
	}
	vmc->outgoing_count = vmc->tries = 0;
	vmc->hmcs = vmc->pool_size = vmc->mtu = vmc->max_outstanding = 0;
	os->report_limits(0, 0);
	vmc->quiesce = true;
}

/* ---- Messages of ours. ---- */

/* The bottom half sends it, after what was posted before. */
static void post(struct vmc *vmc, struct message m)
{
	vmc->outgoing[(vmc->outgoing_first + vmc->outgoing_count++) % MAX_OUTGOING] = m;
}

static void post_init(struct vmc *vmc, uint8_t format)
{
	post(vmc, (struct message){ .header = HEADER_INIT, .type = format });
}

static struct message message(const struct slot *slot, uint8_t type, const struct buffer *buffer, uint32_t length)
{
	return (struct message){
		.header = HEADER_MESSAGE, .type = type, .session = slot->session, .index = slot->index,
		.buffer = buffer ? (uint16_t)(buffer - slot->pool) : 0, .word = length,
	};
}

static void answer(struct vmc *vmc, const struct message *request, uint8_t status, uint16_t buffer)
{
	post(vmc, (struct message){
		.header = HEADER_MESSAGE, .type = request->type | RESPONSE, .status = status,
		.session = request->session, .index = request->index, .buffer = buffer,
	});
}

static void capabilities_become_stale(struct vmc *vmc)
{
	vmc->capabilities_stale += vmc->capabilities_outstanding;
	vmc->capabilities_outstanding = false;
}

static void post_capabilities(struct vmc *vmc)
{
	const struct vmcsim_parameters *offers = &vmc->offers;
	uint32_t entries = offers->crq_pages * ENTRIES_PER_PAGE;

	capabilities_become_stale(vmc);
	post(vmc, (struct message){
		.header = HEADER_MESSAGE, .type = CAPABILITIES, .index = (uint8_t)offers->hmcs,
		.buffer = (uint16_t)offers->pool_size, .mtu = offers->mtu,
		.word = entries << 16 | offers->version_major << 8 | offers->version_minor,
	});
	set_state(vmc, VMCSIM_CHANNEL_CAPABILITIES);
}

/* ---- Messages of the hypervisor. ---- */

/* INIT: the partner starts, or starts over. It is answered in every state. */
static void partner_started(struct vmc *vmc)
{
	if (FORGETS(UNAWAITED_INIT) && vmc->state != VMCSIM_CHANNEL_CRQ_INIT)
		return;
	end_all_sessions(vmc);
	post_init(vmc, INIT_COMPLETE);
	post_capabilities(vmc);
}

/* INIT COMPLETE. One that answers an INIT of an earlier life counts only if nothing came before it. */
static void partner_answered(struct vmc *vmc)
{
	bool is_stale = !vmc->inits_outstanding;

	if (is_stale && !vmc->inits_stale)
		return;
	*(is_stale ? &vmc->inits_stale : &vmc->inits_outstanding) -= 1;
	if (is_stale && vmc->state != VMCSIM_CHANNEL_CRQ_INIT)
		return;
	end_all_sessions(vmc);
	post_capabilities(vmc);
}

static void transport_event(struct vmc *vmc, uint8_t event)
{
	bool gone = event == PARTNER_FAILED || event == PARTNER_DEREGISTERED || event == PARTNER_TERMINATED;

	if (!gone && event != PARTNER_SUSPENDED)
		return;
	if (gone) {
		vmc->inits_stale += vmc->inits_outstanding;
		vmc->inits_outstanding = 0;
	} else {
		vmc->suspended = !FORGETS(ENABLE_CRQ);
	}
	end_all_sessions(vmc);
	capabilities_become_stale(vmc);
	set_state(vmc, VMCSIM_CHANNEL_CRQ_INIT);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void capabilities_response(struct vmc *vmc, struct slot *slot, const struct message *m)
{
	const struct vmcsim_parameters *offers = &vmc->offers;
	uint32_t hmcs = least(m->index, offers->hmcs), pool_size = least(m->buffer, offers->pool_size);
	uint32_t mtu = least(m->mtu, offers->mtu), crq_size = m->word >> 16, major = m->word >> 8 & 0xFF;
	bool is_workable = hmcs && pool_size && mtu >= HMC_ID_BYTES && crq_size >= 2;

	(void)slot;
	if (vmc->state == VMCSIM_CHANNEL_CAPABILITIES && vmc->capabilities_outstanding) {
		vmc->capabilities_outstanding = false;
	} else if (vmc->capabilities_stale && vmc->state >= VMCSIM_CHANNEL_READY) {
		/* What was taken for the answer to the latest Capabilities answered earlier ones. */
		vmc->capabilities_stale--;
		end_all_sessions(vmc);
		if (vmc->responded) {
			post_capabilities(vmc);
			return;
		}
	} else {
		return;
	}
	vmc->responded = false;
	if ((m->status != OK && !FORGETS(CAPABILITIES_STATUS)) || major != offers->version_major || !is_workable) {
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

static bool names(const struct slot *slot, uint8_t session)
{
	return slot->session && (slot->session == session || (FORGETS(SESSION_NUMBERS) && session == 0));
}

static void open_response(struct vmc *vmc, struct slot *slot, const struct message *m)
{
	struct buffer *seed;

	if (!slot) {
		reset_later(vmc);
		return;
	}
	if (!names(slot, m->session) || slot->open != ASKED)
		return;
	slot->open = m->status == OK ? GRANTED : REFUSED;
	vmc->outstanding--;
	vmc->capabilities_stale = 0;
	seed = first(slot, OPENING);
	if (seed)
		own(slot, seed, OURS);
	if (m->status == OK) {
		if (slot->state != VMCSIM_SESSION_CLOSING)
			set_session(slot, VMCSIM_SESSION_READY);
		else if (!slot->file)
			discard_all(slot, NULL);
		return;
	}
	/*
	 * Refused: the buffer with the HMC ID is available again (LoPAR, Interface Open Response), what was added for the
	 * session is not. A Close that is under way is still answered; another one need not be sent.
	 */
	if (slot->close != ASKED)
		end_session(slot);
	discard_all(slot, FORGETS(SEED_OF_REFUSED_OPEN) ? NULL : seed);
}

static void close_response(struct vmc *vmc, struct slot *slot, const struct message *m)
{
	bool closes = slot && names(slot, m->session) && slot->close == ASKED;

	/* There is nothing to close where the Open was refused. */
	if (!slot || (m->status != OK && !(closes && slot->open == REFUSED))) {
		reset_later(vmc);
	} else if (closes) {
		end_session(slot);
		if (m->status == OK)
			discard_all(slot, NULL);
	}
}

/* Whether buffers may come and go under this session number. */
static bool accepts_buffers(const struct slot *slot, uint8_t session)
{
	if (slot->state == VMCSIM_SESSION_CLOSING)
		return false;
	if (slot->session && (slot->state == VMCSIM_SESSION_READY || slot->open == ASKED))
		return names(slot, session);
	return session == 0;
}

static uint8_t map_buffer(struct slot *slot, struct buffer *buffer, const struct message *m)
{
	uint64_t ioba;
	bool is_mapped;

	own(slot, buffer, IN_USE);
	is_mapped = os->map(slot->vmc->mtu, &ioba) == VMCSIM_OK;
	if (buffer->owner != IN_USE) {
		if (is_mapped)
			os->unmap(ioba);
		return CONNECTION_CLOSED;
	}
	if (is_mapped) {
		buffer->ioba = ioba;
		buffer->lioba = m->word;
	}
	own(slot, buffer, !is_mapped ? NOBODY : m->owner ? THEIRS : ADDED);
	return is_mapped ? OK : GENERAL_FAILURE;
}

static void add_buffer(struct vmc *vmc, struct slot *slot, const struct message *m)
{
	uint8_t status;

	if (!slot) {
		status = INVALID_INDEX;
	} else if (!accepts_buffers(slot, m->session)) {
		status = CONNECTION_CLOSED;
	} else if (m->owner > 1 || (m->owner == 1 && m->session == 0)) {
		status = GENERAL_FAILURE;
	} else if (m->buffer >= vmc->pool_size || slot->pool[m->buffer].owner != NOBODY) {
		status = INVALID_BUFFER;
	} else {
		status = map_buffer(slot, &slot->pool[m->buffer], m);
	}
	answer(vmc, m, status, m->buffer);
}

/* Gives up the free buffer with the highest id, but never the last one with which an application can write. */
static void remove_buffer(struct vmc *vmc, struct slot *slot, const struct message *m)
{
	struct buffer *found = NULL;
	uint32_t inbound = 0;

	if (!slot || !accepts_buffers(slot, m->session)) {
		answer(vmc, m, slot ? GENERAL_FAILURE : INVALID_INDEX, 0);
		return;
	}
	for_each_buffer(buffer, slot) {
		inbound += buffer->owner != NOBODY && buffer->owner != THEIRS;
		if (buffer->owner == OURS)
			found = buffer;
	}
	if (!found || (inbound == 1 && !FORGETS(LAST_BUFFER))) {
		answer(vmc, m, NO_BUFFER, 0);
		return;
	}
	discard(slot, found);
	answer(vmc, m, OK, (uint16_t)(found - slot->pool));
}

/* The buffer holds the next message for read(), or the next but for those that came before. */
static void deliver(struct slot *slot, struct buffer *buffer, bool next)
{
	if (next)
		slot->first += MAX_BUFFERS - 1;
	slot->inbox[(slot->first + (next ? 0 : slot->unread)) % MAX_BUFFERS] = buffer;
	slot->unread++;
	own(slot, buffer, QUEUED);
	if (slot->file)
		os->wake(slot->file);
}

/* A message lies in a buffer of the hypervisor, which is ours from now on. */
static void signalled(struct vmc *vmc, struct slot *slot, const struct message *m)
{
	struct buffer *buffer;
	uint64_t ioba;
	int64_t code;

	if (!slot || !names(slot, m->session) || slot->state != VMCSIM_SESSION_READY || m->buffer >= vmc->pool_size)
		return;
	buffer = &slot->pool[m->buffer];
	if (buffer->owner != THEIRS)
		return;
	if (m->word == 0 || (m->word > vmc->mtu && !FORGETS(LONG_SIGNAL))) {
		own(slot, buffer, OURS);
		return;
	}
	own(slot, buffer, IN_USE);
	ioba = buffer->ioba;
	code = HCALL(vmc, VMCSIM_H_COPY_RDMA, m->word, vmc->node.remote_liobn, buffer->lioba,
		     vmc->node.local_liobn, ioba);
	if (buffer->owner != IN_USE) {
		os->unmap(ioba);
	} else if (code == VMCSIM_H_SUCCESS || !FORGETS(BUFFER_OF_FAILED_RDMA)) {
		buffer->length = code == VMCSIM_H_SUCCESS ? m->word : 0;
		deliver(slot, buffer, false);
	}
}

typedef void handler(struct vmc *vmc, struct slot *slot, const struct message *m);

static handler *const handlers[256] = {
	[CAPABILITIES | RESPONSE] = capabilities_response,
	[INTERFACE_OPEN | RESPONSE] = open_response,
	[INTERFACE_CLOSE | RESPONSE] = close_response,
	[ADD_BUFFER] = add_buffer,
	[REMOVE_BUFFER] = remove_buffer,
	[SIGNAL] = signalled,
};

/* HMC interface messages count after the capabilities exchange only. An index that was not agreed on has no slot. */
static void handle(struct vmc *vmc, const struct message *m)
{
	struct slot *slot = m->index < vmc->hmcs ? &vmc->slots[m->index] : NULL;

	if (m->header == HEADER_INIT && m->type == INIT)
		partner_started(vmc);
	else if (m->header == HEADER_INIT && m->type == INIT_COMPLETE)
		partner_answered(vmc);
	else if (m->header == HEADER_EVENT)
		transport_event(vmc, m->type);
	if (m->header != HEADER_MESSAGE || !handlers[m->type])
		return;
	if (!vmc->hmcs && m->type != (CAPABILITIES | RESPONSE))
		return;
	vmc->in_hand = slot;
	handlers[m->type](vmc, slot, m);
	vmc->in_hand = NULL;
	os->wake(vmc);
}

/* ---- The bottom half. ---- */

static void stand_in_line(struct slot *slot, enum standing *request)
{
	struct vmc *vmc = slot->vmc;

	*request = IN_LINE;
	if (!slot->is_in_line)
		vmc->line[(vmc->line_first + vmc->line_count++) % MAX_SLOTS] = slot;
	slot->is_in_line = true;
	os->schedule(VMCSIM_BOTTOM_HALF);
}

/* Takes the first slot in the line. Its session may have ended. */
static void post_request(struct vmc *vmc)
{
	struct slot *slot = vmc->line[vmc->line_first++ % MAX_SLOTS];
	bool opens = slot->open == IN_LINE;

	vmc->line_count--;
	slot->is_in_line = false;
	if (!opens && slot->close != IN_LINE)
		return;
	*(opens ? &slot->open : &slot->close) = ASKED;
	vmc->outstanding++;
	if (opens)
		post(vmc, message(slot, INTERFACE_OPEN, first(slot, OPENING), 0));
	else
		post(vmc, message(slot, INTERFACE_CLOSE, NULL, 0));
}

/* The channel is ready when every index has its seed buffer. */
static void note_initialized(struct vmc *vmc)
{
	if (vmc->state != VMCSIM_CHANNEL_SEEDING)
		return;
	for (uint32_t i = 0; i < vmc->hmcs; i++)
		if (!is_free(&vmc->slots[i]))
			return;
	vmc->resets = 0;
	set_state(vmc, VMCSIM_CHANNEL_READY);
}

/* A reset or the removal waits for the bottom half, or is about to. */
static bool is_stopping(const struct vmc *vmc)
{
	return vmc->state == VMCSIM_CHANNEL_RESET_SCHEDULED || vmc->state == VMCSIM_CHANNEL_INITIAL;
}

static void was_sent(struct vmc *vmc, const struct message *m)
{
	if (m->header == HEADER_INIT) {
		vmc->inits_outstanding += m->type == INIT;
		return;
	}
	vmc->capabilities_outstanding |= m->type == CAPABILITIES;
	vmc->responded |= m->type & RESPONSE;
	if (m->type == (ADD_BUFFER | RESPONSE) && m->index < vmc->hmcs)
		own_all(&vmc->slots[m->index], ADDED, OURS);
}

/* What finds no room stays the first, and is sent again after a while. */
static void send_next(struct vmc *vmc)
{
	struct message m = vmc->outgoing[vmc->outgoing_first % MAX_OUTGOING];
	int64_t code = send(vmc, m);

	if (is_stopping(vmc))
		return;
	if (code == VMCSIM_H_DROPPED && ++vmc->tries < MAX_TRIES) {
		os->sleep(MS_NS << (vmc->tries - 1));
		return;
	}
	vmc->tries = 0;
	vmc->outgoing_first++;
	vmc->outgoing_count--;
	if (code == VMCSIM_H_SUCCESS)
		was_sent(vmc, &m);
	else if (code == VMCSIM_H_CLOSED)
		vmc->outgoing_count = 0;	/* the partner is gone: a transport event or its INIT follows */
	else
		reset_later(vmc);
}

/* The partner was suspended (LoPAR, H_ENABLE_CRQ): the handshake begins anew. */
static void enable_queue(struct vmc *vmc)
{
	int64_t code = HCALL(vmc, VMCSIM_H_ENABLE_CRQ, vmc->node.unit_address);

	if (was_busy(code))
		return;
	vmc->suspended = false;
	if (code == VMCSIM_H_SUCCESS)
		post_init(vmc, INIT);
	else
		reset_later(vmc);
}

/* Takes the next entry and handles it; false if there is none. */
static bool take_entry(struct vmc *vmc)
{
	uint8_t bytes[16];
	struct message m;

	if (os->take_entry(vmc->queue, vmc->next, bytes) != 1)
		return false;
	m = decode(bytes);
	vmc->next = (vmc->next + 1) % (vmc->offers.crq_pages * ENTRIES_PER_PAGE);
	if (!is_stopping(vmc))
		handle(vmc, &m);
	return true;
}

/* The queue is empty. It is looked at once more after the interrupt was enabled, and when there was reason to. */
static bool looks_again(struct vmc *vmc)
{
	if (vmc->look_again) {
		vmc->look_again = false;
		return true;
	}
	if (vmc->interrupts_on)
		return false;
	vmc->interrupts_on = true;
	if (HCALL(vmc, VMCSIM_H_VIO_SIGNAL, vmc->node.unit_address, 1) != VMCSIM_H_SUCCESS)
		reset_later(vmc);
	return true;
}

/* INIT need not be sent again if the partner's own INIT is in the queue. */
static bool may_be_spared(const struct vmc *vmc)
{
	const struct message *m = &vmc->outgoing[vmc->outgoing_first % MAX_OUTGOING];

	return vmc->tries && m->header == HEADER_INIT && m->type == INIT;
}

/* One piece of work; whether there may be more. The next entry is taken when what is due was sent. */
static bool work(struct vmc *vmc)
{
	if (vmc->quiesce && vmc->touching) {
		os->wait(vmc, NULL);
		return true;
	}
	vmc->quiesce = false;
	if (vmc->line_count && vmc->outstanding < vmc->max_outstanding)
		post_request(vmc);
	if (vmc->garbage_count) {
		unmap_garbage(vmc);
	} else if (vmc->suspended) {
		enable_queue(vmc);
	} else if (vmc->outgoing_count && !may_be_spared(vmc)) {
		send_next(vmc);
	} else {
		note_initialized(vmc);
		if (take_entry(vmc) || is_stopping(vmc))
			return true;
		if (!vmc->outgoing_count)
			return looks_again(vmc);
		send_next(vmc);
	}
	return true;
}

static void bottom_half(void *driver)
{
	struct vmc *vmc = driver;

	if (vmc->bottom_half || !vmc->registered) {
		vmc->look_again = true;
		return;
	}
	vmc->bottom_half = true;
	vmc->look_again = false;
	while (!is_stopping(vmc) && work(vmc))
		;
	vmc->bottom_half = false;
	os->wake(vmc);
}

/* Masks the interrupt and has the bottom half run. A bottom half may have enabled it meanwhile: it counts as off. */
static void interrupt(void *driver)
{
	struct vmc *vmc = driver;

	if (!vmc->registered)
		return;
	HCALL(vmc, VMCSIM_H_VIO_SIGNAL, vmc->node.unit_address, 0);
	vmc->interrupts_on = false;
	os->schedule(VMCSIM_BOTTOM_HALF);
}

/* ---- The task: probe, reset, remove. ---- */

static int32_t fails(struct vmc *vmc, int32_t error)
{
	set_state(vmc, VMCSIM_CHANNEL_FAILED);
	return error;
}

/* Registers the queue. H_Closed: there is no partner yet, and its INIT is awaited. -EAGAIN: free the queue first. */
static int32_t bring_up(struct vmc *vmc)
{
	int64_t code;

	vmc->next = 0;
	vmc->outgoing_count = 0;
	code = HCALL(vmc, VMCSIM_H_REG_CRQ, vmc->node.unit_address, vmc->queue, (uint64_t)vmc->offers.crq_pages * PAGE);
	if (code != VMCSIM_H_SUCCESS && code != VMCSIM_H_CLOSED)
		return code == VMCSIM_H_RESOURCE ? -EAGAIN : fails(vmc, -EIO);
	vmc->registered = vmc->interrupts_on = true;
	set_state(vmc, VMCSIM_CHANNEL_CRQ_INIT);
	if (HCALL(vmc, VMCSIM_H_VIO_SIGNAL, vmc->node.unit_address, 1) != VMCSIM_H_SUCCESS)
		return -EAGAIN;
	if (code == VMCSIM_H_SUCCESS)
		post_init(vmc, INIT);
	/* What came before the interrupt was enabled gave none. The next reset could not start while this task ran. */
	os->schedule(vmc->state == VMCSIM_CHANNEL_RESET_SCHEDULED ? VMCSIM_RESET : VMCSIM_BOTTOM_HALF);
	return 0;
}

/* Ends the sessions and the bottom half, and frees the queue when nothing is under way any more. */
static int64_t take_down(struct vmc *vmc)
{
	int64_t code;

	set_state(vmc, VMCSIM_CHANNEL_RESET_SCHEDULED);
	end_all_sessions(vmc);
	while (vmc->bottom_half || vmc->touching || vmc->garbage_count) {
		if (vmc->bottom_half || vmc->touching)
			os->wait(vmc, NULL);
		else
			unmap_garbage(vmc);
	}
	vmc->suspended = vmc->capabilities_outstanding = vmc->look_again = false;
	vmc->inits_outstanding = vmc->inits_stale = vmc->capabilities_stale = 0;
	vmc->interrupts_on = vmc->registered = false;
	do
		code = HCALL(vmc, VMCSIM_H_FREE_CRQ, vmc->node.unit_address);
	while (was_busy(code));
	return code;
}

/* Frees the queue and registers it again, until that goes well. */
static int32_t start_over(struct vmc *vmc)
{
	int32_t status = -EAGAIN;

	while (status == -EAGAIN) {
		int64_t code = take_down(vmc);

		if (++vmc->resets >= MAX_RESETS)
			return fails(vmc, -EIO);
		if (code != VMCSIM_H_SUCCESS)
			continue;
		os->clear(vmc->queue);
		status = bring_up(vmc);
	}
	return status;
}

static int32_t probe(void *driver, const struct vmcsim_node *node)
{
	struct vmc *vmc = driver;
	int32_t status;

	if (vmc->has_device)
		return -EBUSY;
	vmc->node = *node;
	vmc->has_device = true;
	vmc->resets = 0;
	if (os->map(vmc->offers.crq_pages * PAGE, &vmc->queue) != VMCSIM_OK)
		return fails(vmc, -ENOMEM);
	vmc->has_queue = true;
	status = bring_up(vmc);
	return status == -EAGAIN ? start_over(vmc) : status;
}

static void reset(void *driver)
{
	struct vmc *vmc = driver;

	if (vmc->state == VMCSIM_CHANNEL_RESET_SCHEDULED && vmc->has_device)
		start_over(vmc);
}

/* The device goes even if its queue cannot be freed: unmapping it keeps the hypervisor out. */
static int32_t remove_device(void *driver)
{
	struct vmc *vmc = driver;

	if (!vmc->has_device)
		return -ENODEV;
	if (FORGETS(BUFFERS_AT_REMOVAL))
		for_each_slot(slot, vmc)
			for_each_buffer(buffer, slot)
				buffer->owner = NOBODY;
	take_down(vmc);
	if (vmc->has_queue)
		os->unmap(vmc->queue);
	vmc->has_queue = vmc->has_device = false;
	set_state(vmc, VMCSIM_CHANNEL_INITIAL);
	return 0;
}

/* ---- The device file. ---- */

static int32_t open_device(void *driver, struct vmcsim_file *file)
{
	struct vmc *vmc = driver;
	struct open_file *open;

	if (vmc->state == VMCSIM_CHANNEL_FAILED)
		return -EIO;
	if (vmc->state != VMCSIM_CHANNEL_READY && vmc->has_device)
		return -EBUSY;
	open = os->alloc(sizeof *open);
	if (!open)
		return -EIO;
	open->file = file;
	file->private_data = open;
	return 0;
}

/* A call on a file begins, and ends. */
static struct open_file *begin(struct vmcsim_file *file)
{
	struct open_file *open = file->private_data;

	open->calls++;
	return open;
}

static int64_t end(struct vmc *vmc, struct open_file *open, int64_t result)
{
	open->calls--;
	os->wake(vmc);
	return result;
}

/* Fills a buffer from the caller's memory, and the hypervisor's from that; after an error the buffer is free again. */
static int32_t fill(struct open_file *open, struct buffer *buffer, uint32_t length)
{
	struct slot *slot = open->slot;
	struct vmc *vmc = slot->vmc;
	uint64_t ioba = buffer->ioba;
	uint32_t moved = FORGETS(HMC_ID_LENGTH) ? vmc->mtu : length;
	int32_t status;

	own(slot, buffer, IN_USE);
	status = os->copy_from_user(ioba, length) ? -EFAULT : 0;
	if (!status && open->binding == BOUND &&
	    HCALL(vmc, VMCSIM_H_COPY_RDMA, moved, vmc->node.local_liobn, ioba, vmc->node.remote_liobn,
		  buffer->lioba) != VMCSIM_H_SUCCESS && !FORGETS(RDMA_RESULT))
		status = -EIO;
	if (!goes_on(open)) {
		os->unmap(ioba);
		return -EIO;
	}
	if (open->binding != BOUND)
		status = -EIO;		/* closed before the hypervisor knew of the session */
	if (status && !(FORGETS(BUFFER_OF_BAD_WRITE) && status == -EFAULT))
		own(slot, buffer, OURS);
	return status;
}

/* The hypervisor does not know of the session: index, number and buffer are free again, unless that has been done. */
static int32_t undo_open(struct open_file *open, int32_t status)
{
	struct slot *slot = open->slot;

	if (slot->file != open || (FORGETS(FAILED_SESSION) && slot->state == VMCSIM_SESSION_STARTING))
		return status;
	withdraw_session(slot);
	if (open->binding != CLOSED)
		open->binding = UNBOUND;
	return status;
}

static int32_t open_session(struct vmc *vmc, struct open_file *open)
{
	struct slot *slot = vmc->slots;
	struct buffer *buffer;
	int64_t code;
	int32_t status;

	if (open->binding != UNBOUND || vmc->state != VMCSIM_CHANNEL_READY)
		return -EIO;
	while (slot < vmc->slots + vmc->hmcs && !is_free(slot))
		slot++;
	if (slot == vmc->slots + vmc->hmcs)
		return -EBUSY;
	buffer = first(slot, OURS);
	slot->session = slot->last_session = (uint8_t)(slot->last_session % 255 + 1);
	slot->file = open;
	open->slot = slot;
	open->binding = BOUND;
	set_session(slot, VMCSIM_SESSION_STARTING);
	status = fill(open, buffer, HMC_ID_BYTES);
	if (status)
		return undo_open(open, status);
	own(slot, buffer, OPENING);
	set_session(slot, VMCSIM_SESSION_OPENING);
	if (vmc->outstanding >= vmc->max_outstanding || vmc->line_count) {
		stand_in_line(slot, &slot->open);
		return 0;
	}
	slot->open = ASKED;
	vmc->outstanding++;
	code = send(vmc, message(slot, INTERFACE_OPEN, buffer, 0));
	status = !goes_on(open) ? -EIO : code == VMCSIM_H_SUCCESS ? 0 : code == VMCSIM_H_DROPPED ? -EBUSY : -EIO;
	return code == VMCSIM_H_SUCCESS ? status : undo_open(open, status);
}

static int32_t request_vmc(struct vmc *vmc, uint32_t *drc_index)
{
	const uint64_t none[9] = { 0 };
	uint64_t rets[9];
	int64_t code;

	do
		code = hcall(vmc, VMCSIM_H_REQUEST_VMC, none, rets);
	while (was_busy(code));
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
	struct open_file *open = begin(file);
	int32_t status = 0;

	switch (command) {
	case VMCSIM_IOCTL_SETHMCID:
		status = open_session(vmc, open);
		break;
	case VMCSIM_IOCTL_QUERY:
		result->have_vmc = vmc->state != VMCSIM_CHANNEL_INITIAL;
		result->state = vmc->state == VMCSIM_CHANNEL_SEEDING ? VMCSIM_CHANNEL_CAPABILITIES : vmc->state;
		result->drc_index = vmc->has_device ? vmc->node.drc_index : 0;
		break;
	case VMCSIM_IOCTL_REQUESTVMC:
		status = request_vmc(vmc, &result->drc_index);
		break;
	default:
		status = -EINVAL;
	}
	return (int32_t)end(vmc, open, status);
}

static int64_t write_message(struct vmc *vmc, struct open_file *open, uint64_t length)
{
	struct slot *slot = open->slot;
	struct buffer *buffer;
	int64_t code;
	int32_t status;

	if (open->binding != BOUND || vmc->state != VMCSIM_CHANNEL_READY || length > vmc->mtu)
		return -EIO;
	if (length == 0)
		return 0;
	buffer = first(slot, OURS);
	if (slot->state != VMCSIM_SESSION_READY || !buffer)
		return -EBUSY;
	status = fill(open, buffer, (uint32_t)length);
	if (status)
		return status;
	/* Before the send: the answer may come in this very buffer before the send returns. */
	own(slot, buffer, THEIRS);
	code = send(vmc, message(slot, SIGNAL, buffer, (uint32_t)length));
	if (!goes_on(open))
		return -EIO;
	if (code == VMCSIM_H_SUCCESS)
		return (int64_t)length;
	if (buffer->owner == THEIRS)
		own(slot, buffer, OURS);
	return code == VMCSIM_H_DROPPED ? -EBUSY : -EIO;
}

static int64_t write_file(void *driver, struct vmcsim_file *file, uint64_t length)
{
	struct open_file *open = begin(file);

	return end(driver, open, write_message(driver, open, length));
}

/* The caller's memory bounds the copy; the rest of a longer message is gone. */
static int64_t take_message(struct open_file *open, uint64_t room)
{
	struct slot *slot = open->slot;
	struct buffer *buffer = slot->inbox[slot->first++ % MAX_BUFFERS];
	uint64_t ioba = buffer->ioba;
	uint32_t length = room < buffer->length ? (uint32_t)room : buffer->length;
	int32_t status;

	slot->unread--;
	if (!buffer->length) {
		own(slot, buffer, OURS);
		return -EIO;
	}
	own(slot, buffer, IN_USE);
	status = os->copy_to_user(ioba, length);
	if (!goes_on(open))
		os->unmap(ioba);
	else if (status)
		deliver(slot, buffer, true);	/* bad memory of the caller loses nothing */
	else
		own(slot, buffer, OURS);
	return status ? -EFAULT : (int64_t)length;
}

static int64_t read_message(struct open_file *open, uint64_t room)
{
	if (open->binding == UNBOUND)
		return -EIO;
	if (open->binding == BOUND && room == 0)
		return 0;
	while (open->binding == BOUND) {
		if (open->slot->unread)
			return take_message(open, room);
		if (open->file->flags & VMCSIM_NONBLOCK)
			return -EAGAIN;
		if (os->wait(open, NULL) == -EINTR)
			return -EINTR;
	}
	return -EBADFD;
}

static int64_t read_file(void *driver, struct vmcsim_file *file, uint64_t room)
{
	struct open_file *open = begin(file);

	return end(driver, open, read_message(open, room));
}

static int64_t events_of(const struct open_file *open)
{
	if (open->binding == BOUND)
		return open->slot->unread ? VMCSIM_POLLIN : 0;
	if (open->binding == UNBOUND || (open->binding == LOST && FORGETS(POLL_OF_LOST_SESSION)))
		return 0;
	return VMCSIM_POLLIN | VMCSIM_POLLERR | VMCSIM_POLLHUP;
}

static int64_t poll_file(void *driver, struct vmcsim_file *file, uint32_t waits)
{
	struct open_file *open = begin(file);
	int64_t status = 0;

	while (waits && !events_of(open) && status == 0)
		status = os->wait(open, NULL);
	return end(driver, open, events_of(open) ? events_of(open) : status);
}

/* From now on calls on the session are told, and the index is on its way to be free. */
static void begin_session_close(struct slot *slot)
{
	if (slot->open == IN_LINE) {
		withdraw_session(slot);
	} else if (slot->state != VMCSIM_SESSION_STARTING) {
		own_all(slot, IN_USE, NOBODY);
		own_all(slot, QUEUED, OURS);
		slot->unread = 0;
		set_session(slot, VMCSIM_SESSION_CLOSING);
	}
}

/* Frees a buffer of a closing session; false if only the one that carries the HMC ID is left. */
static bool free_any_buffer(struct slot *slot)
{
	for_each_buffer(buffer, slot) {
		if (buffer->owner == NOBODY || buffer->owner == OPENING)
			continue;
		own(slot, buffer, NOBODY);
		os->unmap(buffer->ioba);
		return true;
	}
	return false;
}

/* close(): the storage goes before Interface Close is sent (driver document, VMC Interface Close). */
static int32_t release(void *driver, struct vmcsim_file *file)
{
	struct vmc *vmc = driver;
	struct open_file *open = file->private_data;
	struct slot *slot = open->binding == BOUND ? open->slot : NULL;

	open->binding = CLOSED;
	os->wake(open);
	if (slot)
		begin_session_close(slot);
	do {
		while (open->calls || (slot && vmc->in_hand == slot))
			os->wait(vmc, NULL);
	} while (is_closing(slot, open) && free_any_buffer(slot));
	if (is_closing(slot, open)) {
		stand_in_line(slot, &slot->close);
		slot->file = NULL;
	}
	os->free(open);
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
	vmc->garbage = os->alloc(sizeof *vmc->garbage * MAX_BUFFERS * (parameters->hmcs + 1));
	if (!vmc->slots || !vmc->garbage)
		return -ENOMEM;
	for (uint32_t i = 0; i < parameters->hmcs; i++) {
		vmc->slots[i].vmc = vmc;
		vmc->slots[i].index = (uint8_t)i;
		vmc->slots[i].last_session = (uint8_t)(parameters->first_session - 1);
	}
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
	os = services;
	return services->abi_version < VMCSIM_ABI_VERSION ? NULL : &table;
}
