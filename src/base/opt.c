/* opt.c: reading and writing options by their tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- spelling ---------------------------------------------------------------------- */

static char dash_of(char c)
{
    return c == '_' ? '-' : c;
}

static bool same_key(const char *a, const char *b)
{
    while (*a && dash_of(*a) == dash_of(*b)) {
        a++;
        b++;
    }
    return dash_of(*a) == dash_of(*b);
}

static size_t least(size_t a, size_t b, size_t c)
{
    const size_t d = a < b ? a : b;
    return d < c ? d : c;
}

/* Row by row: row[j] is the distance of the first i bytes of a to the first j of b. */
size_t nastl_text_distance(const char *a, const char *b)
{
    enum { MOST = 63 };
    size_t row[MOST + 1];
    const size_t na = strnlen(a, MOST), nb = strnlen(b, MOST);
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            const size_t change = diagonal + (dash_of(a[i - 1]) != dash_of(b[j - 1]));
            diagonal = row[j];
            row[j] = least(change, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[nb];
}

/* The distance, or SIZE_MAX where it is too large for a slip of the fingers. */
static size_t slip(const char *name, const char *typed)
{
    const size_t distance = nastl_text_distance(name, typed);
    const size_t third = strlen(typed) / 3;
    return distance <= (third > 2 ? third : 2) ? distance : SIZE_MAX;
}

const char *nastl_text_nearest(const char *const *names, size_t count, const char *name)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        const size_t distance = slip(names[i], name);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

const char *nastl_opt_nearest(const struct nastl_opt *table, const char *key)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    for (; table->key; table++) {
        const size_t distance = slip(table->key, key);
        if (distance < best) {
            best = distance;
            nearest = table->key;
        }
    }
    return nearest;
}

/* ---- lists ------------------------------------------------------------------------- */

int nastl_list_add(struct nastl_list *list, const char *item, size_t length)
{
    char **items = nastl_alloc_resize(list->items, list->count + 1, sizeof *items);
    if (!items)
        return nastl_error_nomem("a list");
    list->items = items;
    items[list->count] = nastl_strndup(item, length);
    if (!items[list->count])
        return nastl_error_nomem("a list");
    list->count++;
    return NASTL_OK;
}

int nastl_list_split(struct nastl_list *list, const char *text, char separator)
{
    for (;;) {
        const char *end = strchr(text, separator);
        const size_t length = end ? (size_t)(end - text) : strlen(text);
        if (length)
            TRY(nastl_list_add(list, text, length));
        if (!end)
            return NASTL_OK;
        text = end + 1;
    }
}

int nastl_list_copy(struct nastl_list *out, const struct nastl_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        TRY(nastl_list_add(out, list->items[i], strlen(list->items[i])));
    return NASTL_OK;
}

void nastl_list_finish(struct nastl_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct nastl_list){0};
}

bool nastl_list_has(const struct nastl_list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}

int nastl_list_join(char **out, const struct nastl_list *list, const char *separator)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    for (size_t i = 0; i < list->count; i++) {
        nastl_strbuf_add(&buf, i ? separator : "");
        nastl_strbuf_add(&buf, list->items[i]);
    }
    return nastl_strbuf_take(out, &buf);
}

/* ---- fields ------------------------------------------------------------------------ */

static void *field(const struct nastl_opt *option, void *params)
{
    return (char *)params + option->offset;
}

static const void *const_field(const struct nastl_opt *option, const void *params)
{
    return (const char *)params + option->offset;
}

static int wrong(const struct nastl_opt *option, const char *text, const char *accepted)
{
    char key[64] = {0};
    for (size_t i = 0; i + 1 < sizeof key && option->key[i]; i++)
        key[i] = dash_of(option->key[i]);
    return nastl_error(NASTL_EINVAL, "--%s %s: not accepted; give %s", key, text,
                       accepted);
}

