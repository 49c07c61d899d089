/*
 * Makes the ioctl()s of a 32-bit program on a device: compat DEVICE. Prints a line with the errno of each.
 *
 * `int 0x80` is the entry of 32-bit programs, so that no compiler and no library for them is needed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define IOCTL_OF_I386 54

int main(int argc, char **argv)
{
	/* SETHMCID has another number there, because a pointer has 4 bytes. */
	static const unsigned int numbers[] = { 0x4004CC00, 0x4008CC00, 0x800CCC01, 0x8004CC02, 0x8004CC07 };
	int fd, tries = 0;
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	unsigned int n;

	/* It is busy until its channel is ready. */
	while ((fd = open(argc > 1 ? argv[1] : "/tmp/ibmvmc", O_RDWR)) < 0 && errno == EBUSY && tries++ < 10000)
		usleep(1000);
	if (fd < 0 || memory == MAP_FAILED)
		return 1;
	strcpy(memory, "compat");
	for (n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
		long result;

		__asm__ volatile("int $0x80"
				 : "=a"(result)
				 : "a"((long)IOCTL_OF_I386), "b"((long)fd), "c"((long)numbers[n]), "d"(memory)
				 : "memory", "r8", "r9", "r10", "r11");
		printf("%d\n", (int)-result);
	}
	return 0;
}
