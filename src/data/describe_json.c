/* describe_json.c: a description as one JSON document, schema nas-tl/describe/v1.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/describe.h"

#include "base/error.h"
#include "base/strbuf.h"
#include "io/json.h"

#include <math.h>

static json_t *integer(size_t value)
{
    return json_integer((json_int_t)value);
}

/* [{"KEY": text, "rows": n} …] */
static int put_tallies(json_t *object, const char *key, const struct nastl_tally *items,
                       size_t count, const char *name)
{
    json_t *list = json_array();
    TRY(nastl_json_set(object, key, list));
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_object();
        TRY(nastl_json_append(list, item));
        TRY(nastl_json_set(item, name, nastl_json_text(items[i].text)));
        TRY(nastl_json_set(item, "rows", integer(items[i].rows)));
    }
    return NASTL_OK;
}

static int put_texts(json_t *object, const char *key, const struct nastl_list *texts)
{
    json_t *list = json_array();
    TRY(nastl_json_set(object, key, list));
    for (size_t i = 0; i < texts->count; i++)
        TRY(nastl_json_append(list, nastl_json_text(texts->items[i])));
    return NASTL_OK;
}

static int put_label(json_t *root, const struct nastl_summary *s)
{
    if (s->label < 0)
        return nastl_json_set(root, "label", json_null());
    const struct nastl_column *column = &s->table->columns[s->label];
    json_t *label = json_object();
    TRY(nastl_json_set(root, "label", label));
    TRY(nastl_json_set(label, "column", nastl_json_text(column->name)));
    TRY(nastl_json_set(label, "missing", integer(column->missing)));
    TRY(nastl_json_set(label, "distinct", integer(s->classes.count)));
    if (!s->is_classes)
        return nastl_json_set(label, "classes", json_null());
    return put_tallies(label, "classes", s->classes.items, s->classes.count, "class");
}

static int put_domains(json_t *root, const struct nastl_summary *s)
{
    if (s->domain < 0)
        return nastl_json_set(root, "domains", json_null());
    json_t *domains = json_object();
    const char *name = s->table->columns[s->domain].name;
    TRY(nastl_json_set(root, "domains", domains));
    TRY(nastl_json_set(domains, "column", nastl_json_text(name)));
    TRY(put_tallies(domains, "values", s->domains.items, s->domains.count, "domain"));
    TRY(put_texts(domains, "source", &s->source));
    TRY(put_texts(domains, "target", &s->target));
    TRY(nastl_json_set(domains, "source_rows", integer(s->source_rows)));
    return nastl_json_set(domains, "target_rows", integer(s->target_rows));
}

static int put_column(json_t *list, const struct nastl_summary *s, size_t at)
{
    const struct nastl_column_summary *c = &s->columns[at];
    const bool numeric = c->column->kind == NASTL_NUMERIC;
    json_t *object = json_object();
    TRY(nastl_json_append(list, object));
    TRY(nastl_json_set(object, "name", nastl_json_text(c->column->name)));
    TRY(nastl_json_set(object, "kind", json_string(numeric ? "numeric" : "categorical")));
    TRY(nastl_json_set(object, "missing", integer(c->column->missing)));
    if (numeric) {
        TRY(nastl_json_set(object, "min", nastl_json_number(c->low)));
        TRY(nastl_json_set(object, "median", nastl_json_number(c->median)));
        TRY(nastl_json_set(object, "max", nastl_json_number(c->high)));
    } else {
        TRY(nastl_json_set(object, "levels", integer(c->column->level_count)));
        TRY(put_tallies(object, "top", c->top, c->top_count, "level"));
    }
    return s->side ? nastl_json_set(object, "psi", nastl_json_number(c->shift))
                   : NASTL_OK;
}

static int fill(json_t *root, const struct nastl_summary *s)
{
    TRY(nastl_json_set(root, "schema", json_string("nas-tl/describe/v1")));
    TRY(put_texts(root, "files", &s->table->files));
    TRY(nastl_json_set(root, "rows", integer(s->table->rows)));
    TRY(put_label(root, s));
    TRY(put_domains(root, s));
    json_t *list = json_array();
    TRY(nastl_json_set(root, "columns", list));
    for (size_t i = 0; i < s->table->count; i++)
        TRY(put_column(list, s, i));
    return NASTL_OK;
}

int nastl_summary_json(char **out, const struct nastl_summary *summary)
{
    json_t *root = json_object();
    struct nastl_strbuf buf;
    if (!root)
        return nastl_error_nomem("a description");
    nastl_strbuf_init(&buf);
    int status = fill(root, summary);
    if (status == NASTL_OK) {
        nastl_json_write(&buf, root, 2);
        nastl_strbuf_add(&buf, "\n");
        status = nastl_strbuf_take(out, &buf);
    }
    nastl_strbuf_finish(&buf);
    json_decref(root);
    return status;
}
