#include "marker.h"

#define BLOCK_SIZE 64
#define HEAD_SIZE  16

/* How many blocks are looked at of bytes that somebody else may have written: each that lies costs
 * time. */
#define CANDIDATES_MAX 64

static const uint8_t magic[4] = {0xf5, 'p', 'y', 'r'};

static uint32_t get_u32(const uint8_t *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void put_u32(uint8_t *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Any change of what goes in changes about half of the bits that come out. */
static uint32_t mix(uint32_t value)
{
	value = (value ^ value >> 16) * 0x7feb352dU;
	value = (value ^ value >> 15) * 0x846ca68bU;
	return value ^ value >> 16;
}

static void make_block(uint8_t block[BLOCK_SIZE], uint32_t number, const struct marker *marker)
{
	const uint32_t seed = mix(mix(mix(marker->token) + marker->sequence) + number);

	memcpy(block, magic, sizeof(magic));
	put_u32(block + 4, marker->token);
	put_u32(block + 8, marker->sequence);
	put_u32(block + 12, number);
	for (uint32_t i = HEAD_SIZE; i < BLOCK_SIZE; i += 4)
		put_u32(block + i, mix(seed + i));
}

void marker_write(uint8_t *to, size_t size, uint64_t offset, const struct marker *marker)
{
	uint8_t block[BLOCK_SIZE];

	while (size > 0) {
		size_t begin = offset % BLOCK_SIZE;
		size_t part = size < BLOCK_SIZE - begin ? size : BLOCK_SIZE - begin;

		make_block(block, (uint32_t)(offset / BLOCK_SIZE), marker);
		memcpy(to, block + begin, part);
		to += part;
		size -= part;
		offset += part;
	}
}

size_t marker_check(const uint8_t *bytes, size_t size, uint64_t offset, const struct marker *marker)
{
	uint8_t right[BLOCK_SIZE];
	size_t done = 0;

	while (done < size) {
		size_t begin = (offset + done) % BLOCK_SIZE;
		size_t part = size - done < BLOCK_SIZE - begin ? size - done : BLOCK_SIZE - begin;

		marker_write(right, part, offset + done, marker);
		if (memcmp(bytes + done, right, part) != 0) {
			for (size_t i = 0; i < part; i++)
				if (bytes[done + i] != right[i])
					return done + i;
		}
		done += part;
	}
	return size;
}

/* How much of the block that begins at BYTES is as it should be; it is whole where that is SIZE, or
 * the block's end. */
static size_t read_block(const uint8_t *bytes, size_t size, struct marker *marker, uint32_t *number)
{
	marker->token = get_u32(bytes + 4);
	marker->sequence = get_u32(bytes + 8);
	/* Of a payload without room for it the first block is the only one. */
	*number = size < HEAD_SIZE ? 0 : get_u32(bytes + 12);
	if (size > BLOCK_SIZE)
		size = BLOCK_SIZE;
	return marker_check(bytes, size, (uint64_t)*number * BLOCK_SIZE, marker);
}

bool marker_find(const uint8_t *bytes, size_t size, struct marker *marker, int64_t *at)
{
	const uint8_t *place = bytes;
	size_t best = 0;

	for (int i = 0; i < CANDIDATES_MAX; i++) {
		size_t left = size - (size_t)(place - bytes);
		struct marker read;
		uint32_t number;
		size_t right;

		place = left < MARKER_KNOWN_SIZE
				? NULL
				: memmem(place, left - MARKER_KNOWN_SIZE + sizeof(magic), magic,
					 sizeof(magic));
		if (!place)
			break;
		left = size - (size_t)(place - bytes);
		right = read_block(place, left, &read, &number);
		if (right > best) {
			best = right;
			*marker = read;
			*at = (place - bytes) - (int64_t)number * BLOCK_SIZE;
		}
		if (right == BLOCK_SIZE)
			break;
		place++;
	}
	return best > 0;
}
