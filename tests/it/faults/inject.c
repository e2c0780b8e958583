/*
 * Lets one system call of the daemon fail: the k-th of all that can. Loaded by LD_PRELOAD into it alone, for it cleans
 * the environment of its children.
 *
 * Each function stands with the errors that Linux has for it (its manual page, or the kernel's source), of those that a
 * machine gives which runs out of something: descriptors, memory, room on a disk, or whose network goes. What fails is
 * not done: a message stays in its queue, a connection stays to be accepted. Left out is what cannot fail so: close
 * (what it reports comes behind its work), lseek, F_GETFL and F_SETFL, FIONBIO, getrlimit, shutdown, signals, clocks;
 * waitpid with WNOHANG, which no signal interrupts; and memory itself, without which std ends the process.
 *
 * FAULTS names a file that the test has made: see struct control. It is mapped, so that it needs no descriptor and is
 * whole behind a SIGKILL.
 */
#include "inject.h"
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <spawn.h>
#include <unistd.h>

enum { CALLS_MAX = 8192, NAME_LEN = 24 };

#define KILL UINT32_MAX

struct control {
	uint32_t at;     /* the call that fails, counted from 1; 0: none */
	uint32_t which;  /* which of its errors, counted round; KILL: the process is killed there */
	uint32_t count;  /* calls so far */
	int32_t struck;  /* the error that was given, or -1 */
	struct {
		char name[NAME_LEN - 1];
		uint8_t errors;  /* how many it can give */
	} calls[CALLS_MAX];
};

static struct control *control;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULTS");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR) : -1;
	void *map = MAP_FAILED;

	if (fd >= 0) {
		map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	control = map == MAP_FAILED ? NULL : map;
}

int strikes(const char *name, const int *errors)
{
	uint32_t k, n = 0;

	if (!control || (k = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST)) > CALLS_MAX)
		return 0;
	while (errors[n])
		n++;
	strncpy(control->calls[k - 1].name, name, NAME_LEN - 2);
	control->calls[k - 1].errors = n;
	if (k != control->at)
		return 0;
	if (control->which == KILL) {
		control->struck = -1;
		kill(getpid(), SIGKILL);
	}
	errno = control->struck = errors[control->which % n];
	return 1;
}

/* Processes. */

pid_t fork(void)
{
	return FAILS("fork", EAGAIN, ENOMEM) ? -1 : REAL(fork)();
}

/* It returns the error. */
int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		const posix_spawnattr_t *attributes, char *const words[], char *const environment[])
{
	return FAILS("posix_spawn", EAGAIN, ENOMEM, EMFILE)
		? errno : REAL(posix_spawn)(pid, path, actions, attributes, words, environment);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	if (!(options & WNOHANG) && FAILS("waitpid", EINTR))
		return -1;
	return REAL(waitpid)(pid, status, options);
}

/* Both change the credentials of the process, of which the kernel makes a new set (prepare_creds). */
int prctl(int option, ...)
{
	va_list more;
	va_start(more, option);
	unsigned long value = va_arg(more, unsigned long);
	va_end(more);
	return FAILS("prctl", ENOMEM) ? -1 : REAL(prctl)(option, value, 0UL, 0UL, 0UL);
}

long syscall(long number, ...)
{
	va_list more;
	long a[6];
	va_start(more, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(more, long);
	va_end(more);
	if (number == SYS_capset && FAILS("capset", ENOMEM))
		return -1;
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

ssize_t getrandom(void *buffer, size_t len, unsigned flags)
{
	return FAILS("getrandom", EAGAIN, EINTR) ? -1 : REAL(getrandom)(buffer, len, flags);
}
