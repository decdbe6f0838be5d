#include "net_batch.h"

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdarg.h>

#define REQUEST_SIZE 1024 /* bytes; the longest of ours has some 500 */

void net_batch_clear(struct net_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		nlmsg_free(batch->requests[i].message);
	batch->count = 0;
}

void net_batch_add(struct net_batch *batch, int type, int flags, const void *header, size_t size,
		   const char *purpose, ...)
{
	struct net_request *request = &batch->requests[batch->count];
	va_list arguments;

	if (batch->failed)
		return;
	if (batch->count == NET_BATCH_MAX) {
		batch->failed = E2BIG;
		return;
	}
	request->message = nlmsg_alloc_size(REQUEST_SIZE);
	if (!request->message) {
		batch->failed = ENOMEM;
		return;
	}
	batch->count++;
	(void)nlmsg_put(request->message, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags);
	request->link = batch->link;
	memset(request->forgiven, 0, sizeof(request->forgiven));
	request->unanswered = false;
	va_start(arguments, purpose);
	(void)vsnprintf(request->purpose, sizeof(request->purpose), purpose, arguments);
	va_end(arguments);
	net_put_raw(batch, header, size);
}

/* The request begun last. Not to be asked of a batch that failed: it may have none. */
static struct net_request *last(struct net_batch *batch)
{
	return &batch->requests[batch->count - 1];
}

void net_batch_forgive(struct net_batch *batch, int code)
{
	int *forgiven;

	if (batch->failed)
		return;
	forgiven = last(batch)->forgiven;
	forgiven[forgiven[0] != 0] = code;
}

void net_batch_unanswered(struct net_batch *batch)
{
	if (!batch->failed)
		batch->transaction = last(batch)->unanswered = true;
}

void net_put_raw(struct net_batch *batch, const void *data, size_t size)
{
	void *room;

	if (batch->failed)
		return;
	room = nlmsg_reserve(last(batch)->message, size, NLMSG_ALIGNTO);
	if (room)
		memcpy(room, data, size);
	else
		batch->failed = EMSGSIZE;
}

void net_put(struct net_batch *batch, int attribute, const void *data, size_t size)
{
	if (!batch->failed && nla_put(last(batch)->message, attribute, (int)size, data) < 0)
		batch->failed = EMSGSIZE;
}

void net_put_u32(struct net_batch *batch, int attribute, uint32_t value)
{
	net_put(batch, attribute, &value, sizeof(value));
}

void net_put_string(struct net_batch *batch, int attribute, const char *text)
{
	net_put(batch, attribute, text, strlen(text) + 1);
}

struct nlattr *net_nest_begin(struct net_batch *batch, int attribute)
{
	struct nlattr *nest = NULL;

	if (batch->failed)
		return NULL;
	nest = nla_nest_start(last(batch)->message, attribute);
	if (!nest)
		batch->failed = EMSGSIZE;
	return nest;
}

void net_nest_end(struct net_batch *batch, struct nlattr *nest)
{
	if (!batch->failed)
		(void)nla_nest_end(last(batch)->message, nest);
}

/* The kernel carries requests out in their order and tells of each that failed; whether the last
 * one worked is all that need be asked. A transaction fails at its end, and each of it is answered.
 */
static bool is_acknowledged(const struct net_batch *batch, size_t i)
{
	return batch->transaction ? !batch->requests[i].unanswered : i + 1 == batch->count;
}

static size_t count_acknowledged(const struct net_batch *batch)
{
	size_t count = 0;

	for (size_t i = 0; i < batch->count; i++)
		count += is_acknowledged(batch, i);
	return count;
}

/* What became of a batch, while its answers come in. */
struct exchange {
	struct net_batch *batch;
	struct error *error;
	size_t pending; /* acknowledgements that are still to come */
	int result;
};

/* Finds which request an answer with the sequence number SEQUENCE is for. */
static bool find_request(const struct net_batch *batch, uint32_t sequence, size_t *i)
{
	*i = sequence - nlmsg_hdr(batch->requests[0].message)->nlmsg_seq;
	return *i < batch->count;
}

/* libnl expects an answer to every number that it gave. We look the number up ourselves. */
static int on_sequence(struct nl_msg *message, void *argument)
{
	(void)message;
	(void)argument;
	return NL_OK;
}

static int on_done(struct nl_msg *message, void *argument)
{
	struct exchange *exchange = argument;
	size_t i;

	if (find_request(exchange->batch, nlmsg_hdr(message)->nlmsg_seq, &i))
		exchange->pending--;
	return NL_OK;
}

