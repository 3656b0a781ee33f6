/* dataset_label.c: the labels of the picked rows: classes or values (assemble.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/assemble.h"
#include "data/table_read.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/stat.h"
#include "base/strbuf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct nastl_column *label_column(const struct nastl_input *input)
{
    return &input->table->columns[input->label];
}

static int label_error(const struct nastl_assembly *a, const char *why)
{
    return nastl_error(NASTL_EFORMAT, "%s:1: column '%s': %s", a->inputs[0].table->path,
                       label_column(&a->inputs[0])->name, why);
}

/* ---- reading ----------------------------------------------------------------------- */

static bool has_label(const struct nastl_assembly *a, size_t pick)
{
    return !isnan(a->label[pick]);
}

/* Raw numbers, before scale and transform. */
static void read_numbers(struct nastl_assembly *a)
{
    for (size_t k = 0; k < a->input_count; k++) {
        const struct nastl_input *input = &a->inputs[k];
        const struct nastl_column *column = label_column(input);
        for (size_t i = input->first; i < input->first + input->count; i++)
            a->label[i] = column->number ? column->number[a->row[i]] : NAN;
    }
}

static int read_input_texts(struct nastl_assembly *a, const struct nastl_input *input,
                            struct nastl_levels *set)
{
    int32_t *codes = nastl_alloc(input->count, sizeof *codes);
    if (!codes)
        return nastl_error_nomem("the labels");
    const int status = nastl_fill_codes(codes, 1, label_column(input), input->table->rows,
                                        a->row + input->first, input->count, set);
    for (size_t i = 0; status == NASTL_OK && i < input->count; i++)
        a->label[input->first + i] = codes[i] < 0 ? NAN : codes[i];
    free(codes);
    if (status == NASTL_OK && set->count > NASTL_MOST_CLASSES)
        return nastl_error(
            NASTL_EFORMAT,
            "%s:1: column '%s': a label of more than %d distinct texts; give "
            "the column of the classes",
            input->table->path, label_column(input)->name, NASTL_MOST_CLASSES);
    return status;
}

static int read_texts(struct nastl_assembly *a)
{
    struct nastl_levels set = {0};
    int status = NASTL_OK;
    for (size_t k = 0; status == NASTL_OK && k < a->input_count; k++)
        status = read_input_texts(a, &a->inputs[k], &set);
    nastl_strmap_finish(&set.map);
    a->classes = set.levels;
    a->class_count = set.count;
    return status;
}

static bool is_text(const struct nastl_assembly *a)
{
    for (size_t k = 0; k < a->input_count; k++)
        if (label_column(&a->inputs[k])->kind == NASTL_CATEGORICAL)
            return true;
    return false;
}

static void drop_unlabelled(struct nastl_assembly *a)
{
    const size_t before = a->rows;
    nastl_keep_picks(a, has_label);
    if (a->rows && a->rows < before)
        nastl_log_warning(a->log, "%zu rows without a label in '%s' are left out",
                          before - a->rows, a->wish.label);
}

/* ---- what kind of label ------------------------------------------------------------ */

struct values {
    size_t distinct;
    bool integers;
};

/* The distinct labels of the target's rows, ascending, in *sorted. */
static int look_at(struct values *out, double **sorted, const struct nastl_assembly *a,
                   bool target_only)
{
    double *x = nastl_alloc(a->rows, sizeof *x);
    if (!x)
        return nastl_error_nomem("the labels");
    size_t n = 0;
    *out = (struct values){.integers = true};
    for (size_t i = 0; i < a->rows; i++)
        if (!target_only || a->role[i] == NASTL_SIDE_TARGET)
            x[n++] = a->label[i];
    nastl_stat_sort(x, n);
    for (size_t i = 0; i < n; i++) {
        out->integers &= x[i] == rint(x[i]);
        if (i == 0 || x[i] != x[i - 1])
            x[out->distinct++] = x[i];
    }
    *sorted = x;
    return NASTL_OK;
}