static int wrong_range(const struct nastl_opt *option, const char *text, const char *what)
{
    char low[32], high[32], accepted[128];
    nastl_number_text(low, option->low);
    nastl_number_text(high, option->high);
    snprintf(accepted, sizeof accepted, "%s from %s to %s", what, low, high);
    return wrong(option, text, accepted);
}

int nastl_opt_duration(double *seconds, const char *text)
{
    const size_t length = strlen(text);
    const char unit = length ? text[length - 1] : '\0';
    const double scale = unit == 'h' ? 3600 : unit == 'm' ? 60 : 1;
    const size_t digits = unit == 'h' || unit == 'm' || unit == 's' ? length - 1 : length;
    double number;
    if (!nastl_number_parse(&number, text, digits) || !isfinite(number) || number < 0)
        return nastl_error(NASTL_EINVAL,
                           "%s: not a duration; give one such as 30s, 10m or 2h", text);
    *seconds = number * scale;
    return NASTL_OK;
}

static int set_number(const struct nastl_opt *option, void *params, const char *text)
{
    const bool whole = option->type == NASTL_OPT_INT;
    const char *what = whole ? "a whole number" : "a number";
    double value;
    if (!nastl_number_parse(&value, text, strlen(text)) ||
        !(value >= option->low && value <= option->high) ||
        (whole && value != rint(value)))
        return wrong_range(option, text, what);
    if (whole)
        *(int64_t *)field(option, params) = (int64_t)value;
    else
        *(double *)field(option, params) = value;
    return NASTL_OK;
}

static int set_duration(const struct nastl_opt *option, void *params, const char *text)
{
    double value;
    if (nastl_opt_duration(&value, text) < 0)
        return wrong(option, text, "a duration such as 30s, 10m or 2h");
    if (!(value >= option->low && value <= option->high))
        return wrong_range(option, text, "a duration in seconds");
    *(double *)field(option, params) = value;
    return NASTL_OK;
}

static int set_text(const struct nastl_opt *option, void *params, const char *text)
{
    char **place = field(option, params);
    char *copy = nastl_strdup(text);
    if (!copy)
        return nastl_error_nomem(option->key);
    free(*place);
    *place = copy;
    return NASTL_OK;
}

static bool is_choice(const struct nastl_opt *option, const char *text)
{
    for (const char *const *choice = option->choices; choice && *choice; choice++)
        if (strcmp(*choice, text) == 0)
            return true;
    return !option->choices;
}

static int wrong_choice(const struct nastl_opt *option, const char *text)
{
    struct nastl_strbuf accepted;
    nastl_strbuf_init(&accepted);
    nastl_strbuf_add(&accepted, "one of ");
    size_t count = 0;
    for (const char *const *choice = option->choices; *choice; choice++)
        nastl_strbuf_addf(&accepted, "%s%s", count++ ? ", " : "", *choice);
    const char *near = nastl_text_nearest(option->choices, count, text);
    if (near)
        nastl_strbuf_addf(&accepted, " (did you mean %s?)", near);
    const char *sentence = nastl_strbuf_text(&accepted);
    const int status = wrong(option, text, sentence ? sentence : "another");
    nastl_strbuf_finish(&accepted);
    return status;
}

static int set_list(const struct nastl_opt *option, void *params, const char *text)
{
    struct nastl_list list = {0};
    int status = nastl_list_split(&list, text, ',');
    if (status == NASTL_OK && *text && list.count == 0)
        status = wrong(option, text, "names with commas between them");
    for (size_t i = 0; status == NASTL_OK && i < list.count; i++)
        if (!is_choice(option, list.items[i]))
            status = wrong_choice(option, list.items[i]);
    if (status < 0) {
        nastl_list_finish(&list);
        return status;
    }
    nastl_list_finish(field(option, params));
    *(struct nastl_list *)field(option, params) = list;
    return NASTL_OK;
}

