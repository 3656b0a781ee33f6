/* dataset.c: the steps from DATA to a dataset, in order (assemble.h), and what is asked
 * of it afterwards. SPDX-License-Identifier: Apache-2.0 */
#include "data/assemble.h"
#include "data/texts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

void nastl_dataset_destroy(struct nastl_dataset *dataset)
{
    if (!dataset)
        return;
    for (size_t i = 0; i < dataset->feature_count; i++) {
        free(dataset->features[i].name);
        nastl_texts_free(dataset->features[i].levels, dataset->features[i].level_count);
    }
    free(dataset->features);
    free(dataset->numeric);
    free(dataset->code);
    free(dataset->label);
    free(dataset->group);
    free(dataset->part);
    free(dataset->origin);
    free(dataset->label_name);
    free(dataset->label_transform);
    nastl_texts_free(dataset->classes, dataset->class_count);
    free(dataset->target_name);
    free(dataset->source_name);
    nastl_list_finish(&dataset->files);
    nastl_texts_free(dataset->sources, dataset->source_count);
    free(dataset);
}

/* ---- names ------------------------------------------------------------------------- */

/* "a.csv,b.csv [D1,D2]": what was asked for, with the domains where there are any. */
static int name_side(char **out, const struct nastl_list *data,
                     const struct nastl_list *domains)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    for (size_t i = 0; i < data->count; i++)
        nastl_strbuf_addf(&buf, "%s%s", i ? "," : "", data->items[i]);
    for (size_t i = 0; i < domains->count; i++)
        nastl_strbuf_addf(&buf, "%s%s", i ? "," : " [", domains->items[i]);
    nastl_strbuf_add(&buf, domains->count ? "]" : "");
    return nastl_strbuf_take(out, &buf);
}

static const struct nastl_list *either(const struct nastl_list *given,
                                       const struct nastl_list *descriptor)
{
    return given->count ? given : descriptor;
}

static int name_sides(struct nastl_dataset *dataset, const struct nastl_assembly *a)
{
    const struct nastl_dataset_params *p = a->params;
    const struct nastl_descriptor *d = &a->inputs[0].table->descriptor;
    bool has_source = false;
    for (size_t i = 0; i < a->rows; i++)
        has_source |= a->role[i] == NASTL_SIDE_SOURCE;
    TRY(name_side(&dataset->target_name, &p->target,
                  either(&p->target_domain, &d->target_domain)));
    if (!has_source)
        return NASTL_OK;
    return p->source.count
               ? name_side(&dataset->source_name, &p->source, &p->source_domain)
               : name_side(&dataset->source_name, &p->target,
                           either(&p->source_domain, &d->source_domain));
}

static int list_files(struct nastl_list *out, const struct nastl_assembly *a)
{
    for (size_t i = 0; i < a->input_count; i++) {
        const struct nastl_list *files = &a->inputs[i].table->files;
        for (size_t k = 0; k < files->count; k++)
            if (!nastl_list_has(out, files->items[k]))
                TRY(nastl_list_add(out, files->items[k], strlen(files->items[k])));
    }
    return NASTL_OK;
}

/* ---- assembling -------------------------------------------------------------------- */

/* What the assembly has made becomes the dataset's. */
static void take_over(struct nastl_dataset *dataset, struct nastl_assembly *a)
{
    dataset->rows = a->rows;
    dataset->label = a->label;
    dataset->group = a->group;
    dataset->part = a->part;
    dataset->classes = a->classes;
    dataset->class_count = a->class_count;
    dataset->task = a->task;
    a->label = NULL;
    a->group = NULL;
    a->part = NULL;
    a->classes = NULL;
}

static int fill_dataset(struct nastl_dataset *dataset, struct nastl_assembly *a)
{
    take_over(dataset, a);
    const bool mapped = dataset->task == NASTL_TASK_REGRESSION;
    dataset->label_scale = mapped ? a->wish.label_scale : 1;
    dataset->label_name = nastl_strdup(a->wish.label);
    dataset->label_transform = nastl_strdup(mapped ? a->wish.label_transform : "none");
    if (!dataset->label_name || !dataset->label_transform)
        return nastl_error_nomem("a dataset");
    TRY(name_sides(dataset, a));
    TRY(list_files(&dataset->files, a));
    TRY(nastl_find_sources(dataset, a));
    return nastl_fill_features(dataset, a);
}

static int assemble(struct nastl_dataset *dataset, struct nastl_assembly *a)
{
    TRY(nastl_open_inputs(a));
    TRY(nastl_settle_wish(a));
    TRY(nastl_pick_rows(a));
    TRY(nastl_read_labels(a));
    TRY(nastl_assign_parts(a));
    TRY(nastl_settle_classes(a));
    return fill_dataset(dataset, a);
}

int nastl_dataset_load(struct nastl_dataset **out,
                       const struct nastl_dataset_params *params,
                       const struct nastl_log *log)
{
    struct nastl_assembly a = {.params = params, .log = log};
    struct nastl_dataset *dataset = nastl_alloc_zero(1, sizeof *dataset);
    const int status = dataset ? assemble(dataset, &a) : nastl_error_nomem("a dataset");
    nastl_assembly_finish(&a);
    if (status < 0)
        nastl_dataset_destroy(dataset);
    else
        *out = dataset;
    return status;
}

/* ---- asking ------------------------------------------------------------------------ */

size_t nastl_dataset_count(const struct nastl_dataset *dataset, enum nastl_part part)
{
    size_t count = 0;
    for (size_t i = 0; i < dataset->rows; i++)
        count += dataset->part[i] == part;
    return count;
}

int nastl_dataset_rows(int32_t **rows, size_t *count, const struct nastl_dataset *dataset,
                       enum nastl_part part)
{
    const size_t n = nastl_dataset_count(dataset, part);
    int32_t *found = nastl_alloc(n, sizeof *found);
    if (!found)
        return nastl_error_nomem("the rows of a part");
    *count = 0;
    for (size_t i = 0; i < dataset->rows; i++)
        if (dataset->part[i] == part)
            found[(*count)++] = (int32_t)i;
    *rows = found;
    return NASTL_OK;
}
