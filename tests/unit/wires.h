/* Namespaces, wires and raw frames for the tests of net. A test program calls wires_isolate()
 * first: from then on it has no link of the machine's in reach. */
#ifndef PYROUTE_TEST_WIRES_H
#define PYROUTE_TEST_WIRES_H

#include "file.h"
#include "net.h"
#include "net_message.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants these before it */
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

#define MTU	   1500
#define FRAME_SIZE 65550 /* of the largest frame that a link hands over */

static struct error why; /* of the last call that failed */

/* Asserts that a call of net.h succeeded, showing its error where it did not. */
#define works(call)                                                                                \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s", why.text);                                                  \
	} while (0)

static inline int wires_isolate(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_error("these tests make network namespaces: run them as root\n");
		return -1;
	}
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return 0;
}

static inline int namespace_open(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline void namespace_enter(int fd)
{
	assert_int_equal(setns(fd, CLONE_NEWNET), 0);
}

/* A new network namespace, not entered. */
static inline int namespace_make(void)
{
	CLEANUP_FD int here = namespace_open();
	int made;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	made = namespace_open();
	namespace_enter(here);
	return made;
}

/* Adds a route through GATEWAY by the link NAME: to PREFIX, or the default route. */
static inline int route_add(struct nl_sock *net, const char *name, const struct net_address *prefix,
			    const struct net_address *gateway, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(net, name);
	unsigned index;

	if (net_link_need(net, name, &index, error) < 0)
		return -error->code;
	net_message_route(&batch, index, prefix, gateway);
	return net_batch_send(&batch, error);
}

static inline struct nl_sock *net_in(int fd)
{
	CLEANUP_FD int here = namespace_open();
	struct nl_sock *socket = NULL;

	namespace_enter(fd);
	works(net_socket_open(&socket, &why));
	namespace_enter(here);
	return socket;
}

static inline int socket_in(int fd, int family, int type, int protocol)
{
	CLEANUP_FD int here = namespace_open();
	int opened;

	namespace_enter(fd);
	opened = socket(family, type | SOCK_CLOEXEC, protocol);
	assert_true(opened >= 0);
	namespace_enter(here);
	return opened;
}

/* A packet socket on the link NAME of the namespace FD, for one protocol or ETH_P_ALL. */
static inline int packet_socket(int fd, const char *name, uint16_t protocol)
{
	CLEANUP_NET struct nl_sock *net = net_in(fd);
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
	int opened = socket_in(fd, AF_PACKET, SOCK_RAW, 0);
	socklen_t size = sizeof(int);
	unsigned index;
	int down;

	works(net_link_index(net, name, &index, &why));
	assert_int_not_equal(index, 0);
	address.sll_ifindex = (int)index;
	assert_int_equal(bind(opened, (struct sockaddr *)&address, sizeof(address)), 0);
	/* Takes the ENETDOWN that a link still down leaves on the socket. */
	assert_int_equal(getsockopt(opened, SOL_SOCKET, SO_ERROR, &down, &size), 0);
	return opened;
}

/* Receives one frame that came in; what the socket's own side sends does not count. Returns its
 * size, or 0 after LIMIT milliseconds without one. */
static inline size_t receive(int fd, uint8_t frame[FRAME_SIZE], int limit)
{
	struct sockaddr_ll from = {0};
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	socklen_t size;
	ssize_t got;

	while (poll(&ready, 1, limit) > 0) {
		size = sizeof(from);
		got = recvfrom(fd, frame, FRAME_SIZE, MSG_DONTWAIT, (struct sockaddr *)&from,
			       &size);
		if (got > 0 && from.sll_pkttype != PACKET_OUTGOING)
			return (size_t)got;
	}
	return 0;
}

static inline uint16_t frame_type(const uint8_t *frame)
{
	return (uint16_t)(frame[12] << 8 | frame[13]);
}

static inline struct net_address address_of(const char *text, uint8_t length)
{
	struct net_address address = {.family = strchr(text, ':') ? AF_INET6 : AF_INET,
				      .length = length};

	assert_int_equal(inet_pton(address.family, text, address.bytes), 1);
	return address;
}

static inline void add_address(struct nl_sock *net, const char *name, const char *text,
			       uint8_t length)
{
	struct net_address address = address_of(text, length);

	works(net_address_add(net, name, &address, &why));
}

/* The same in the network namespace FD, which IPv6 takes. */
static inline void add_address_in(int fd, const char *name, const char *text, uint8_t length)
{
	CLEANUP_FD int here = namespace_open();
	CLEANUP_NET struct nl_sock *net = net_in(fd);

	namespace_enter(fd);
	add_address(net, name, text, length);
	namespace_enter(here);
}

/* Writes a setting of the network namespace FD. */
static inline void set(int fd, const char *path, const char *value)
{
	CLEANUP_FD int here = namespace_open();

	namespace_enter(fd);
	works(file_write(AT_FDCWD, path, value, &why));
	namespace_enter(here);
}

#endif
