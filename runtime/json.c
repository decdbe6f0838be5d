#include "json.h"

#include <json-c/json.h>

struct json_object *json_new_object(void)
{
	return json_object_new_object();
}

struct json_object *json_new_array(void)
{
	return json_object_new_array();
}

void json_add(struct json_object *object, const char *key, struct json_object *value)
{
	(void)json_object_object_add(object, key, value);
}

void json_add_text(struct json_object *object, const char *key, const char *text)
{
	json_add(object, key, text != NULL ? json_object_new_string(text) : NULL);
}

void json_add_number(struct json_object *object, const char *key, int64_t number)
{
	json_add(object, key, json_object_new_int64(number));
}

void json_add_bool(struct json_object *object, const char *key, bool value)
{
	json_add(object, key, json_object_new_boolean(value));
}

void json_add_null(struct json_object *object, const char *key)
{
	json_add(object, key, NULL);
}

void json_append(struct json_object *array, struct json_object *value)
{
	(void)json_object_array_add(array, value);
}

void json_append_text(struct json_object *array, const char *text)
{
	json_append(array, json_object_new_string(text));
}

void json_print(struct json_object *whole)
{
	(void)puts(json_object_to_json_string_ext(whole, JSON_C_TO_STRING_PRETTY |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	(void)json_object_put(whole);
}
