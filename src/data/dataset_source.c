/* dataset_source.c: which of several sources a row is from (assemble.h): a file that was
 * given, or a domain that was asked for.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/assemble.h"
#include "data/table_read.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <stdlib.h>

/* Sources while they are found. */
struct finder {
    const struct nastl_assembly *a;
    struct nastl_levels names;
    int32_t *origin; /* (N) */
    bool by_file;    /* several files: a domain's name alone does not tell */
};

/* "D1", "a.csv" or "a.csv [D1]". */
static int code_of(int32_t *out, struct finder *finder, const char *data,
                   const char *domain)
{
    struct nastl_strbuf name;
    nastl_strbuf_init(&name);
    if (finder->by_file || !domain)
        nastl_strbuf_add(&name, data);
    if (finder->by_file && domain)
        nastl_strbuf_addf(&name, " [%s]", domain);
    else if (domain)
        nastl_strbuf_add(&name, domain);
    const char *text = nastl_strbuf_text(&name);
    const int status = text ? nastl_levels_code(out, &finder->names, text)
                            : nastl_error_nomem("the sources");
    nastl_strbuf_finish(&name);
    return status;
}

static int mark_picks(struct finder *finder, const struct nastl_input *input,
                      const struct nastl_codes *codes)
{
    const struct nastl_assembly *a = finder->a;
    int32_t last = -2, code = -1; /* rows of a domain tend to follow each other */
    for (size_t i = input->first; i < input->first + input->count; i++) {
        const int32_t level = codes ? codes->code[a->row[i]] : -1;
        const bool is_source = a->role[i] == NASTL_SIDE_SOURCE;
        if (is_source && level != last)
            TRY(code_of(&code, finder, input->data,
                        level < 0 ? NULL : codes->levels[level]));
        last = is_source ? level : last;
        finder->origin[i] = is_source ? code : -1;
    }
    return NASTL_OK;
}

static int mark_input(struct finder *finder, const struct nastl_input *input)
{
    struct nastl_codes codes;
    if (!input->by_domain)
        return mark_picks(finder, input, NULL);
    TRY(nastl_codes_init(&codes, &input->table->columns[input->domain],
                         input->table->rows));
    const int status = mark_picks(finder, input, &codes);
    nastl_codes_finish(&codes);
    return status;
}

int nastl_find_sources(struct nastl_dataset *dataset, const struct nastl_assembly *a)
{
    const struct nastl_dataset_params *p = a->params;
    struct finder finder = {
        .a = a,
        .origin = nastl_alloc(a->rows, sizeof *finder.origin),
        .by_file = p->source.count > 1 || (p->source.count == 0 && p->target.count > 1),
    };
    int status = finder.origin ? NASTL_OK : nastl_error_nomem("the sources");
    for (size_t k = 0; status == NASTL_OK && k < a->input_count; k++)
        status = mark_input(&finder, &a->inputs[k]);
    nastl_strmap_finish(&finder.names.map);
    dataset->origin = finder.origin;
    dataset->sources = finder.names.levels;
    dataset->source_count = finder.names.count;
    return status;
}
