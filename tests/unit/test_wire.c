/* Legs are made first and come up later. */
#include "sides.h"

#include "wire.h"

#define LEGS 2

/* As a starter has them: on the near side the computer, on the far one a client. */
struct made {
	struct sides sides;
	struct stage_net nets[LEGS];
	struct net_leg_kit kit;
	struct wire_legs legs;
	int here;
};

/* In place: the legs point to the nets. */
static void made_make(struct made *made)
{
	*made = (struct made){
		.sides = sides_make(), .kit = NET_LEG_KIT_NONE, .here = namespace_open()};
	namespace_enter(made->sides.near_ns);
	for (uint8_t i = 0; i < LEGS; i++) {
		struct wire_far_end far = {
			.net = i + 1U, .mac = {2, 1, 1, 1, 1, i}, .mac_given = 1};

		made->nets[i] = (struct stage_net){.number = i + 1U, .mtu = MTU};
		made->nets[i].computer[FAMILY_IPV4] = (struct stage_address){
			.bytes = {1, 1, (uint8_t)(i + 1), 1}, .length = 24, .line = 1};
		wire_interface_name(i, far.name);
		works(wire_make_leg(made->sides.near, &made->kit, &made->nets[i], &far,
				    made->sides.far_ns, &made->legs, &why));
	}
}

static void made_drop(struct made *made)
{
	namespace_enter(made->here);
	close_fd(&made->here);
	net_leg_kit_close(&made->kit);
	sides_drop(&made->sides);
}
#define MADE CLEANUP(made_drop) struct made

static bool is_up(struct made *made, const char *name)
{
	struct ifreq request = {.ifr_flags = 0};

	link_request(made->sides.near_ns, name, SIOCGIFFLAGS, &request);
	return (request.ifr_flags & IFF_UP) != 0;
}

static void legs_are_down_until_they_are_raised_and_then_all_are_up(void **state)
{
	MADE made;

	(void)state;
	made_make(&made);
	assert_int_equal(made.legs.count, LEGS);
	assert_false(is_up(&made, "net1"));
	assert_false(is_up(&made, "net2"));
	works(wire_raise_legs(made.sides.near, &made.kit, false, &made.legs, &why));
	assert_int_equal(made.legs.count, 0);
	assert_true(is_up(&made, "net1"));
	assert_true(is_up(&made, "net2"));
}

/* Somebody gave the leg another name, and its own to a link of theirs. */
static void another_link_by_a_legs_name_is_left_alone(void **state)
{
	MADE made;
	const struct net_end theirs = {"net2", -1, mac_1}, peer = {"peer", -1, mac_2};
	struct ifreq rename = {.ifr_newname = "elsewhere"};

	(void)state;
	made_make(&made);
	link_request(made.sides.near_ns, "net2", SIOCSIFNAME, &rename);
	works(net_veth_create(made.sides.near, &theirs, &peer, MTU, &why));
	assert_int_equal(wire_raise_legs(made.sides.near, &made.kit, false, &made.legs, &why),
			 -ENODEV);
	assert_string_equal(why.text, "net2: it is no longer the link that was made");
	assert_true(is_up(&made, "net1"));
	assert_false(is_up(&made, "net2"));
	assert_false(is_up(&made, "elsewhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(legs_are_down_until_they_are_raised_and_then_all_are_up),
		cmocka_unit_test(another_link_by_a_legs_name_is_left_alone),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
