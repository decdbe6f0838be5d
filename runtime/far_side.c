#include "far_side.h"

#include "computer.h"

void far_side_close(struct far_side *far)
{
	net_socket_close(&far->socket);
	net_leg_kit_close(&far->kit);
	ns_set_close(&far->ns);
}

int far_side_make(struct far_side *far, const struct caller *student, int own_ns,
		  struct error *error)
{
	const struct caller root = {.uid = 0, .gid = 0};
	int result = computer_make(student, &root, &far->ns, error);

	far->own_ns = own_ns;
	if (result == 0)
		result = computer_enter(&far->ns, error);
	if (result == 0)
		result = net_socket_open(&far->socket, error);
	if (result == 0)
		result = computer_settle(far->socket, error);
	return result == 0 ? ns_enter_one(far->own_ns, NS_NET, error) : result;
}

/* The kernel's settings of a leg are those of the namespace that their files are opened in. */
int far_side_make_leg(struct far_side *far, const struct stage_net *net,
		      const struct wire_far_end *wanted, int far_ns, struct error *error)
{
	int result = computer_enter(&far->ns, error);

	if (result == 0)
		result = wire_make_leg(far->socket, &far->kit, net, wanted, far_ns, &far->legs,
				       error);
	return result == 0 ? ns_enter_one(far->own_ns, NS_NET, error) : result;
}

int far_side_raise_legs(struct far_side *far, struct error *error)
{
	int result = computer_enter(&far->ns, error);

	if (result == 0)
		result = wire_raise_legs(far->socket, &far->kit, true, &far->legs, error);
	return result == 0 ? ns_enter_one(far->own_ns, NS_NET, error) : result;
}

int far_side_settle(struct far_side *far, const struct stage *stage, struct error *error)
{
	int result = far->socket == NULL ? 0 : wire_settle_legs(far->socket, stage, error);

	net_socket_close(&far->socket);
	far->own_ns = -1;
	return result;
}
