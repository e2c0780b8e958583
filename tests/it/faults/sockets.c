/* Sockets: which calls can fail, and how. */
#include "inject.h"
#include <sys/socket.h>

int socket(int domain, int type, int protocol)
{
	return FAILS("socket", EMFILE, ENOBUFS, ENOMEM) ? -1 : REAL(socket)(domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int ends[2])
{
	return FAILS("socketpair", EMFILE, ENOMEM) ? -1 : REAL(socketpair)(domain, type, protocol, ends);
}

/* In AF_UNIX it makes a file. */
int bind(int fd, const struct sockaddr *address, socklen_t len)
{
	int fails = address->sa_family == AF_UNIX ? FAILS("bind a name", ENOSPC, EROFS, ENOMEM)
						  : FAILS("bind", ENOMEM, ENOBUFS);
	return fails ? -1 : REAL(bind)(fd, address, len);
}

int listen(int fd, int backlog)
{
	return FAILS("listen", ENOMEM, ENOBUFS) ? -1 : REAL(listen)(fd, backlog);
}

/* Errors of the network that wait with the connection are given here: accept(2). */
int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	return FAILS("accept4", EMFILE, ENOBUFS, ENOMEM, EAGAIN, EINTR, ENETDOWN)
		? -1 : REAL(accept4)(fd, address, len, flags);
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	return FAILS("connect", EAGAIN, ENOMEM, EINTR) ? -1 : REAL(connect)(fd, address, len);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return FAILS("setsockopt", ENOMEM, ENOBUFS) ? -1 : REAL(setsockopt)(fd, level, name, value, len);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return FAILS("getsockopt", ENOBUFS) ? -1 : REAL(getsockopt)(fd, level, name, value, len);
}

int getsockname(int fd, struct sockaddr *address, socklen_t *len)
{
	return FAILS("getsockname", ENOBUFS) ? -1 : REAL(getsockname)(fd, address, len);
}

/* ENOBUFS: netlink has lost news. ENETDOWN: the device of a packet socket went down. */
ssize_t recv(int fd, void *buffer, size_t len, int flags)
{
	return FAILS("recv", ENOBUFS, EAGAIN, ENETDOWN, ENOMEM, EINTR) ? -1 : REAL(recv)(fd, buffer, len, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	return FAILS("recvmsg", EAGAIN, ENOMEM, EINTR, ENOBUFS) ? -1 : REAL(recvmsg)(fd, message, flags);
}

ssize_t send(int fd, const void *buffer, size_t len, int flags)
{
	return FAILS("send", ENOBUFS, EAGAIN, ENOMEM, EINTR) ? -1 : REAL(send)(fd, buffer, len, flags);
}

ssize_t sendto(int fd, const void *buffer, size_t len, int flags, const struct sockaddr *to, socklen_t size)
{
	return FAILS("sendto", ENETDOWN, EAGAIN, ENOBUFS, ENOMEM)
		? -1 : REAL(sendto)(fd, buffer, len, flags, to, size);
}

