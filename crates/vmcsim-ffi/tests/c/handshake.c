/* A driver step by step: the channel comes up, a session opens, a message goes and comes back, the session is closed. Its
 * trace is judged, printed, and told event by event. An argument has the driver make a mistake, which is to be found. */
#include "mini.h"

static void print_trace(vmcsim_machine machine)
{
	size_t len = 0;
	char *text;

	CHECK(vmcsim_trace_text(machine, NULL, 0, &len) == VMCSIM_OK);
	text = malloc(len);
	CHECK(text != NULL);
	CHECK(vmcsim_trace_text(machine, text, len - 1, &len) == VMCSIM_E_ROOM);
	CHECK(vmcsim_trace_text(machine, text, len, &len) == VMCSIM_OK);
	printf("%.*s", (int)len, text);
	free(text);
}

static uint32_t judge(vmcsim_machine machine, uint32_t flags)
{
	char text[4096];
	size_t len = 0;
	uint32_t count = 0;

	CHECK(vmcsim_check(machine, flags, &count, text, sizeof text, &len) == VMCSIM_OK);
	printf("%.*s", (int)len, text);
	return count;
}

/* The lines of all events, read with little room, are those of the file but for its first and its last line. */
static void compare_events(vmcsim_machine machine)
{
	size_t len = 0, sum = 0, first, last;
	char *file, lines[1024];
	uint64_t next = 0, events = 0;

	CHECK(vmcsim_trace_file(machine, VMCSIM_AT_REST, NULL, 0, &len) == VMCSIM_OK);
	file = malloc(len);
	CHECK(file != NULL);
	CHECK(vmcsim_trace_file(machine, VMCSIM_AT_REST, file, len, &len) == VMCSIM_OK);
	first = (size_t)((char *)memchr(file, '\n', len) - file) + 1;
	last = len - 1;
	while (file[last - 1] != '\n')
		last--;
	CHECK(vmcsim_trace_events(machine, &next, lines, 10, &len) == VMCSIM_E_ROOM && next == 0 && len > 10);
	do {
		CHECK(vmcsim_trace_events(machine, &next, lines, sizeof lines, &len) == VMCSIM_OK);
		CHECK(len == 0 || lines[len - 1] == '\n');
		CHECK(first + sum + len <= last && memcmp(file + first + sum, lines, len) == 0);
		sum += len;
		events += len > 0;
	} while (len > 0);
	CHECK(first + sum == last && events > 10);
	free(file);
}

int main(int argc, char **argv)
{
	struct vmcsim_config config = {.size = sizeof config, .abi_version = VMCSIM_ABI_VERSION, .flags = VMCSIM_TRACE};
	const char message[] = "a message to the hypervisor";
	struct vmcsim_service state = {.size = sizeof state};
	struct mini mini;
	vmcsim_machine machine = 0;
	const char *mistake = argc > 1 ? argv[1] : "";
	unsigned buffer = 1;

	CHECK(vmcsim_abi_version() == VMCSIM_ABI_VERSION);
	CHECK(vmcsim_create(&config, &machine) == VMCSIM_OK);
	mini_attach(&mini, machine);
	mini.names_wrong_index = strcmp(mistake, "wrong-index") == 0;

	CHECK(mini_register(&mini) == VMCSIM_H_CLOSED);
	CHECK(vmcsim_order(machine, VMCSIM_PLATFORM, VMCSIM_START) == VMCSIM_OK);
	mini_settle(&mini);
	CHECK(vmcsim_service_state(machine, &state) == VMCSIM_OK);
	CHECK(state.state == VMCSIM_READY && state.mtu == 4096 && state.hmcs == 1 && state.pool_size == 16);
	if (mini.names_wrong_index) {
		CHECK(judge(machine, 0) > 0);
		return 0;
	}
	CHECK(mini.is_ready && mini.owner[0] == 0);

	mini_open(&mini, 1);
	mini_settle(&mini);
	CHECK(mini.is_open);
	CHECK(vmcsim_service_state(machine, &state) == VMCSIM_OK && state.sessions == 1);
	while (mini.owner[buffer] != 0)
		buffer++;
	mini_write(&mini, 1, (uint8_t)buffer, message, sizeof message);
	mini_settle(&mini);
	CHECK(mini.signal_buffer == buffer && mini.signal_bytes == sizeof message);
	memset(mini.memory + PAGE, 0, sizeof message);
	mini_copy(&mini, 0, buffer, sizeof message);
	CHECK(memcmp(mini.memory + PAGE, message, sizeof message) == 0);
	if (strcmp(mistake, "leaves-an-answer") != 0) {
		mini_close(&mini, 1);
		mini_settle(&mini);
		CHECK(mini.is_closed);
	} else {
		mini_close(&mini, 1);
		mini_run(&mini);
	}
	if (*mistake != 0) {
		CHECK(judge(machine, 0) == 0);
		CHECK(judge(machine, VMCSIM_AT_REST) > 0);
	} else {
		CHECK(judge(machine, VMCSIM_AT_REST) == 0);
		print_trace(machine);
		compare_events(machine);
	}
	CHECK(vmcsim_destroy(machine) == VMCSIM_OK);
	CHECK(vmcsim_destroy(machine) == VMCSIM_E_HANDLE);
	return 0;
}
