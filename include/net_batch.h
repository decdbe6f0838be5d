/* Requests to rtnetlink(7) or another protocol of netlink(7), written in its own words, that travel
 * in one send(2): the kernel carries them out in their order, within that system call. Only net*.c
 * include this.
 *
 * What a request lacks room or memory for is noted in the batch, and net_batch_send() then fails
 * without having sent anything, so that the code that writes requests need not check each line. */
#ifndef PYROUTE_NET_BATCH_H
#define PYROUTE_NET_BATCH_H

#include "error.h"

#include <stdint.h>

#define NET_BATCH_MAX 24

struct nl_msg;
struct nl_sock;
struct nlattr;
struct nlmsghdr;

struct net_request {
	struct nl_msg *message;
	int forgiven[2];  /* errno values that are as good as success; 0: none */
	bool unanswered;  /* of a transaction, but where all of it is refused */
	const char *link; /* that of the batch when it was begun */
	char purpose[80]; /* for the error: "LINK: cannot PURPOSE" */
};

/* Is shown what the kernel answers to a question, whose attributes it may read. */
typedef void net_batch_answer(void *context, struct nlmsghdr *answer);

struct net_batch {
	net_batch_answer *answer; /* NULL: nobody wants to know */
	void *context;		  /* what it is called with */
	struct nl_sock *socket;	  /* borrowed */
	const char *link;	  /* the link that what follows is about, for the error; borrowed */
	int failed;		  /* an errno value: a request could not be written */
	bool transaction;	  /* all of it or nothing: see net_batch_unanswered() */
	size_t count;
	struct net_request requests[NET_BATCH_MAX];
};

/* An empty batch that borrows SOCKET and LINK. */
#define NET_BATCH(socket_, link_) ((struct net_batch){.socket = (socket_), .link = (link_)})
void net_batch_clear(struct net_batch *batch);
#define CLEANUP_NET_BATCH CLEANUP(net_batch_clear)

/* Begins a request: TYPE is RTM_..., FLAGS are NLM_F_..., HEADER is the SIZE bytes of the type's
 * own header. What follows is put into this request. */
void net_batch_add(struct net_batch *batch, int type, int flags, const void *header, size_t size,
		   const char *purpose, ...) PRINTF_LIKE(6, 7);

/* Counts the errno value CODE as success of the request begun last; of one, or of two. */
void net_batch_forgive(struct net_batch *batch, int code);

/* Makes the batch a transaction, as nftables knows them, and asks for no answer to the request
 * begun last. Should it fail all the same, then all of the batch is refused, and nothing else
 * answered. */
void net_batch_unanswered(struct net_batch *batch);

/* Puts an attribute into the request begun last. */
void net_put(struct net_batch *batch, int attribute, const void *data, size_t size);
void net_put_u32(struct net_batch *batch, int attribute, uint32_t value);
void net_put_string(struct net_batch *batch, int attribute, const char *text);

/* Puts bytes that are no attribute, padded to four. */
void net_put_raw(struct net_batch *batch, const void *data, size_t size);

/* Between the two calls attributes go into ATTRIBUTE. */
struct nlattr *net_nest_begin(struct net_batch *batch, int attribute);
void net_nest_end(struct net_batch *batch, struct nlattr *nest);

/* Sends the requests and waits for what became of each. Returns 0 or the kernel's own -errno of
 * the first that failed and was not forgiven, with the kernel's explanation where it gives one;
 * those after it have been carried out all the same. */
int net_batch_send(struct net_batch *batch, struct error *error);

/* The same, and the batch is empty again, if it has no room for COUNT requests more. */
int net_batch_make_room(struct net_batch *batch, size_t count, struct error *error);

#endif
