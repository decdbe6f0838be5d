#include "sides.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

/* Counts the active features of a link that are neither about VLAN tags nor about memory. */
static unsigned offloads_of(int ns, const char *name)
{
	struct {
		uint32_t command, set, length;
		char names[64][ETH_GSTRING_LEN];
	} strings = {.command = ETHTOOL_GSTRINGS, .set = ETH_SS_FEATURES};
	struct {
		uint32_t command, size;
		struct ethtool_get_features_block words[2];
	} features = {.command = ETHTOOL_GFEATURES, .size = 2};
	struct ifreq request = {.ifr_data = (char *)&features};
	unsigned count = 0;

	link_request(ns, name, SIOCETHTOOL, &request);
	assert_true(features.size <= 2);
	request.ifr_data = (char *)&strings;
	link_request(ns, name, SIOCETHTOOL, &request);
	for (unsigned i = 0; i < features.size * 32; i++)
		if (features.words[i / 32].active >> i % 32 & 1 &&
		    !strstr(strings.names[i], "vlan") && !strstr(strings.names[i], "highdma") &&
		    !strstr(strings.names[i], "lockless"))
			count++;
	return count;
}

static void ethtool_gro_on(int ns, const char *name)
{
	struct ethtool_value on = {.cmd = ETHTOOL_SGRO, .data = 1};
	struct ifreq request = {.ifr_data = (char *)&on};

	link_request(ns, name, SIOCETHTOOL, &request);
}

#define STREAM_SIZE (1 << 20)

static uint8_t stream_byte(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8));
}

static void stream_send(int fd, const struct sockaddr_in *to)
{
	static uint8_t data[STREAM_SIZE];
	size_t sent = 0;
	ssize_t part;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = stream_byte(i);
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		_exit(1);
	while (sent < sizeof(data) && (part = send(fd, data + sent, sizeof(data) - sent, 0)) > 0)
		sent += (size_t)part;
	/* Others hold this socket too: closing it would not end the stream. */
	_exit(sent == sizeof(data) && shutdown(fd, SHUT_WR) == 0 ? 0 : 1);
}

static void stream_receive(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	uint8_t data[65536];
	size_t total = 0;
	ssize_t part;

	while ((part = recv(fd, data, sizeof(data), 0)) > 0)
		for (ssize_t i = 0; i < part; i++, total++)
			if (data[i] != stream_byte(total))
				_exit(1);
	_exit(total == STREAM_SIZE ? 0 : 1);
}

/* Carries frames between two packet sockets, as a student's bridge would, until DONE's other ends
 * are closed or LIMIT milliseconds have passed. Returns the size of the largest frame. */
static size_t carry(int left, int right, int done, int limit)
{
	uint8_t frame[FRAME_SIZE];
	struct pollfd ready[] = {{left, POLLIN, 0}, {right, POLLIN, 0}, {done, POLLIN, 0}};
	struct timespec start, now;
	size_t size, largest = 0;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &start), 0);
	do {
		assert_true(poll(ready, 3, limit) >= 0);
		for (int i = 0; i < 2; i++) {
			size = receive(ready[i].fd, frame, 0);
			largest = size > largest ? size : largest;
			if (size > 0) /* what is too large for the link is lost, as it would be */
				(void)send(ready[1 - i].fd, frame, size, 0);
		}
		assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	} while (!ready[2].revents &&
		 (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 <
			 limit);
	return largest;
}

/* Two ends with addresses, and packet sockets on their wires' other ends. */
struct two_wires {
	struct sides first, second;
	int left, right;
};

static void switch_off(struct nl_sock *net, const char *name)
{
	struct net_offloads offloads;

	works(net_offloads_find(net, &offloads, &why));
	works(net_link_offloads_off(net, name, &offloads, &why));
}

static void two_wires_make(struct two_wires *wires, bool offloads_off)
{
	struct sides *sides[] = {&wires->first, &wires->second};
	const char *const text[] = {"1.1.1.1", "1.1.1.2"};

	for (int i = 0; i < 2; i++) {
		*sides[i] = sides_make();
		wire_up(sides[i], "net1", "eth0");
		if (offloads_off) {
			switch_off(sides[i]->near, "net1");
			switch_off(sides[i]->far, "eth0");
		}
		add_address(sides[i]->far, "eth0", text[i], 24);
	}
	wires->left = packet_socket(wires->first.near_ns, "net1", ETH_P_ALL);
	wires->right = packet_socket(wires->second.near_ns, "net1", ETH_P_ALL);
}

static void two_wires_drop(struct two_wires *wires)
{
	sides_drop(&wires->first);
	sides_drop(&wires->second);
	close_fd(&wires->left);
	close_fd(&wires->right);
}

/* Sends a megabyte by TCP over a program that copies frames. True where it arrived whole. */
static bool transfer(struct two_wires *wires, int limit, size_t *largest)
{
	CLEANUP_FD int sender = socket_in(wires->first.far_ns, AF_INET, SOCK_STREAM, 0);
	CLEANUP_FD int listener = socket_in(wires->second.far_ns, AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(5001)};
	int done[2], status[2];
	pid_t child[2];

	assert_int_equal(inet_pton(AF_INET, "1.1.1.2", &to.sin_addr), 1);
	assert_int_equal(bind(listener, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	for (int i = 0; i < 2; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] == 0 && i == 0)
			stream_receive(listener);
		if (child[i] == 0)
			stream_send(sender, &to);
	}
	close_fd(&done[1]);
	*largest = carry(wires->left, wires->right, done[0], limit);
	for (int i = 0; i < 2; i++) {
		(void)kill(child[i], SIGKILL); /* nothing, where it has ended */
		assert_int_equal(waitpid(child[i], &status[i], 0), child[i]);
	}
	close_fd(&done[0]);
	return status[0] == 0 && status[1] == 0;
}

static void tcp_passes_a_program_that_copies_frames_once_offloads_are_off(void **state)
{
	CLEANUP(two_wires_drop) struct two_wires wires;
	size_t largest;

	(void)state;
	two_wires_make(&wires, true);
	ethtool_gro_on(wires.first.near_ns, "net1"); /* off on a new wire: make a difference */
	assert_int_equal(offloads_of(wires.first.near_ns, "net1"), 1);
	switch_off(wires.first.near, "net1");
	assert_int_equal(offloads_of(wires.first.near_ns, "net1"), 0);
	assert_int_equal(offloads_of(wires.first.far_ns, "eth0"), 0);
	assert_true(transfer(&wires, 10000, &largest));
	assert_int_equal(largest, MTU + ETH_HLEN);
}

static void tcp_does_not_pass_it_with_the_offloads_of_a_new_wire(void **state)
{
	CLEANUP(two_wires_drop) struct two_wires wires;
	size_t largest;

	(void)state;
	two_wires_make(&wires, false);
	assert_true(offloads_of(wires.first.near_ns, "net1") > 5);
	assert_false(transfer(&wires, 1500, &largest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_passes_a_program_that_copies_frames_once_offloads_are_off),
		cmocka_unit_test(tcp_does_not_pass_it_with_the_offloads_of_a_new_wire),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