static int set_bool(const struct nastl_opt *option, void *params, const char *text)
{
    const bool on = strcmp(text, "true") == 0;
    if (!on && strcmp(text, "false") != 0)
        return wrong(option, text, "true or false");
    *(bool *)field(option, params) = on;
    return NASTL_OK;
}

int nastl_opt_set(const struct nastl_opt *option, void *params, const char *text)
{
    switch (option->type) {
    case NASTL_OPT_BOOL:
        return set_bool(option, params, text);
    case NASTL_OPT_INT:
    case NASTL_OPT_FLOAT:
        return set_number(option, params, text);
    case NASTL_OPT_DURATION:
        return set_duration(option, params, text);
    case NASTL_OPT_CHOICE:
        return is_choice(option, text) ? set_text(option, params, text)
                                       : wrong_choice(option, text);
    case NASTL_OPT_TEXT:
        return set_text(option, params, text);
    case NASTL_OPT_LIST:
        return set_list(option, params, text);
    case NASTL_OPT_REPEAT:
        return nastl_list_add(field(option, params), text, strlen(text));
    case NASTL_OPT_COUNT:
        break;
    }
    return nastl_error(NASTL_EINTERNAL, "option %s: unknown type", option->key);
}

/* ---- tables ------------------------------------------------------------------------ */

static void clear_field(const struct nastl_opt *option, void *params)
{
    if (option->type == NASTL_OPT_TEXT || option->type == NASTL_OPT_CHOICE) {
        free(*(char **)field(option, params));
        *(char **)field(option, params) = NULL;
    }
    if (option->type == NASTL_OPT_LIST || option->type == NASTL_OPT_REPEAT)
        nastl_list_finish(field(option, params));
}

void nastl_opt_clear(const struct nastl_opt *table, void *params)
{
    for (; table->key; table++)
        clear_field(table, params);
}

static const size_t field_size[] = {
    [NASTL_OPT_BOOL] = sizeof(bool),
    [NASTL_OPT_INT] = sizeof(int64_t),
    [NASTL_OPT_FLOAT] = sizeof(double),
    [NASTL_OPT_TEXT] = sizeof(char *),
    [NASTL_OPT_CHOICE] = sizeof(char *),
    [NASTL_OPT_DURATION] = sizeof(double),
    [NASTL_OPT_LIST] = sizeof(struct nastl_list),
    [NASTL_OPT_REPEAT] = sizeof(struct nastl_list),
};
_Static_assert(sizeof field_size / sizeof *field_size == NASTL_OPT_COUNT, "one a type");

int nastl_opt_defaults(const struct nastl_opt *table, void *params)
{
    for (; table->key; table++) {
        memset(field(table, params), 0, field_size[table->type]);
        if (table->fallback)
            TRY(nastl_opt_set(table, params, table->fallback));
    }
    return NASTL_OK;
}

const struct nastl_opt *nastl_opt_find(const struct nastl_opt *table, const char *key)
{
    for (; table->key; table++)
        if (same_key(table->key, key))
            return table;
    return NULL;
}

int nastl_opt_text(char **out, const struct nastl_opt *option, const void *params)
{
    const void *at = const_field(option, params);
    char number[32];
    const char *text = number;
    switch (option->type) {
    case NASTL_OPT_BOOL:
        text = *(const bool *)at ? "true" : "false";
        break;
    case NASTL_OPT_INT:
        snprintf(number, sizeof number, "%lld", (long long)*(const int64_t *)at);
        break;
    case NASTL_OPT_FLOAT:
    case NASTL_OPT_DURATION:
        nastl_number_text(number, *(const double *)at);
        break;
    case NASTL_OPT_LIST:
    case NASTL_OPT_REPEAT:
        if (((const struct nastl_list *)at)->count)
            return nastl_list_join(out, at, ",");
        text = NULL;
        break;
    default:
        text = *(char *const *)at;
    }
    *out = nastl_strdup(text);
    return text && !*out ? nastl_error_nomem(option->key) : NASTL_OK;
}
