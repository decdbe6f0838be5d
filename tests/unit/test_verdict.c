/* What comes of a check: of what the asker says and the wires show, each made by hand. */
#include "tape.h"

#include "verdict.h"

#define PACKETS 1

/* A check of one question, asked of what is on the tape. */
struct scene {
	struct tape tape;
	struct stage stage;
	struct walk_leg legs[2];
	struct capture_wire wires[2];
	struct stage_check check;
	struct inquiry_question question;
	struct asker_report report;
	struct inquiry_check list;
	size_t index;
	struct inquiry inquiry;
	struct verdict verdict;
};

static void set_scene(struct scene *scene, enum probe_kind kind, enum expect_kind expect)
{
	struct complaints complaints;
	struct walk_question *walk = &scene->question.walk;

	memset(scene, 0, sizeof(*scene));
	record(&scene->tape);
	assert_int_equal(judge(text, strlen(text), &scene->stage, &complaints), 0);
	for (unsigned i = 0; i < 2; i++) {
		scene->legs[i] = (struct walk_leg){.net = i + 1, .hears = HEARS_ALL, .deaf = -1};
		memcpy(scene->legs[i].mac, i == 0 ? router1 : router2, 6);
		(void)snprintf(scene->wires[i].name, sizeof(scene->wires[i].name), "net%u", i + 1);
	}
	scene->check = (struct stage_check){.probe_count = 1, .probes = {{.kind = kind}}};
	scene->check.expect.kind = expect;
	*walk = (struct walk_question){.kind = kind,
				       .asker = &scene->stage.clients[0],
				       .interface = &scene->stage.clients[0].interfaces[0],
				       .target = {.line = 1, .length = 32},
				       .token = TOKEN,
				       .id = ID,
				       .expect = {.kind = expect},
				       .within = 1000,
				       .began = START};
	memcpy(walk->target.bytes, ip_client2, 4);
	scene->question.asked = scene->question.would_hear = true;
	scene->question.plan.count = PACKETS;
	scene->question.report = &scene->report;
	scene->list = (struct inquiry_check){&scene->check, &scene->index, 1};
	scene->inquiry = INQUIRY_NONE;
	scene->inquiry.stage = &scene->stage;
	scene->inquiry.questions = &scene->question;
	scene->inquiry.count = 1;
	scene->inquiry.checks = &scene->list;
	scene->inquiry.wires = scene->wires;
	scene->inquiry.legs = scene->legs;
	scene->inquiry.leg_count = 2;
}

static void close_scene(struct scene *scene)
{
	walk_close(&scene->inquiry.walk);
	stage_clear(&scene->stage);
}
#define CLEANUP_SCENE CLEANUP(close_scene)

/* What is said of it. */
static enum verdict_outcome play(struct scene *scene)
{
	struct inquiry *inquiry = &scene->inquiry;
	struct error error;

	scene->question.walk.ended = scene->tape.now + 3000 * MS;
	inquiry->capture.frames = scene->tape.frames;
	inquiry->capture.frame_count = scene->tape.count;
	walk_close(&inquiry->walk);
	assert_int_equal(walk_read(&scene->stage, scene->tape.frames, scene->tape.count,
				   scene->question.walk.ended, scene->legs, 2, &inquiry->walk,
				   &error),
			 0);
	inquiry->walk.partial = inquiry->capture.lossy;
	walk_follow(&inquiry->walk, &scene->question.walk, &scene->question.way);
	verdict_judge(inquiry, &scene->list, &scene->verdict);
	return scene->verdict.outcome;
}

static void an_answer_counts_where_the_wires_have_seen_it(void **state)
{
	CLEANUP_SCENE struct scene scene;

	(void)state;
	set_scene(&scene, PROBE_PING, EXPECT_REPLY);
	scene.report.packets[0].right = 1;
	assert_int_equal(play(&scene), VERDICT_PASS);
	cut(&scene.tape, 0);
	assert_int_equal(play(&scene), VERDICT_UNASKED);
}