static int check_not_constant(const struct nastl_assembly *a)
{
    struct values target;
    double *sorted;
    TRY(look_at(&target, &sorted, a, true));
    free(sorted);
    if (target.distinct == 0)
        return label_error(a, "no row of the target has a label; give labelled rows");
    if (target.distinct == 1)
        return label_error(a, "the label is the same in all rows of the target; give a "
                              "column that varies");
    return NASTL_OK;
}

static bool are_classes(const struct nastl_assembly *a, const struct values *all)
{
    if (a->wish.task != NASTL_TASK_AUTO)
        return a->wish.task != NASTL_TASK_REGRESSION;
    return nastl_are_classes(all->distinct, all->integers);
}

/* ---- classes ----------------------------------------------------------------------- */

/* Labels that are numbers become indices into their ascending distinct values. */
static int number_classes(struct nastl_assembly *a, const double *sorted, size_t count)
{
    a->classes = nastl_alloc_zero(count, sizeof *a->classes);
    if (!a->classes)
        return nastl_error_nomem("the classes");
    a->class_count = count;
    for (size_t i = 0; i < count; i++) {
        char text[32];
        nastl_number_text(text, sorted[i]);
        a->classes[i] = nastl_strdup(text);
        if (!a->classes[i])
            return nastl_error_nomem("the classes");
    }
    for (size_t i = 0; i < a->rows; i++) {
        size_t low = 0, high = count;
        while (high - low > 1) {
            const size_t middle = low + (high - low) / 2;
            if (sorted[middle] <= a->label[i])
                low = middle;
            else
                high = middle;
        }
        a->label[i] = (double)low;
    }
    return NASTL_OK;
}

struct named {
    char *text;
    int32_t index;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->text, ((const struct named *)b)->text);
}

/* Sorts classes that are texts by bytes. */
static int sort_classes(struct nastl_assembly *a)
{
    struct named *named = nastl_alloc(a->class_count, sizeof *named);
    int32_t *to = nastl_alloc(a->class_count, sizeof *to);
    if (!named || !to) {
        free(named);
        free(to);
        return nastl_error_nomem("the classes");
    }
    for (size_t i = 0; i < a->class_count; i++)
        named[i] = (struct named){a->classes[i], (int32_t)i};
    if (a->class_count)
        qsort(named, a->class_count, sizeof *named, by_text);
    for (size_t i = 0; i < a->class_count; i++) {
        a->classes[i] = named[i].text;
        to[named[i].index] = (int32_t)i;
    }
    for (size_t i = 0; i < a->rows; i++)
        a->label[i] = to[(size_t)a->label[i]];
    free(named);
    free(to);
    return NASTL_OK;
}

/* ---- values ------------------------------------------------------------------------ */

static int map_values(struct nastl_assembly *a)
{
    for (size_t i = 0; i < a->rows; i++) {
        const struct nastl_input *input = &a->inputs[a->input[i]];
        const double raw = a->label[i], scaled = raw * input->label_scale;
        a->label[i] = input->label_log ? log1p(scaled) : scaled;
        if (!isfinite(a->label[i]))
            return nastl_error(NASTL_EFORMAT,
                               "%s: row %d, column '%s': the label %g %s; correct it or "
                               "leave it empty",
                               input->table->path, a->row[i] + 1,
                               label_column(input)->name, raw,
                               input->label_log ? "has no log1p(scale * label)"
                                                : "is too large for its scale");
    }
    return NASTL_OK;
}

static int settle_numbers(struct nastl_assembly *a)
{
    struct values all;
    double *sorted;
    TRY(look_at(&all, &sorted, a, false));
    int status = NASTL_OK;
    if (!isfinite(sorted[0]) || !isfinite(sorted[all.distinct - 1])) {
        status = label_error(a, "an infinite label; correct it or leave it empty");
    } else if (!are_classes(a, &all)) {
        a->task = NASTL_TASK_REGRESSION;
        status = map_values(a);
    } else if (all.distinct > NASTL_MOST_CLASSES) {
        status = label_error(a, "more than 1000 distinct numbers are no classes; give "
                                "--task regression or another column");
    } else {
        status = number_classes(a, sorted, all.distinct);
    }
    free(sorted);
    return status;
}

