/* How a table is shown. */
#ifndef PYROUTE_BENCH_OUTPUT_H
#define PYROUTE_BENCH_OUTPUT_H

#include "bench.h"

/* What a column of ROW is judged by: its ratio, or pyroute's own value. False where there is none.
 */
bool row_ratio(const struct row *row, enum column column, struct spread *spread);
/* Whether that is what the row's target for COLUMN, which there is, says. */
bool row_meets(const struct row *row, enum column column, const struct spread *ratio);

void output_text(struct bench *bench);
void output_json(struct bench *bench);

#endif
