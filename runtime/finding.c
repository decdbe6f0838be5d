#include "finding.h"

#include "file.h"
#include "text.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/utsname.h>

PRINTF_LIKE(3, 0)
static void set_found(struct finding *finding, enum finding_state state, const char *format,
		      va_list arguments)
{
	finding->state = state;
	(void)vsnprintf(finding->found, sizeof(finding->found), format, arguments);
}

void finding_ok(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_found(finding, FINDING_OK, format, arguments);
	va_end(arguments);
}

void finding_missing(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_found(finding, FINDING_MISSING, format, arguments);
	va_end(arguments);
}

void finding_note(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_found(finding, FINDING_MISSING, format, arguments);
	va_end(arguments);
	finding->note = true;
}

void finding_unknown(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_found(finding, FINDING_UNKNOWN, format, arguments);
	va_end(arguments);
}

void finding_failed(struct finding *finding, const struct error *error)
{
	const char *last = strrchr(error->text, ';');
	size_t length = last != NULL ? (size_t)(last - error->text) : strlen(error->text);

	finding_missing(finding, "%.*s", (int)length, error->text);
}

void finding_needs_root(struct finding *finding, const char *what)
{
	finding_unknown(finding, "could not look: %s; run with sudo", what);
}

void finding_remedy(struct finding *finding, const char *format, ...)
{
	size_t used = strlen(finding->remedy);
	va_list arguments;

	if (used > 0)
		used += (size_t)snprintf(finding->remedy + used, sizeof(finding->remedy) - used,
					 " && ");
	va_start(arguments, format);
	(void)vsnprintf(finding->remedy + used, sizeof(finding->remedy) - used, format, arguments);
	va_end(arguments);
}

/* The first release of each whose kernels are new enough: Debian 12 has 6.1, Ubuntu 22.04 comes
 * with 5.15 but has later ones too, by a package that other releases need not have. */
void finding_remedy_kernel(struct finding *finding)
{
	char text[2048];
	char id[32];
	char version[32];
	struct utsname name;
	struct error ignored;

	if (uname(&name) < 0 ||
	    file_read(AT_FDCWD, "/usr/lib/os-release", text, sizeof(text), &ignored) < 0)
		return;
	text_setting(text, "ID", id, sizeof(id));
	text_setting(text, "VERSION_ID", version, sizeof(version));
	if (strcmp(id, "debian") == 0 && (version[0] == '\0' || strtol(version, NULL, 10) >= 12))
		finding_remedy(finding, "sudo apt-get install linux-image-%s && sudo reboot",
			       strcmp(name.machine, "aarch64") == 0 ? "arm64" : "amd64");
	else if (strcmp(id, "ubuntu") == 0 && strtol(version, NULL, 10) >= 22)
		finding_remedy(finding, "sudo apt-get install linux-image-generic%s && sudo reboot",
			       strcmp(version, "22.04") == 0 ? "-hwe-22.04" : "");
}

/* Distributions pack modules, or do not. */
static bool module_is_there(const char *module)
{
	static const char *const endings[] = {".ko", ".ko.xz", ".ko.zst", ".ko.gz"};
	struct utsname name;

	if (uname(&name) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "/lib/modules/%s/%s%s", name.release, module,
			       endings[i]);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

void finding_lacks(struct finding *finding, const char *what, const char *option,
		   const char *module)
{
	const char *name = strrchr(module, '/') + 1;

	if (module_is_there(module)) {
		finding_missing(finding,
				"%s: its module %s is there and was not loaded (modprobe.d(5))",
				what, name);
		finding_remedy(finding, "sudo modprobe %s", name);
	} else {
		finding_missing(finding, "%s (kernel option %s)", what, option);
		finding_remedy_kernel(finding);
	}
}
