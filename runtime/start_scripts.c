#include "process.h"
#include "record.h"
#include "scripts.h"
#include "start.h"

/* Nothing is called yet. */
static int look(struct session *session, const char *name, struct scripts *scripts,
		struct error *error)
{
	int result = scripts_open(session->checkout, session->caller, session->name, name, scripts,
				  error);

	if (result == 0)
		result = scripts_check(scripts, error);
	if (result == 0)
		result = session_can_mark(session, error);
	if (result == 0)
		result = session_make_way(session, error);
	/* So that whoever comes after a start that was killed calls down.sh. */
	return result == 0 ? record_write(&session->record, name, RECORD_STARTING, error) : result;
}

static int bring_up(struct session *session, const char *name, const struct scripts *scripts,
		    int *signalled, struct error *error)
{
	int result = scripts_up(scripts, signalled, error);

	if (result == 0)
		result = session_mark(session, name, error);
	return result == 0 ? record_write(&session->record, name, RECORD_UP, error) : result;
}

static void undo(struct session *session, const struct scripts *scripts, struct error *error)
{
	struct error ignored;

	if (scripts_down(scripts, &ignored) < 0)
		(void)error_set(error, error->code, "%.200s; and then: %.200s",
				strdupa(error->text), ignored.text);
	(void)session_mark(session, NULL, &ignored);
	(void)record_clear(&session->record, &ignored);
}

int start_scripts(struct session *session, const char *name, struct start_outcome *outcome,
		  struct error *error)
{
	CLEANUP_SCRIPTS struct scripts scripts = SCRIPTS_NONE;
	int result = look(session, name, &scripts, error);
	const bool called = result == 0;

	if (called)
		result = bring_up(session, name, &scripts, &outcome->signalled, error);
	/* A signal may also come while no script runs. */
	if ((called || result == -ECANCELED) && outcome->signalled == 0)
		outcome->signalled = process_take_signal();
	if (outcome->signalled != 0)
		result = error_set(error, ECANCELED, "interrupted; %s is not started", name);
	if (result < 0 && called)
		undo(session, &scripts, error);
	return result;
}