/* The TTL was kept and the next packet lost: that it was lost is why there is no answer. */
static void what_is_missing_is_blamed_on_what_can_be_why(void **state)
{
	CLEANUP_SCENE struct scene scene;

	(void)state;
	set_scene(&scene, PROBE_PING, EXPECT_REPLY);
	scene.tape.bytes[CARRIED][22] = 64;
	mend(scene.tape.bytes[CARRIED]);
	(void)add_echo(&scene.tape,
		       &(struct echo){1, false, router1, client1, ip_client1, ip_client2, 64, 8});
	assert_int_equal(play(&scene), VERDICT_FAIL);
	assert_int_equal(scene.verdict.step, WALK_FORWARD);
	assert_string_equal(scene.verdict.wire, "net1");
	/* Where nothing else can be, it is what there is. */
	cut(&scene.tape, RIGHT);
	assert_int_equal(play(&scene), VERDICT_FAIL);
	assert_int_equal(scene.verdict.step, WALK_TTL);
}

/* However many harmless faults come first. */
static void one_that_can_be_why_is_found_behind_many_that_cannot(void **state)
{
	CLEANUP_SCENE struct scene scene;

	(void)state;
	set_scene(&scene, PROBE_PING, EXPECT_REPLY);
	for (int i = 0; i < 2 * 70; i++) {
		const bool sent = i % 2 != 0;
		const struct echo in = {1, false, router1, client1, ip_client1, ip_client2, 64, 8};
		const struct echo out = {2, true, client2, router2, ip_client1, ip_client2, 64, 8};

		(void)add_echo(&scene.tape, sent ? &out : &in);
	}
	(void)add_echo(&scene.tape,
		       &(struct echo){1, false, router1, client1, ip_client1, ip_client2, 64, 8});
	assert_int_equal(play(&scene), VERDICT_FAIL);
	assert_int_equal(scene.verdict.step, WALK_FORWARD);
}

static void a_router_that_is_too_slow_there_and_back_together_fails(void **state)
{
	CLEANUP_SCENE struct scene scene;

	(void)state;
	set_scene(&scene, PROBE_PING, EXPECT_REPLY);
	assert_int_equal(play(&scene), VERDICT_UNASKED); /* client1 lost what it was given */
	assert_non_null(strstr(scene.verdict.reason, "though all on the wires is right"));
	for (size_t i = CARRIED; i < RIGHT; i++)
		scene.tape.frames[i].time += 600 * MS;
	scene.tape.frames[DELIVERED].time += 600 * MS;
	assert_int_equal(play(&scene), VERDICT_FAIL);
	assert_int_equal(scene.verdict.step, WALK_FORWARD);
	assert_non_null(strstr(scene.verdict.reason, "of 1000 ms that there are"));
}

static void silence_is_one_of_what_has_come_to_the_router(void **state)
{
	CLEANUP_SCENE struct scene scene;

	(void)state;
	set_scene(&scene, PROBE_PING, EXPECT_SILENCE);
	cut(&scene.tape, ASKS2);
	assert_int_equal(play(&scene), VERDICT_PASS);
	/* Nobody answered client1's ARP. */
	cut(&scene.tape, ANSWERED1);
	assert_int_equal(play(&scene), VERDICT_UNASKED);
	cut(&scene.tape, RIGHT);
	record(&scene.tape);
	scene.question.would_hear = false;
	cut(&scene.tape, ASKS2);
	assert_int_equal(play(&scene), VERDICT_UNASKED);
}

/* An ARP question that a check puts on the wire by hand. */
static void a_frame_by_hand_is_seen_whatever_it_is(void **state)
{
	CLEANUP_SCENE struct scene scene;

	(void)state;
	set_scene(&scene, PROBE_FRAME, EXPECT_REPLY);
	scene.question.walk.target.line = 0;
	scene.question.walk.frame = scene.tape.bytes[ASKED1];
	scene.question.walk.frame_size = 42;
	cut(&scene.tape, ANSWERED1);
	assert_int_equal(play(&scene), VERDICT_FAIL);
	assert_non_null(strstr(scene.verdict.reason, "1 frames that were put on client1's wire 0"));
	scene.check.expect.kind = scene.question.walk.expect.kind = EXPECT_SILENCE;
	assert_int_equal(play(&scene), VERDICT_PASS);
	scene.check.looks = 1U << LOOK_STRAY;
	assert_int_equal(play(&scene), VERDICT_PASS);
	/* It was answered. */
	memcpy(scene.report.bytes, scene.tape.bytes[ANSWERED1], 42);
	scene.report.frames[0] = (struct asker_frame){.size = 42, .whole = 42};
	scene.report.frame_count = 1;
	cut(&scene.tape, REQUEST);
	assert_int_equal(play(&scene), VERDICT_FAIL);
}

