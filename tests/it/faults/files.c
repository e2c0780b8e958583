/* Descriptors of every kind, files and their names: which calls can fail, and how. */
#include "inject.h"
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_file(int fd)
{
	struct stat data;

	return REAL(fstat64)(fd, (struct stat64 *)&data) == 0 && S_ISREG(data.st_mode);
}

static int waits(int fd)
{
	return !(REAL(fcntl)(fd, F_GETFL) & O_NONBLOCK);
}

/* Descriptors of every kind. EAGAIN is for those that do not wait, ENOSPC for files. */

int poll(struct pollfd *set, nfds_t count, int time)
{
	return FAILS("poll", EINTR, ENOMEM, EAGAIN) ? -1 : REAL(poll)(set, count, time);
}

ssize_t read(int fd, void *buffer, size_t len)
{
	int fails = waits(fd) || is_file(fd) ? FAILS("read", EINTR, ENOMEM)
					     : FAILS("read at once", EAGAIN, EINTR, ENOMEM);

	return fails ? -1 : REAL(read)(fd, buffer, len);
}

ssize_t write(int fd, const void *buffer, size_t len)
{
	int fails = is_file(fd) ? FAILS("write a file", ENOSPC, EINTR, ENOMEM)
		: waits(fd) ? FAILS("write", EINTR, ENOMEM) : FAILS("write at once", EAGAIN, EINTR, ENOMEM);

	return fails ? -1 : REAL(write)(fd, buffer, len);
}

/* The other commands, of those that are used, cannot fail. */
int fcntl(int fd, int command, ...)
{
	va_list more;
	va_start(more, command);
	long value = va_arg(more, long);
	va_end(more);
	if (command == F_DUPFD_CLOEXEC && FAILS("fcntl", EMFILE))
		return -1;
	return REAL(fcntl)(fd, command, value);
}

int dup2(int fd, int place)
{
	return FAILS("dup2", EINTR) ? -1 : REAL(dup2)(fd, place);
}

int pipe2(int ends[2], int flags)
{
	return FAILS("pipe2", EMFILE, ENOMEM) ? -1 : REAL(pipe2)(ends, flags);
}

int memfd_create(const char *name, unsigned flags)
{
	return FAILS("memfd_create", EMFILE, ENOMEM) ? -1 : REAL(memfd_create)(name, flags);
}

int inotify_init1(int flags)
{
	return FAILS("inotify_init1", EMFILE, ENOMEM) ? -1 : REAL(inotify_init1)(flags);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	return FAILS("inotify_add_watch", ENOSPC, ENOMEM) ? -1 : REAL(inotify_add_watch)(fd, path, mask);
}

/* Files and their names. */

int open64(const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = va_arg(more, mode_t);
	va_end(more);
	int fails = flags & (O_WRONLY | O_RDWR) ? FAILS("open to write", EROFS, EMFILE, ENOSPC, ENOMEM, EINTR)
						: FAILS("open", EMFILE, ENOMEM, ENODEV, EINTR);
	return fails ? -1 : REAL(open64)(path, flags, mode);
}

int rename(const char *old, const char *new)
{
	return FAILS("rename", ENOSPC, EROFS, ENOMEM) ? -1 : REAL(rename)(old, new);
}

int unlink(const char *path)
{
	return FAILS("unlink", EROFS, ENOMEM) ? -1 : REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode)
{
	return FAILS("mkdir", ENOSPC, EROFS, ENOMEM) ? -1 : REAL(mkdir)(path, mode);
}

int chdir(const char *path)
{
	return FAILS("chdir", ENOMEM) ? -1 : REAL(chdir)(path);
}

int chmod(const char *path, mode_t mode)
{
	return FAILS("chmod", EROFS, ENOMEM, ENOSPC) ? -1 : REAL(chmod)(path, mode);
}

int fchmod(int fd, mode_t mode)
{
	return FAILS("fchmod", EROFS, ENOMEM, ENOSPC) ? -1 : REAL(fchmod)(fd, mode);
}

int fchown(int fd, uid_t user, gid_t group)
{
	return FAILS("fchown", EROFS, ENOMEM, ENOSPC) ? -1 : REAL(fchown)(fd, user, group);
}

int fsync(int fd)
{
	return FAILS("fsync", ENOSPC, EROFS, EINTR) ? -1 : REAL(fsync)(fd);
}

int ftruncate64(int fd, off64_t len)
{
	return FAILS("ftruncate", ENOSPC, EINTR) ? -1 : REAL(ftruncate64)(fd, len);
}

/* Without waiting nothing interrupts it. */
int flock(int fd, int operation)
{
	int fails = operation & LOCK_NB ? FAILS("flock", ENOMEM) : FAILS("flock", EINTR, ENOMEM);

	return fails ? -1 : REAL(flock)(fd, operation);
}

int stat64(const char *path, struct stat64 *data)
{
	return FAILS("stat", ENOMEM) ? -1 : REAL(stat64)(path, data);
}

int lstat64(const char *path, struct stat64 *data)
{
	return FAILS("lstat", ENOMEM) ? -1 : REAL(lstat64)(path, data);
}

int fstat64(int fd, struct stat64 *data)
{
	return FAILS("fstat", ENOMEM) ? -1 : REAL(fstat64)(fd, data);
}

int statx(int fd, const char *path, int flags, unsigned mask, struct statx *data)
{
	return FAILS("statx", ENOMEM) ? -1 : REAL(statx)(fd, path, flags, mask, data);
}

ssize_t readlink(const char *path, char *buffer, size_t len)
{
	return FAILS("readlink", ENOMEM) ? -1 : REAL(readlink)(path, buffer, len);
}

char *getcwd(char *buffer, size_t len)
{
	return FAILS("getcwd", ENOMEM) ? NULL : REAL(getcwd)(buffer, len);
}

