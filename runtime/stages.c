#include "stages.h"

#include "config.h"
#include "rules.h"

int stages_read(const struct checkout *checkout, const struct caller *caller, const char *name,
		struct stage *stage, struct stages_file *file, struct error *error)
{
	CLEANUP_FD int fd =
		checkout_open_stage(checkout, caller, name, file->path, sizeof(file->path), error);

	file->complaints = (struct complaints){.file = file->path};
	if (fd < 0)
		return fd;
	/* Where the form is wrong, what could be read is checked all the same: all is told at once.
	 */
	(void)config_read(fd, name, stage, &file->complaints);
	(void)rules_check(stage, &file->complaints);
	if (file->complaints.count == 0)
		return 0;
	return error_set(error, EINVAL, "%s", file->complaints.kept[0].text);
}