static void where_not_all_was_captured_only_what_was_seen_counts(void **state)
{
	CLEANUP_SCENE struct scene scene;

	(void)state;
	set_scene(&scene, PROBE_PING, EXPECT_ANYTHING);
	scene.inquiry.capture.lossy = true;
	scene.check.looks = 1U << LOOK_DUPLICATE;
	/* The next packet's copy, without what it is one of. */
	add_echo(&scene.tape, &(struct echo){2, true, client2, router2, ip_client1, ip_client2, 63,
					     8})[53] = 1; /* the last byte of its number */
	assert_int_equal(play(&scene), VERDICT_UNASKED);
	assert_non_null(strstr(scene.verdict.reason, "more passed"));
	/* A TTL that was kept is one for all that. */
	scene.check.looks = 1U << LOOK_TTL;
	scene.tape.bytes[CARRIED][22] = 64;
	mend(scene.tape.bytes[CARRIED]);
	assert_int_equal(play(&scene), VERDICT_FAIL);
	/* An answer whose frame was lost may have been the router's. */
	scene.check.looks = 0;
	scene.check.expect.kind = EXPECT_REPLY;
	scene.question.walk.kind = PROBE_ARP;
	memcpy(scene.question.walk.target.bytes, ip_router1, 4);
	scene.report.arp_count = 1;
	scene.report.arps[0].operation = 2;
	memcpy(scene.report.arps[0].sender, ip_router1, 4);
	cut(&scene.tape, ANSWERED1);
	assert_int_equal(play(&scene), VERDICT_UNASKED);
	scene.inquiry.capture.lossy = false;
	assert_int_equal(play(&scene), VERDICT_FAIL);
}

/* A packet that came and went nowhere has not gone astray, and was not forwarded twice. */
static void a_property_is_judged_where_there_was_something_to_have_it(void **state)
{
	CLEANUP_SCENE struct scene scene;

	(void)state;
	set_scene(&scene, PROBE_PING, EXPECT_ANYTHING);
	cut(&scene.tape, ASKS2);
	scene.check.looks = 1U << LOOK_STRAY;
	assert_int_equal(play(&scene), VERDICT_PASS);
	scene.check.looks = 1U << LOOK_DUPLICATE;
	assert_int_equal(play(&scene), VERDICT_UNASKED);
	scene.check.looks = 1U << LOOK_TTL;
	assert_int_equal(play(&scene), VERDICT_UNASKED);
	record(&scene.tape);
	assert_int_equal(play(&scene), VERDICT_PASS);
}

/* Another question, of other sizes, shows what this one does not. */
static void a_property_is_judged_by_all_questions_that_are_alike(void **state)
{
	CLEANUP_SCENE struct scene scene;
	struct inquiry_question two[2];

	(void)state;
	set_scene(&scene, PROBE_PING, EXPECT_ANYTHING);
	scene.check.looks = 1U << LOOK_TTL;
	assert_int_equal(play(&scene), VERDICT_PASS);
	two[0] = two[1] = scene.question;
	two[1].walk.expect.kind = EXPECT_REPLY;
	two[1].way.fault_count = 1;
	two[1].way.faults[0] = (struct walk_fault){
		.step = WALK_TTL, .looks = 1U << LOOK_TTL, .frame = CARRIED, .sentence = "kept"};
	scene.inquiry.questions = two;
	scene.inquiry.count = 2;
	verdict_judge(&scene.inquiry, &scene.list, &scene.verdict);
	assert_int_equal(scene.verdict.outcome, VERDICT_FAIL);
	assert_string_equal(scene.verdict.reason, "kept");
	/* One that is to expire is not alike. */
	two[1].plan.ttl = 1;
	verdict_judge(&scene.inquiry, &scene.list, &scene.verdict);
	assert_int_equal(scene.verdict.outcome, VERDICT_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_counts_where_the_wires_have_seen_it),
		cmocka_unit_test(what_is_missing_is_blamed_on_what_can_be_why),
		cmocka_unit_test(one_that_can_be_why_is_found_behind_many_that_cannot),
		cmocka_unit_test(a_router_that_is_too_slow_there_and_back_together_fails),
		cmocka_unit_test(silence_is_one_of_what_has_come_to_the_router),
		cmocka_unit_test(a_frame_by_hand_is_seen_whatever_it_is),
		cmocka_unit_test(where_not_all_was_captured_only_what_was_seen_counts),
		cmocka_unit_test(a_property_is_judged_where_there_was_something_to_have_it),
		cmocka_unit_test(a_property_is_judged_by_all_questions_that_are_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
