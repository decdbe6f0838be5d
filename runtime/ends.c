#include "ends.h"

void ends_clear(struct ends *ends)
{
	free(ends->all);
	free(ends->first);
	*ends = (struct ends){.all = NULL};
}

/* Goes through the interfaces of STAGE: NEXT[I] is where the next end of the net I goes in ALL.
 * Where that is NULL they are counted there alone. */
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
	const size_t nets = stage->net_count;
	size_t *next;

	/* Behind what stays there is room for what is counted up meanwhile. */
	ends->first = calloc(2 * nets + 1, sizeof(*ends->first));
	if (ends->first != NULL) {
		place(stage, ends->first, NULL);
		ends->all = calloc(add_up(ends->first, nets) + 1, sizeof(*ends->all));
	}
	if (ends->first == NULL || ends->all == NULL)
		return error_system(error, ENOMEM, "cannot wire the clients");
	next = ends->first + nets + 1;
	memcpy(next, ends->first, nets * sizeof(*next));
	place(stage, next, ends->all);
	return 0;
}

const struct end *ends_of(const struct ends *ends, const struct stage_net *net, size_t *count)
{
	*count = ends->first[net->number] - ends->first[net->number - 1];
	return &ends->all[ends->first[net->number - 1]];
}
