/* What the operator orders step by step: requests are refused, a buffer is taken back and returned, the platform is paused,
 * time passes, entries are made up. Each time the driver sees what the order says, and nothing before the next step. */
#include "mini.h"

#define MS 1000000ull

static uint8_t entry[16];

/* As macros, so that a failure has its own line. */
#define EXPECT_ENTRY(mini, header, type)                                                       \
	do {                                                                                   \
		mini_run(mini);                                                                \
		CHECK(mini_take(mini, entry));                                                 \
		CHECK(entry[0] == (header) && entry[1] == (type));                             \
	} while (0)

#define EXPECT_SILENCE(mini)                                                                   \
	do {                                                                                   \
		mini_run(mini);                                                                \
		CHECK(!mini_take(mini, entry));                                                \
	} while (0)

static vmcsim_machine start(struct mini *mini, uint32_t behaviour)
{
	struct vmcsim_config config = {
		.size = sizeof config,
		.abi_version = VMCSIM_ABI_VERSION,
		.flags = VMCSIM_TRACE,
		.behaviour = behaviour,
		.behaviour_messages = 2,
		.behaviour_bytes = 100,
		.session_buffers = 4,
	};
	vmcsim_machine machine = 0;

	CHECK(vmcsim_create(&config, &machine) == VMCSIM_OK);
	mini_attach(mini, machine);
	CHECK(mini_register(mini) == VMCSIM_H_CLOSED);
	CHECK(vmcsim_order(machine, VMCSIM_PLATFORM, VMCSIM_START) == VMCSIM_OK);
	return machine;
}

static void refusals_and_buffers(void)
{
	struct mini mini;
	vmcsim_machine m = start(&mini, VMCSIM_ECHO);

	/* The first Capabilities is refused, and the second one answered. */
	CHECK(vmcsim_refuse_next(m, 0x01, 2) == VMCSIM_OK);
	EXPECT_ENTRY(&mini, 0xC0, 0x01);
	mini_greet(&mini);
	EXPECT_ENTRY(&mini, 0x80, 0x81);
	CHECK(entry[2] == 2);
	mini_greet(&mini);
	mini_settle(&mini);
	CHECK(mini.is_ready);
	mini_open(&mini, 1);
	mini_settle(&mini);
	CHECK(mini.is_open);

	/* A buffer goes back, and is offered again. */
	CHECK(vmcsim_buffer_order(m, VMCSIM_TAKE_BUFFER, 0) == VMCSIM_OK);
	EXPECT_ENTRY(&mini, 0x80, 0x05);
	CHECK(mini.owner[1] == 0);
	CHECK(mini_send(&mini, (const uint8_t[16]){0x80, 0x85, 0, 0, 1, 0, 0, 1}) == VMCSIM_H_SUCCESS);
	EXPECT_SILENCE(&mini);
	CHECK(vmcsim_buffer_order(m, VMCSIM_RETURN_BUFFER, 0) == VMCSIM_OK);
	EXPECT_ENTRY(&mini, 0x80, 0x04);
	CHECK(entry[7] == 1);
	mini_handle(&mini, entry);
	mini_settle(&mini);

	/* A platform that is paused leaves its queue alone; nothing is lost. */
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_PAUSE) == VMCSIM_OK);
	mini_close(&mini, 1);
	EXPECT_SILENCE(&mini);
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_RESUME) == VMCSIM_OK);
	mini_settle(&mini);
	CHECK(mini.is_closed);

	/* It is ended by its partner, which has an event of its own. */
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_TERMINATE) == VMCSIM_OK);
	CHECK(mini_take(&mini, entry) && entry[0] == 0xFF && entry[1] == 0x04);
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_TERMINATE) == VMCSIM_OK);
	CHECK(!mini_take(&mini, entry));
	EXPECT_SILENCE(&mini);
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_BOOT) == VMCSIM_OK);
	EXPECT_ENTRY(&mini, 0xC0, 0x01);

	/* One that is stopped says so, and stays silent when it boots. */
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_STOP) == VMCSIM_OK);
	CHECK(!mini_take(&mini, entry));
	EXPECT_ENTRY(&mini, 0xFF, 0x02);
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_CRASH) == VMCSIM_OK);
	CHECK(mini_take(&mini, entry) && entry[0] == 0xFF && entry[1] == 0x01);
	CHECK(vmcsim_order(m, VMCSIM_PLATFORM, VMCSIM_BOOT) == VMCSIM_OK);
	EXPECT_SILENCE(&mini);

	/* An entry that no partner has sent. */
	CHECK(vmcsim_inject(m, VMCSIM_MANAGEMENT, (const uint8_t[16]){0xFF, 0x09}) == VMCSIM_H_SUCCESS);
	EXPECT_ENTRY(&mini, 0xFF, 0x09);
	CHECK(vmcsim_inject(m, VMCSIM_PLATFORM, (const uint8_t[16]){0xFF, 0x09}) == VMCSIM_H_CLOSED);
	CHECK(vmcsim_destroy(m) == VMCSIM_OK);
}

/* A driver that leaves its queue full: the hypervisor's side tries again when time has passed. */
static void time_passes(void)
{
	struct vmcsim_progress progress = {.size = sizeof progress};
	struct mini mini;
	uint64_t now = 1;
	vmcsim_machine m = start(&mini, VMCSIM_SOURCE);

	CHECK(vmcsim_time(m, &now) == VMCSIM_OK && now == 0);
	for (int i = 0; i < 256; i++)
		CHECK(vmcsim_inject(m, VMCSIM_MANAGEMENT, (const uint8_t[16]){0xFF, 0x0A}) == VMCSIM_H_SUCCESS);
	CHECK(vmcsim_service_step(m, &progress) == VMCSIM_OK && progress.steps == 1 && !progress.is_idle);
	CHECK(vmcsim_service_run(m, UINT64_MAX, &progress) == VMCSIM_OK && progress.is_idle);
	CHECK(progress.wake_at_ns == MS);
	CHECK(vmcsim_service_run(m, UINT64_MAX, &progress) == VMCSIM_OK && progress.steps == 0);
	for (int i = 0; i < 256; i++)
		CHECK(mini_take(&mini, entry));
	EXPECT_SILENCE(&mini);
	CHECK(vmcsim_advance(m, MS - 1) == VMCSIM_OK);
	EXPECT_SILENCE(&mini);
	CHECK(vmcsim_advance(m, 1) == VMCSIM_OK);
	CHECK(vmcsim_time(m, &now) == VMCSIM_OK && now == MS);
	EXPECT_ENTRY(&mini, 0xC0, 0x01);
	mini_greet(&mini);
	mini_settle(&mini);
	mini_open(&mini, 1);
	mini_settle(&mini);
	/* The source has sent the messages that it was configured with. */
	CHECK(mini.is_open && mini.signal_bytes == 100);
	CHECK(vmcsim_destroy(m) == VMCSIM_OK);
}

int main(void)
{
	refusals_and_buffers();
	time_passes();
	return 0;
}
