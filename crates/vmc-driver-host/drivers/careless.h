/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a careless driver leaves out. Compiled with -DCARELESS=LAST_BUFFER and so on, the reference driver leaves out that;
 * the number is that of the hazard, and 131 is H31 as well.
 */
#ifndef CARELESS_H
#define CARELESS_H

enum careless {
	NOTHING = 0,
	ENABLE_CRQ = 3,
	UNAWAITED_INIT = 4,
	SEND_RESULTS = 5,
	CAPABILITIES_STATUS = 8,
	FAILED_SESSION = 12,
	SESSION_NUMBERS = 15,
	READERS_AT_RESET = 17,
	BUFFER_OF_FAILED_RDMA = 21,
	LAST_BUFFER = 24,
	HMC_ID_LENGTH = 27,
	POLL_OF_LOST_SESSION = 30,
	BUFFER_OF_BAD_WRITE = 31,
	RDMA_RESULT = 131,
	LONG_SIGNAL = 32,
	SEED_OF_REFUSED_OPEN = 37,
	BUFFERS_AT_REMOVAL = 38
};

#ifndef CARELESS
#define CARELESS NOTHING
#endif

#define FORGETS(what) (CARELESS == (what))

#endif