static int on_answer(struct nl_msg *message, void *argument)
{
	struct exchange *exchange = argument;
	struct net_batch *batch = exchange->batch;
	size_t i;

	if (batch->answer && find_request(batch, nlmsg_hdr(message)->nlmsg_seq, &i))
		batch->answer(batch->context, nlmsg_hdr(message));
	return NL_OK;
}

/* The kernel's explanation in an extended acknowledgement, NULL where there is none. The socket
 * asked for acknowledgements without the request's payload (NETLINK_CAP_ACK), hence the attributes
 * follow at once. */
static const char *explanation(struct nlmsgerr *answer)
{
	const int wanted = NLM_F_ACK_TLVS | NLM_F_CAPPED;
	struct nlmsghdr *head = (struct nlmsghdr *)((char *)answer - NLMSG_HDRLEN);
	struct nlattr *text;

	if ((head->nlmsg_flags & wanted) != wanted)
		return NULL;
	text = nlmsg_find_attr(head, sizeof(*answer), NLMSGERR_ATTR_MSG);
	return text ? nla_get_string(text) : NULL;
}

/* Takes the kernel's own errno: libnl's codes are fewer. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *answer, void *argument)
{
	struct exchange *exchange = argument;
	const struct net_request *request;
	const char *text = explanation(answer);
	int code = -answer->error;
	size_t i;

	(void)from;
	if (!find_request(exchange->batch, answer->msg.nlmsg_seq, &i))
		return NL_SKIP;
	request = &exchange->batch->requests[i];
	if (request->unanswered)
		exchange->pending = 0;
	else if (is_acknowledged(exchange->batch, i))
		exchange->pending--;
	if (exchange->result < 0 || code == request->forgiven[0] || code == request->forgiven[1])
		return NL_SKIP;
	exchange->result =
		error_system(exchange->error, code, "%s: cannot %s%s%s%s", request->link,
			     request->purpose, text ? " (" : "", text ? text : "", text ? ")" : "");
	return NL_SKIP;
}

static int transmit(struct net_batch *batch, struct error *error)
{
	struct iovec parts[NET_BATCH_MAX];

	for (size_t i = 0; i < batch->count; i++) {
		const struct net_request *request = &batch->requests[i];
		struct nlmsghdr *head = nlmsg_hdr(request->message);

		nl_complete_msg(batch->socket, request->message); /* sequence, ack */
		if (!is_acknowledged(batch, i))
			head->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
		parts[i].iov_base = head;
		parts[i].iov_len = head->nlmsg_len;
	}
	if (nl_send_iovec(batch->socket, batch->requests[0].message, parts,
			  (unsigned)batch->count) < 0)
		return error_system(error, errno, "cannot send to netlink");
	return 0;
}

static void free_callbacks(struct nl_cb **callbacks)
{
	nl_cb_put(*callbacks);
}

static int collect(struct exchange *exchange)
{
	CLEANUP(free_callbacks) struct nl_cb *callbacks = nl_cb_alloc(NL_CB_DEFAULT);
	int code;

	if (!callbacks)
		return error_system(exchange->error, ENOMEM, "%s: cannot receive from netlink",
				    exchange->batch->link);
	(void)nl_cb_set(callbacks, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, NULL);
	(void)nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_answer, exchange);
	(void)nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_done, exchange);
	(void)nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, exchange);
	while (exchange->pending > 0) {
		code = nl_recvmsgs(exchange->batch->socket, callbacks);
		if (code < 0)
			return error_set(exchange->error, EIO,
					 "%s: cannot receive from netlink: %s",
					 exchange->batch->link, nl_geterror(code));
	}
	return exchange->result;
}

int net_batch_send(struct net_batch *batch, struct error *error)
{
	struct exchange exchange = {
		.batch = batch, .error = error, .pending = count_acknowledged(batch)};

	if (batch->failed) {
		(void)error_system(error, batch->failed, "cannot write a netlink request");
		return error_prefix(error, "%s", batch->link);
	}
	if (batch->count == 0)
		return 0;
	if (transmit(batch, error) < 0)
		return error_prefix(error, "%s", batch->link);
	return collect(&exchange);
}

int net_batch_make_room(struct net_batch *batch, size_t count, struct error *error)
{
	int result = 0;

	if (batch->count + count > NET_BATCH_MAX) {
		result = net_batch_send(batch, error);
		net_batch_clear(batch);
	}
	return result;
}