static int settle_texts(struct nastl_assembly *a)
{
    if (a->wish.task == NASTL_TASK_REGRESSION)
        return label_error(a, "the label holds texts, and regression needs numbers; give "
                              "another column or task");
    return sort_classes(a);
}

int nastl_read_labels(struct nastl_assembly *a)
{
    a->label = nastl_alloc(a->rows, sizeof *a->label);
    if (!a->label)
        return nastl_error_nomem("the labels");
    a->task = NASTL_TASK_MULTICLASS;
    const bool text = is_text(a);
    if (text)
        TRY(read_texts(a));
    else
        read_numbers(a);
    drop_unlabelled(a);
    TRY(check_not_constant(a));
    return text ? settle_texts(a) : settle_numbers(a);
}

/* ---- the classes that are trained -------------------------------------------------- */

static void find_trained(bool *trained, const struct nastl_assembly *a)
{
    memset(trained, 0, a->class_count * sizeof *trained);
    for (size_t i = 0; i < a->rows; i++)
        if (a->part[i] != NASTL_PART_TEST)
            trained[(size_t)a->label[i]] = true;
}

/* Counts and names what only test has; those rows get the class `count`. */
static void remap(struct nastl_assembly *a, const bool *trained, int32_t *to)
{
    enum { MOST_NAMED = 8 };
    struct nastl_strbuf names;
    nastl_strbuf_init(&names);
    size_t count = 0, rows = 0, named = 0;
    for (size_t c = 0; c < a->class_count; c++)
        to[c] = trained[c] ? (int32_t)count++ : -1;
    for (size_t i = 0; i < a->rows; i++) {
        const int32_t class = to[(size_t)a->label[i]];
        rows += class < 0;
        a->label[i] = class < 0 ? (double)count : class;
    }
    for (size_t c = 0; c < a->class_count; c++) {
        if (trained[c]) {
            a->classes[to[c]] = a->classes[c];
            continue;
        }
        if (named++ < MOST_NAMED)
            nastl_strbuf_addf(&names, "%s%s", names.length ? ", " : "", a->classes[c]);
        free(a->classes[c]);
    }
    if (named > MOST_NAMED)
        nastl_strbuf_addf(&names, " and %zu more", named - MOST_NAMED);
    const char *text = nastl_strbuf_text(&names);
    if (rows)
        nastl_log_warning(a->log,
                          "%zu test rows are of classes that no training row has "
                          "(%s); they count as wrong",
                          rows, text ? text : "…");
    a->class_count = count;
    nastl_strbuf_finish(&names);
}

static int check_count(struct nastl_assembly *a)
{
    if (a->class_count < 2)
        return label_error(a, "the training rows are all of one class; give more rows");
    if (a->wish.task == NASTL_TASK_BINARY && a->class_count != 2)
        return nastl_error(NASTL_EINVAL,
                           "--task binary: column '%s' has %zu classes; give multiclass",
                           a->wish.label, a->class_count);
    if (a->class_count == 2 && a->wish.task != NASTL_TASK_MULTICLASS)
        a->task = NASTL_TASK_BINARY;
    return NASTL_OK;
}

int nastl_settle_classes(struct nastl_assembly *a)
{
    if (a->task == NASTL_TASK_REGRESSION)
        return NASTL_OK;
    bool *trained = nastl_alloc(a->class_count, sizeof *trained);
    int32_t *to = nastl_alloc(a->class_count, sizeof *to);
    if (trained && to) {
        find_trained(trained, a);
        remap(a, trained, to);
    }
    const int status = trained && to ? check_count(a) : nastl_error_nomem("the classes");
    free(trained);
    free(to);
    return status;
}
