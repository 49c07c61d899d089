/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Entries of the CRQ and messages of the VMC, as LoPAR lays them out: CRQ Message Formats, VMC CRQ Message Definitions.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stdint.h>

/* Headers of entries, and their second bytes: formats of an initialization, transport events, types of messages. */
enum { HEADER_MESSAGE = 0x80, HEADER_INIT = 0xC0, HEADER_EVENT = 0xFF };
enum { INIT = 1, INIT_COMPLETE = 2 };
enum { PARTNER_FAILED = 1, PARTNER_DEREGISTERED = 2, PARTNER_TERMINATED = 4, PARTNER_SUSPENDED = 6 };
enum {
	CAPABILITIES = 0x01, INTERFACE_OPEN = 0x02, INTERFACE_CLOSE = 0x03, ADD_BUFFER = 0x04, REMOVE_BUFFER = 0x05,
	SIGNAL = 0x06, RESPONSE = 0x80
};
/* Statuses of Add Buffer Response. NO_BUFFER is Remove Buffer Response's. */
enum { OK = 0, GENERAL_FAILURE = 1, INVALID_INDEX = 2, INVALID_BUFFER = 3, NO_BUFFER = 3, CONNECTION_CLOSED = 4 };

/*
 * An entry. `index` is the number of HMC connections and `buffer` the pool size in Capabilities; `word` is CRQ size
 * and version there, the LIOBA in Add Buffer, the length in Signal.
 */
struct message {
	uint8_t header, type, status, owner, session, index;
	uint16_t buffer;
	uint32_t mtu, word;
};

/* The numbers that H_SEND_CRQ takes: each half of the 16 bytes, big-endian. */
static inline uint64_t first_half(struct message m)
{
	return (uint64_t)m.header << 56 | (uint64_t)m.type << 48 | (uint64_t)m.status << 40 |
	       (uint64_t)m.owner << 32 | (uint64_t)m.session << 24 | (uint64_t)m.index << 16 | m.buffer;
}

static inline uint64_t second_half(struct message m)
{
	return (uint64_t)m.mtu << 32 | m.word;
}

static inline struct message decode(const uint8_t b[16])
{
	return (struct message){
		.header = b[0], .type = b[1], .status = b[2], .owner = b[3], .session = b[4], .index = b[5],
		.buffer = (uint16_t)(b[6] << 8 | b[7]),
		.mtu = (uint32_t)b[8] << 24 | (uint32_t)b[9] << 16 | (uint32_t)b[10] << 8 | b[11],
		.word = (uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 | b[15],
	};
}

#endif
