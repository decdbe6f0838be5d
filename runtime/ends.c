#include "ends.h"

void ends_clear(struct ends *ends)
{
	free(ends->all);
	free(ends->first);
	*ends = (struct ends){.all = NULL};
}

/* Calls for each interface of STAGE in turn. NEXT[I] is where the next end of the net I is put;
 * where ALL is NULL they are counted alone. */
static void place(const struct stage *stage, size_t *next, struct end *all)
{
	for (size_t i = 0; i < stage->client_count; i++)
		for (size_t j = 0; j < stage->clients[i].interface_count; j++) {
			size_t *at = &next[stage->clients[i].interfaces[j].net - 1];

			if (all != NULL)
				all[*at] = (struct end){.client = i, .interface = j};
			(*at)++;
		}
}

/* Counts become places: FIRST[I] where the net I begins. */
static size_t add_up(size_t *first, size_t count)
{
	size_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		size_t own = first[i];

		first[i] = sum;
		sum += own;
	}
	return first[count] = sum;
}

int ends_list(const struct stage *stage, struct ends *ends, struct error *error)
{
	CLEANUP_FREE size_t *next = calloc(stage->net_count + 1, sizeof(*next));
	size_t total;

	*ends = (struct ends){.first = calloc(stage->net_count + 1, sizeof(*ends->first))};
	if (next != NULL && ends->first != NULL) {
		place(stage, ends->first, NULL);
		total = add_up(ends->first, stage->net_count);
		ends->all = calloc(total + 1, sizeof(*ends->all));
	}
	if (ends->all == NULL) {
		ends_clear(ends);
		return error_system(error, ENOMEM, "cannot wire the clients");
	}
	memcpy(next, ends->first, stage->net_count * sizeof(*next));
	place(stage, next, ends->all);
	return 0;
}

const struct end *ends_of(const struct ends *ends, const struct stage_net *net, size_t *count)
{
	*count = ends->first[net->number] - ends->first[net->number - 1];
	return &ends->all[ends->first[net->number - 1]];
}
