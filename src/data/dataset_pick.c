/* dataset_pick.c: which tables, which columns, which rows: the first steps towards a
 * dataset (assemble.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/assemble.h"
#include "data/table_read.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- inputs ------------------------------------------------------------------------ */

static int open_input(struct nastl_assembly *a, const char *data, enum nastl_side role)
{
    struct nastl_input *input = &a->inputs[a->input_count];
    *input = (struct nastl_input){.data = data,
                                  .role = role,
                                  .label = -1,
                                  .domain = -1,
                                  .split = -1,
                                  .group = -1,
                                  .time = -1};
    const struct nastl_dataset_params *p = a->params;
    TRY(p->open ? p->open(&input->table, data, p->data_dir, p->payload)
                : nastl_table_load(&input->table, data, p->data_dir));
    a->input_count++;
    if (input->table->rows == 0)
        return nastl_error(NASTL_EFORMAT, "%s: it has a header and no rows; add some",
                           input->table->path);
    return NASTL_OK;
}

int nastl_open_inputs(struct nastl_assembly *a)
{
    const struct nastl_dataset_params *p = a->params;
    if (p->target.count == 0)
        return nastl_error(NASTL_EINVAL,
                           "--target: no data for the target domain; give DATA");
    const size_t most = p->target.count + p->source.count + 1;
    a->inputs = nastl_alloc_zero(most, sizeof *a->inputs);
    if (!a->inputs)
        return nastl_error_nomem("the data");
    for (size_t i = 0; i < p->target.count; i++)
        TRY(open_input(a, p->target.items[i], NASTL_SIDE_TARGET));
    for (size_t i = 0; i < p->source.count; i++)
        TRY(open_input(a, p->source.items[i], NASTL_SIDE_SOURCE));
    return p->test ? open_input(a, p->test, NASTL_SIDE_TEST) : NASTL_OK;
}

void nastl_assembly_finish(struct nastl_assembly *a)
{
    for (size_t i = 0; i < a->input_count; i++)
        nastl_table_destroy(a->inputs[i].table);
    for (size_t i = 0; a->classes && i < a->class_count; i++)
        free(a->classes[i]);
    free(a->classes);
    free(a->inputs);
    free(a->input);
    free(a->row);
    free(a->role);
    free(a->part);
    free(a->label);
    free(a->group);
    free(a->time);
}

