#include "net_dump.h"

#include "net.h"

#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

struct dump {
	net_dump_visit *visit;
	void *context;
	struct error *error;
	int result;
};

static int on_message(struct nl_msg *message, void *argument)
{
	struct dump *dump = argument;

	dump->result = dump->visit(dump->context, nlmsg_hdr(message), dump->error);
	return dump->result < 0 ? NL_STOP : NL_OK;
}

static int code_of(int code)
{
	switch (-code) {
	case NLE_DUMP_INTR:
		return EINTR;
	case NLE_AF_NOSUPPORT:
		return EAFNOSUPPORT;
	case NLE_OPNOTSUPP:
		return EOPNOTSUPP;
	case NLE_OBJ_NOTFOUND:
		return ENOENT;
	case NLE_PERM:
		return EPERM;
	default:
		return EIO;
	}
}

/* A socket for each: one whose answer was not heard to its end is good for nothing else. */
int net_dump(int protocol, int type, void *header, size_t size, net_dump_visit *visit,
	     void *context, struct error *error)
{
	struct dump dump = {.visit = visit, .context = context, .error = error};
	CLEANUP_NET struct nl_sock *socket = NULL;
	int code;

	if (net_socket_open_for(protocol, &socket, error) < 0)
		return -error->code;
	code = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, &dump);
	if (code == 0)
		code = nl_send_simple(socket, type, NLM_F_DUMP, header, size);
	if (code >= 0)
		code = nl_recvmsgs_default(socket); /* to the last part */
	if (dump.result < 0)
		return dump.result;
	if (code < 0)
		return error_set(error, code_of(code), "cannot read the network: %s",
				 nl_geterror(code));
	return 0;
}
