/* JSON for programs (RFC 8259), as commands print it under --json. The only user of json-c. What
 * memory runs out for is left out, as json-c does. */
#ifndef PYROUTE_JSON_H
#define PYROUTE_JSON_H

#include "util.h"

#include <stdint.h>

struct json_object; /* json-c's: an object or an array */

/* A new one is the caller's, until it is added to another or printed. */
struct json_object *json_new_object(void);
struct json_object *json_new_array(void);

/* Add to OBJECT. TEXT may be NULL: null. */
void json_add_text(struct json_object *object, const char *key, const char *text);
void json_add_number(struct json_object *object, const char *key, int64_t number);
void json_add_bool(struct json_object *object, const char *key, bool value);
void json_add_null(struct json_object *object, const char *key);

/* Add VALUE, which is then theirs, to OBJECT and to the end of ARRAY. */
void json_add(struct json_object *object, const char *key, struct json_object *value);
void json_append(struct json_object *array, struct json_object *value);
void json_append_text(struct json_object *array, const char *text);

/* Prints WHOLE to standard output, and frees it. */
void json_print(struct json_object *whole);

#endif