/* ---- the wish ---------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static const char *first_of(const char *a, const char *b)
{
    return a ? a : b;
}

static int settle_label(struct nastl_wish *wish, const struct nastl_dataset_params *p,
                        const struct nastl_descriptor *d)
{
    const bool own = d->label && (!p->label || same(p->label, d->label));
    wish->label = first_of(p->label, d->label);
    if (!wish->label)
        return nastl_error(NASTL_EINVAL,
                           "--label: nothing says which column is the label; give one");
    wish->label_scale = own ? d->label_scale : 1;
    wish->label_transform = own && d->label_transform ? d->label_transform : "none";
    wish->task = p->task != NASTL_TASK_AUTO ? p->task : own ? d->task : NASTL_TASK_AUTO;
    const bool mapped = wish->label_scale != 1 || !same(wish->label_transform, "none");
    if (mapped &&
        (wish->task == NASTL_TASK_BINARY || wish->task == NASTL_TASK_MULTICLASS))
        return nastl_error(NASTL_EINVAL,
                           "%s: scale and transform of the label are for regression, and "
                           "the task is %s; take one away",
                           d->path ? d->path : "the descriptor",
                           nastl_task_name(wish->task));
    if (mapped)
        wish->task = NASTL_TASK_REGRESSION;
    return NASTL_OK;
}

static bool has_fractions(const double split[3])
{
    return split[0] != 0 || split[1] != 0 || split[2] != 0;
}

static int check_fractions(const double split[3], bool test)
{
    const double sum = split[0] + split[1] + split[2];
    const bool ranged = split[0] > 0 && split[1] > 0 && split[2] >= 0;
    if (!ranged || !(fabs(sum - 1) < 1e-6))
        return nastl_error(
            NASTL_EINVAL,
            "--split %g,%g,%g: not three parts of a whole; give TRAIN,VALID,"
            "TEST that add up to 1, the first two above 0",
            split[0], split[1], split[2]);
    if (test && split[2] > 0)
        return nastl_error(NASTL_EINVAL,
                           "--split %g,%g,%g: a third part beside --test; let the third "
                           "number be 0",
                           split[0], split[1], split[2]);
    return NASTL_OK;
}

static int settle_split(struct nastl_wish *wish, const struct nastl_dataset_params *p,
                        const struct nastl_descriptor *d)
{
    static const double plain[3] = {0.6, 0.2, 0.2}, with_test[3] = {0.8, 0.2, 0};
    const bool given = has_fractions(p->split);
    if (given && p->split_column)
        return nastl_error(NASTL_EINVAL,
                           "--split: --split-column is given too; take one away");
    wish->split_column = first_of(p->split_column, given ? NULL : d->split_column);
    const double *split = given ? p->split : p->test ? with_test : plain;
    memcpy(wish->split, split, sizeof wish->split);
    if (p->target_rows < 0 || p->target_rows == 1)
        return nastl_error(
            NASTL_EINVAL,
            "--target-rows %lld: too few to train and to validate; give 2 or "
            "more",
            (long long)p->target_rows);
    return check_fractions(wish->split, p->test != NULL);
}

static int settle_domains(const struct nastl_wish *wish,
                          const struct nastl_dataset_params *p)
{
    if (!wish->domain_column && (p->source_domain.count || p->target_domain.count))
        return nastl_error(NASTL_EINVAL,
                           "--%s-domain: no column says which domain a row is of; give "
                           "--domain-column",
                           p->source_domain.count ? "source" : "target");
    return NASTL_OK;
}

/* ---- an input's columns ------------------------------------------------------------ */

/* Finds a column; where the input must have it, its absence is an error. */
static int find_column(int *out, const struct nastl_input *input, const char *name,
                       const char *asked_by, bool required)
{
    size_t at;
    *out = name ? nastl_table_find(input->table, name) : -1;
    if (*out < 0 && name && required)
        return nastl_table_require(&at, input->table, name, asked_by);
    return NASTL_OK;
}

static int settle_input(const struct nastl_assembly *a, struct nastl_input *input)
{
    const struct nastl_wish *wish = &a->wish;
    const struct nastl_descriptor *d = &input->table->descriptor;
    const char *label = first_of(a->params->label, first_of(d->label, wish->label));
    const bool own = d->label && same(label, d->label);
    const bool target = input->role == NASTL_SIDE_TARGET;
    TRY(find_column(&input->label, input, label, "--label", true));
    input->label_scale = own ? d->label_scale : wish->label_scale;
    input->label_log =
        own ? same(d->label_transform, "log1p") : same(wish->label_transform, "log1p");
    TRY(find_column(&input->domain, input, wish->domain_column, "--domain-column",
                    target));
    TRY(find_column(&input->split, input, wish->split_column, "--split-column", target));
    TRY(find_column(&input->group, input, wish->group_column, "--group-column", target));
    return find_column(&input->time, input, wish->time_column, "--time-column", target);
}

/* What is dropped is a column of some table: a slip of the fingers would let a column in
 * that tells the label. */
static int check_drop(const struct nastl_assembly *a)
{
    for (size_t i = 0; i < a->params->drop.count; i++) {
        const char *name = a->params->drop.items[i];
        bool found = false;
        size_t at;
        for (size_t k = 0; !found && k < a->input_count; k++)
            found = nastl_table_find(a->inputs[k].table, name) >= 0;
        if (!found)
            return nastl_table_require(&at, a->inputs[0].table, name, "--drop");
    }
    return NASTL_OK;
}

int nastl_settle_wish(struct nastl_assembly *a)
{
    const struct nastl_dataset_params *p = a->params;
    const struct nastl_descriptor *d = &a->inputs[0].table->descriptor;
    struct nastl_wish *wish = &a->wish;
    TRY(settle_label(wish, p, d));
    TRY(settle_split(wish, p, d));
    wish->domain_column = first_of(p->domain_column, d->domain_column);
    wish->group_column = first_of(p->group_column, d->group_column);
    wish->time_column = first_of(p->time_column, d->time_column);
    TRY(settle_domains(wish, p));
    for (size_t i = 0; i < a->input_count; i++)
        TRY(settle_input(a, &a->inputs[i]));
    return check_drop(a);
}

