/* The values of a check's keys, for values: one question of those that a router is asked. */
#ifndef PYROUTE_VALUES_CHECK_H
#define PYROUTE_VALUES_CHECK_H

#include "reader.h"

/* Reads the reader's section, [check NAME], as values_read() does. Besides the form of each value
 * it checks what two keys of the section say together: what the probe knows, and may expect. */
void values_check_read(struct reader *reader);

#endif
