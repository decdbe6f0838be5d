#include "pcapng.h"

enum block { SECTION = 0x0a0d0d0a, INTERFACE = 1, FRAME = 6 };

enum option { END = 0, COMMENT = 1, NAME = 2, FLAGS = 2, APPLICATION = 4, RESOLUTION = 9 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINK_ETHERNET	 1
#define NANOSECONDS	 9 /* 10 to the minus that */
#define ARRIVED		 1
#define SENT		 2
#define OPTION_MAX	 65535

static void put16(FILE *stream, uint16_t value)
{
	(void)fwrite(&value, sizeof(value), 1, stream);
}

static void put32(FILE *stream, uint32_t value)
{
	(void)fwrite(&value, sizeof(value), 1, stream);
}

static uint32_t padded(size_t size)
{
	return (uint32_t)((size + 3) & ~(size_t)3);
}

/* All is padded to 32 bits. */
static void put_bytes(FILE *stream, const void *bytes, size_t size)
{
	static const uint8_t zeros[3];

	(void)fwrite(bytes, 1, size, stream);
	(void)fwrite(zeros, 1, padded(size) - size, stream);
}

static void put_option(FILE *stream, enum option code, const void *value, size_t size)
{
	put16(stream, (uint16_t)code);
	put16(stream, (uint16_t)size);
	put_bytes(stream, value, size);
}

static uint32_t option_size(size_t size)
{
	return 4 + padded(size);
}

/* A block begins and ends with its own size. */
static void put_head(FILE *stream, enum block type, uint32_t size)
{
	put32(stream, type);
	put32(stream, size);
}

static void put_end(FILE *stream, uint32_t size)
{
	put_option(stream, END, "", 0);
	put32(stream, size);
}

void pcapng_begin(FILE *stream)
{
	static const char application[] = "pyroute";
	const size_t length = strlen(application);
	const uint64_t unknown = UINT64_MAX; /* how long the section is */
	const uint32_t size = 28 + option_size(length) + option_size(0);

	put_head(stream, SECTION, size);
	put32(stream, BYTE_ORDER_MAGIC);
	put16(stream, 1); /* version 1.0 */
	put16(stream, 0);
	put_bytes(stream, &unknown, sizeof(unknown));
	put_option(stream, APPLICATION, application, length);
	put_end(stream, size);
}

void pcapng_add_interface(FILE *stream, const char *name, uint32_t frame_size)
{
	const uint8_t resolution = NANOSECONDS;
	const uint32_t size = 20 + option_size(strlen(name)) + option_size(1) + option_size(0);

	put_head(stream, INTERFACE, size);
	put16(stream, LINK_ETHERNET);
	put16(stream, 0);
	put32(stream, frame_size);
	put_option(stream, NAME, name, strlen(name));
	put_option(stream, RESOLUTION, &resolution, sizeof(resolution));
	put_end(stream, size);
}

void pcapng_add_frame(FILE *stream, const struct pcapng_frame *frame)
{
	const uint32_t flags = frame->sent ? SENT : ARRIVED;
	size_t comment = frame->comment != NULL ? strlen(frame->comment) : 0;
	uint32_t size = 32 + padded(frame->kept) + option_size(sizeof(flags)) + option_size(0);

	if (comment > OPTION_MAX)
		comment = OPTION_MAX;
	if (frame->comment != NULL)
		size += option_size(comment);
	put_head(stream, FRAME, size);
	put32(stream, frame->interface);
	put32(stream, (uint32_t)(frame->time >> 32));
	put32(stream, (uint32_t)frame->time);
	put32(stream, frame->kept);
	put32(stream, frame->length);
	put_bytes(stream, frame->bytes, frame->kept);
	put_option(stream, FLAGS, &flags, sizeof(flags));
	if (frame->comment != NULL)
		put_option(stream, COMMENT, frame->comment, comment);
	put_end(stream, size);
}