/* ---- domains ----------------------------------------------------------------------- */

static const struct nastl_list none;

/* The domains of one side that an input's rows have to be of; empty: any. A descriptor's
 * word counts for its own column alone. */
static const struct nastl_list *domains_of(const struct nastl_assembly *a,
                                           const struct nastl_input *input, bool source)
{
    const struct nastl_dataset_params *p = a->params;
    const struct nastl_list *given = source ? &p->source_domain : &p->target_domain;
    const struct nastl_descriptor *d = &input->table->descriptor;
    if (input->domain < 0)
        return &none;
    if (given->count)
        return given;
    if (!d->path && input->role != NASTL_SIDE_SOURCE)
        d = &a->inputs[0].table->descriptor;
    if (!same(d->domain_column, a->wish.domain_column))
        return &none;
    return source ? &d->source_domain : &d->target_domain;
}

static bool is_level(const struct nastl_codes *codes, const char *text)
{
    for (size_t i = 0; i < codes->count; i++)
        if (strcmp(codes->levels[i], text) == 0)
            return true;
    return false;
}

static int no_such_domain(const struct nastl_input *input,
                          const struct nastl_codes *codes, const char *side,
                          const char *text)
{
    enum { MOST = 12 };
    struct nastl_strbuf hint;
    nastl_strbuf_init(&hint);
    const char *near =
        nastl_text_nearest((const char *const *)codes->levels, codes->count, text);
    if (near)
        nastl_strbuf_addf(&hint, "did you mean '%s'? ", near);
    nastl_strbuf_add(&hint, near ? "There are " : "there are ");
    for (size_t i = 0; i < codes->count && i < MOST; i++)
        nastl_strbuf_addf(&hint, "%s%s", i ? ", " : "", codes->levels[i]);
    if (codes->count > MOST)
        nastl_strbuf_addf(&hint, " and %zu more", codes->count - MOST);
    const char *list = nastl_strbuf_text(&hint);
    const int status =
        nastl_error(NASTL_ENOENT, "%s domain %s: no row of %s is of it; %s", side, text,
                    input->table->path, list ? list : "");
    nastl_strbuf_finish(&hint);
    return status;
}

static int check_domains(const struct nastl_input *input, const struct nastl_codes *codes,
                         const struct nastl_list *list, const char *side)
{
    for (size_t i = 0; i < list->count; i++)
        if (!is_level(codes, list->items[i]))
            return no_such_domain(input, codes, side, list->items[i]);
    return NASTL_OK;
}

/* ---- rows -------------------------------------------------------------------------- */

static void add_pick(struct nastl_assembly *a, size_t input, size_t row,
                     enum nastl_side role)
{
    a->input[a->rows] = (int32_t)input;
    a->row[a->rows] = (int32_t)row;
    a->role[a->rows] = (uint8_t)role;
    a->part[a->rows] = NASTL_NO_PART;
    a->rows++;
}

/* What the rows of each domain are in an input: role + 1, or 0 for nothing. */
static void roles_of_levels(uint8_t *roles, const struct nastl_codes *codes,
                            const struct nastl_list *source,
                            const struct nastl_list *target, enum nastl_side role,
                            bool rest)
{
    for (size_t i = 0; i < codes->count; i++) {
        const char *text = codes->levels[i];
        if (nastl_list_has(source, text))
            roles[i] = NASTL_SIDE_SOURCE + 1;
        else if (nastl_list_has(target, text) || rest)
            roles[i] = (uint8_t)(role + 1);
        else
            roles[i] = 0;
    }
}

static int check_overlap(const struct nastl_list *source, const struct nastl_list *target)
{
    for (size_t i = 0; i < source->count; i++)
        if (nastl_list_has(target, source->items[i]))
            return nastl_error(NASTL_EINVAL,
                               "--source-domain %s: it is the target domain too; give "
                               "another",
                               source->items[i]);
    return NASTL_OK;
}

