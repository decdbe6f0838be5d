#include "reader.h"

const char reader_nothing[] = "nothing stands beside a comma; take the comma out";

void reader_refuse_part(struct reader *reader, const struct scan_key *key, const char *part,
			const char *why)
{
	struct place place = {key->line, reader->section->text, key->text, part};

	reader->section->faulty = true;
	if (reader->section->name.kind != SECTION_CHECK)
		reader->complaints->lost_value = true;
	complaints_add_at(reader->complaints, &place, "%s", why);
}

void reader_refuse(struct reader *reader, const struct scan_key *key, const char *why)
{
	reader_refuse_part(reader, key, key->value, why);
}

void reader_require(struct reader *reader, bool there, const char *key, const char *example)
{
	struct place place = {.line = reader->section->line, .section = reader->section->text};

	if (!there && !reader->section->faulty)
		complaints_add_at(reader->complaints, &place, "has no %s; add one, like %s = %s",
				  key, key, example);
}

void reader_read_text(struct reader *reader, const struct scan_key *key, char *buffer)
{
	char why[64];

	if (strlen(key->value) < STAGE_TITLE_SIZE) {
		memcpy(buffer, key->value, strlen(key->value) + 1);
		return;
	}
	(void)snprintf(why, sizeof(why), "longer than %d bytes; shorten it", STAGE_TITLE_SIZE - 1);
	reader_refuse(reader, key, why);
}

void reader_read_string(struct reader *reader, const struct scan_key *key, char **text)
{
	size_t size = strlen(key->value) + 1;

	*text = malloc(size);
	if (*text)
		memcpy(*text, key->value, size);
	else
		reader->result = -ENOMEM;
}

bool reader_next_part(const char **rest, char part[SCAN_LINE_MAX + 1])
{
	const char *start = *rest;
	size_t length;

	if (!start)
		return false;
	length = strcspn(start, ",");
	*rest = start[length] == ',' ? start + length + 1 : NULL;
	while (length > 0 && *start == ' ') {
		start++;
		length--;
	}
	while (length > 0 && start[length - 1] == ' ')
		length--;
	memcpy(part, start, length);
	part[length] = '\0';
	return true;
}

void *reader_allocate(struct reader *reader, const struct scan_key *key, size_t size)
{
	size_t parts = 1;
	void *room;

	for (const char *comma = key->value; (comma = strchr(comma, ',')); comma++)
		parts++;
	room = calloc(parts, size);
	if (!room)
		reader->result = -ENOMEM;
	return room;
}