static int pick_by_domain(struct nastl_assembly *a, size_t at, struct nastl_codes *codes,
                          const struct nastl_list *source,
                          const struct nastl_list *target)
{
    const struct nastl_input *input = &a->inputs[at];
    const bool rest = input->role != NASTL_SIDE_SOURCE && target->count == 0;
    TRY(check_overlap(source, target));
    TRY(check_domains(input, codes, source, "source"));
    TRY(check_domains(input, codes, target, "target"));
    uint8_t *roles = nastl_alloc(codes->count, sizeof *roles);
    if (!roles)
        return nastl_error_nomem("the domains");
    roles_of_levels(roles, codes, source, target, input->role, rest);
    for (size_t i = 0; i < input->table->rows; i++) {
        const int role = codes->code[i] < 0 ? 0 : roles[codes->code[i]];
        if (role)
            add_pick(a, at, i, (enum nastl_side)(role - 1));
    }
    free(roles);
    return NASTL_OK;
}

static int pick_input(struct nastl_assembly *a, size_t at)
{
    struct nastl_input *input = &a->inputs[at];
    const bool from_target = input->role == NASTL_SIDE_TARGET && !a->params->source.count;
    const struct nastl_list *source = input->role == NASTL_SIDE_SOURCE || from_target
                                          ? domains_of(a, input, true)
                                          : &none;
    const struct nastl_list *target =
        input->role == NASTL_SIDE_SOURCE ? &none : domains_of(a, input, false);
    input->by_domain = source->count > 0;
    if (source->count == 0 && target->count == 0) {
        for (size_t i = 0; i < input->table->rows; i++)
            add_pick(a, at, i, input->role);
        return NASTL_OK;
    }
    struct nastl_codes codes;
    TRY(nastl_codes_init(&codes, &input->table->columns[input->domain],
                         input->table->rows));
    const int status = pick_by_domain(a, at, &codes, source, target);
    nastl_codes_finish(&codes);
    return status;
}

static int make_picks(struct nastl_assembly *a)
{
    size_t most = 0;
    for (size_t i = 0; i < a->input_count; i++)
        most += a->inputs[i].table->rows;
    if (most > INT32_MAX / 2)
        return nastl_error(NASTL_EINVAL, "%s: more than %d rows in all; use less data",
                           a->inputs[0].data, INT32_MAX / 2);
    a->input = nastl_alloc(most, sizeof *a->input);
    a->row = nastl_alloc(most, sizeof *a->row);
    a->role = nastl_alloc(most, sizeof *a->role);
    a->part = nastl_alloc(most, sizeof *a->part);
    if (!a->input || !a->row || !a->role || !a->part)
        return nastl_error_nomem("the rows of the data");
    return NASTL_OK;
}

int nastl_pick_rows(struct nastl_assembly *a)
{
    TRY(make_picks(a));
    for (size_t i = 0; i < a->input_count; i++) {
        a->inputs[i].first = a->rows;
        TRY(pick_input(a, i));
        a->inputs[i].count = a->rows - a->inputs[i].first;
    }
    return NASTL_OK;
}

static void move_pick(struct nastl_assembly *a, size_t to, size_t from)
{
    a->input[to] = a->input[from];
    a->row[to] = a->row[from];
    a->role[to] = a->role[from];
    a->part[to] = a->part[from];
    if (a->label)
        a->label[to] = a->label[from];
    if (a->group)
        a->group[to] = a->group[from];
    if (a->time)
        a->time[to] = a->time[from];
}

void nastl_keep_picks(struct nastl_assembly *a,
                      bool (*keep)(const struct nastl_assembly *a, size_t pick))
{
    size_t kept = 0;
    for (size_t k = 0; k < a->input_count; k++) {
        struct nastl_input *input = &a->inputs[k];
        const size_t first = kept;
        for (size_t i = input->first; i < input->first + input->count; i++)
            if (keep(a, i))
                move_pick(a, kept++, i);
        input->first = first;
        input->count = kept - first;
    }
    a->rows = kept;
}
