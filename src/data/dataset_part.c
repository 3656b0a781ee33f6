/* dataset_part.c: the part that each picked row plays: by a column, by fractions, by
 * group, by time; and --target-rows (assemble.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/assemble.h"
#include "data/split.h"
#include "data/table_read.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Each use of the seed has a stream of its own. */
enum { TRIAL_TARGET, TRIAL_SOURCE, TRIAL_CARVE_TARGET, TRIAL_CARVE_SOURCE, TRIAL_FEWER };

static const uint8_t target_parts[] = {NASTL_PART_TRAIN, NASTL_PART_VALID,
                                       NASTL_PART_TEST};
static const uint8_t source_parts[] = {NASTL_PART_SOURCE_TRAIN, NASTL_PART_SOURCE_VALID};
static const double four_fifths[] = {0.8, 0.2};

/* ---- groups and times -------------------------------------------------------------- */

/* Rows without a group are each a group of their own, numbered from `alone` down. */
static int read_input_groups(struct nastl_assembly *a, const struct nastl_input *input,
                             struct nastl_levels *set, int32_t *alone)
{
    int32_t *group = a->group + input->first;
    if (input->group >= 0)
        TRY(nastl_fill_codes(group, 1, &input->table->columns[input->group],
                             input->table->rows, a->row + input->first, input->count,
                             set));
    for (size_t i = 0; i < input->count; i++)
        if (input->group < 0 || group[i] < 0)
            group[i] = (*alone)--;
    return NASTL_OK;
}

static int read_groups(struct nastl_assembly *a)
{
    struct nastl_levels set = {0};
    int32_t alone = INT32_MAX;
    a->group = nastl_alloc(a->rows, sizeof *a->group);
    int status = a->group ? NASTL_OK : nastl_error_nomem("the groups");
    for (size_t k = 0; status == NASTL_OK && k < a->input_count; k++)
        status = read_input_groups(a, &a->inputs[k], &set, &alone);
    for (size_t i = 0; i < set.count; i++)
        free(set.levels[i]);
    free(set.levels);
    nastl_strmap_finish(&set.map);
    return status;
}

/* Texts are ranked over all inputs together. */
static int rank_times(struct nastl_assembly *a)
{
    const char **texts = nastl_alloc_zero(a->rows, sizeof *texts);
    if (!texts)
        return nastl_error_nomem("the times");
    for (size_t i = 0; i < a->rows; i++) {
        const struct nastl_input *input = &a->inputs[a->input[i]];
        const struct nastl_column *column =
            input->time < 0 ? NULL : &input->table->columns[input->time];
        const int32_t code = column && column->code ? column->code[a->row[i]] : -1;
        if (code >= 0)
            texts[i] = column->levels[code];
    }
    const int status = nastl_rank_texts(a->time, texts, a->rows);
    free(texts);
    return status;
}

static int check_times(const struct nastl_assembly *a)
{
    for (size_t i = 0; i < a->rows; i++)
        if (a->role[i] == NASTL_SIDE_TARGET && isnan(a->time[i]))
            return nastl_error(
                NASTL_EFORMAT,
                "%s: row %d: no time in column '%s'; every row needs one, as "
                "all rows have it",
                a->inputs[a->input[i]].table->path, a->row[i] + 1, a->wish.time_column);
    return NASTL_OK;
}

static int read_times(struct nastl_assembly *a)
{
    a->time = nastl_alloc(a->rows, sizeof *a->time);
    if (!a->time)
        return nastl_error_nomem("the times");
    bool text = false;
    for (size_t i = 0; i < a->rows; i++) {
        const struct nastl_input *input = &a->inputs[a->input[i]];
        const struct nastl_column *column =
            input->time < 0 ? NULL : &input->table->columns[input->time];
        a->time[i] = column && column->number ? column->number[a->row[i]] : NAN;
        text |= column && column->kind == NASTL_CATEGORICAL;
    }
    if (text)
        TRY(rank_times(a));
    return check_times(a);
}

/* ---- shares of some picks ---------------------------------------------------------- */

/* Some picks, with what nastl_divide() wants to know of them. */
struct subset {
    size_t count;
    int32_t *pick, *stratum, *group;
    double *time;
    struct nastl_division division;
};

static void finish_subset(struct subset *s)
{
    free(s->pick);
    free(s->stratum);
    free(s->group);
    free(s->time);
}

typedef bool chooser(const struct nastl_assembly *a, size_t pick, int what);

static int choose(struct subset *s, const struct nastl_assembly *a, chooser *chosen,
                  int what)
{
    *s = (struct subset){.pick = nastl_alloc(a->rows, sizeof *s->pick)};
    if (!s->pick)
        return nastl_error_nomem("a split");
    for (size_t i = 0; i < a->rows; i++)
        if (chosen(a, i, what))
            s->pick[s->count++] = (int32_t)i;
    return NASTL_OK;
}

static int describe_strata(struct subset *s, const struct nastl_assembly *a)
{
    if (a->task == NASTL_TASK_REGRESSION)
        return NASTL_OK;
    s->stratum = nastl_alloc(s->count, sizeof *s->stratum);
    if (!s->stratum)
        return nastl_error_nomem("a split");
    for (size_t i = 0; i < s->count; i++)
        s->stratum[i] = (int32_t)a->label[s->pick[i]];
    return NASTL_OK;
}

static int describe_groups(struct subset *s, const struct nastl_assembly *a)
{
    s->group = nastl_alloc(s->count, sizeof *s->group);
    if (!s->group)
        return nastl_error_nomem("a split");
    for (size_t i = 0; i < s->count; i++)
        s->group[i] = a->group[s->pick[i]];
    return NASTL_OK;
}

static int describe_times(struct subset *s, const struct nastl_assembly *a)
{
    s->time = nastl_alloc(s->count, sizeof *s->time);
    if (!s->time)
        return nastl_error_nomem("a split");
    for (size_t i = 0; i < s->count; i++)
        s->time[i] = a->time[s->pick[i]];
    return NASTL_OK;
}

static int describe_subset(struct subset *s, const struct nastl_assembly *a, bool time,
                           uint32_t trial)
{
    TRY(describe_strata(s, a));
    if (a->group)
        TRY(describe_groups(s, a));
    if (time && a->time)
        TRY(describe_times(s, a));
    s->division = (struct nastl_division){.count = s->count,
                                          .stratum = s->stratum,
                                          .group = s->group,
                                          .time = s->time,
                                          .seed = a->params->seed,
                                          .trial = trial};
    return NASTL_OK;
}

/* Gives the chosen picks parts in these fractions. */
struct plan {
    chooser *chosen;
    int what;
    const uint8_t *parts;
    const double *fractions;
    size_t shares;
    bool time;
    uint32_t trial;
};

static int divide_subset(struct nastl_assembly *a, struct subset *s,
                         const struct plan *plan)
{
    TRY(describe_subset(s, a, plan->time, plan->trial));
    uint8_t *share = nastl_alloc(s->count, sizeof *share);
    if (!share)
        return nastl_error_nomem("a split");
    const int status = nastl_divide(share, &s->division, plan->fractions, plan->shares);
    for (size_t i = 0; status == NASTL_OK && i < s->count; i++)
        a->part[s->pick[i]] = plan->parts[share[i]];
    free(share);
    return status;
}

static int divide(struct nastl_assembly *a, const struct plan *plan)
{
    struct subset s;
    int status = choose(&s, a, plan->chosen, plan->what);
    if (status == NASTL_OK && s.count)
        status = divide_subset(a, &s, plan);
    finish_subset(&s);
    return status;
}

/* ---- by a column ------------------------------------------------------------------- */

static int part_of_text(const char *text, bool source)
{
    if (strcmp(text, "train") == 0)
        return source ? NASTL_PART_SOURCE_TRAIN : NASTL_PART_TRAIN;
    if (strcmp(text, "val") == 0 || strcmp(text, "valid") == 0)
        return source ? NASTL_PART_SOURCE_VALID : NASTL_PART_VALID;
    if (strcmp(text, "test") == 0)
        return source ? NASTL_NO_PART : NASTL_PART_TEST;
    return -1;
}

static int wrong_part(const struct nastl_assembly *a, size_t pick, const char *text)
{
    const struct nastl_input *input = &a->inputs[a->input[pick]];
    return nastl_error(
        NASTL_EFORMAT,
        "%s: row %d, column '%s': %s%s%s is no part; give train, val, valid "
        "or test",
        input->table->path, a->row[pick] + 1, input->table->columns[input->split].name,
        *text ? "'" : "", *text ? text : "nothing", *text ? "'" : "");
}

static int assign_by_codes(struct nastl_assembly *a, const struct nastl_input *input,
                           const struct nastl_codes *codes)
{
    for (size_t i = input->first; i < input->first + input->count; i++) {
        const int32_t code = codes->code[a->row[i]];
        const char *text = code < 0 ? "" : codes->levels[code];
        const int part = part_of_text(text, a->role[i] == NASTL_SIDE_SOURCE);
        if (part < 0)
            return wrong_part(a, i, text);
        const bool replaced = a->params->test && part == NASTL_PART_TEST;
        a->part[i] = (uint8_t)(replaced ? NASTL_NO_PART : part);
    }
    return NASTL_OK;
}

static int assign_by_column(struct nastl_assembly *a)
{
    for (size_t k = 0; k < a->input_count; k++) {
        const struct nastl_input *input = &a->inputs[k];
        struct nastl_codes codes;
        if (input->role == NASTL_SIDE_TEST || input->split < 0)
            continue;
        TRY(nastl_codes_init(&codes, &input->table->columns[input->split],
                             input->table->rows));
        const int status = assign_by_codes(a, input, &codes);
        nastl_codes_finish(&codes);
        TRY(status);
    }
    return NASTL_OK;
}

/* ---- assignment -------------------------------------------------------------------- */

static bool is_of_part(const struct nastl_assembly *a, size_t pick, int part)
{
    return a->part[pick] == part;
}

/* Rows of a role that no column gave a part. */
static bool is_open(const struct nastl_assembly *a, size_t pick, int role)
{
    return a->role[pick] == role && a->inputs[a->input[pick]].split < 0;
}

static size_t count_part(const struct nastl_assembly *a, int part)
{
    size_t count = 0;
    for (size_t i = 0; i < a->rows; i++)
        count += a->part[i] == part;
    return count;
}

/* A split column that knows no validation rows: a fifth of the training rows validate. */
static int carve(struct nastl_assembly *a, const uint8_t *parts, uint32_t trial,
                 const char *side)
{
    if (count_part(a, parts[0]) < 2 || count_part(a, parts[1]))
        return NASTL_OK;
    nastl_log_warning(a->log,
                      "column '%s' has no val rows of the %s: a fifth of its "
                      "training rows validate",
                      a->wish.split_column, side);
    return divide(a, &(struct plan){is_of_part, parts[0], parts, four_fifths, 2,
                                    parts == target_parts, trial});
}

static void assign_test(struct nastl_assembly *a)
{
    for (size_t i = 0; i < a->rows; i++)
        if (a->role[i] == NASTL_SIDE_TEST)
            a->part[i] = NASTL_PART_TEST;
}

static int assign_all(struct nastl_assembly *a)
{
    assign_test(a);
    TRY(assign_by_column(a));
    TRY(divide(a, &(struct plan){is_open, NASTL_SIDE_TARGET, target_parts, a->wish.split,
                                 3, true, TRIAL_TARGET}));
    TRY(divide(a, &(struct plan){is_open, NASTL_SIDE_SOURCE, source_parts, four_fifths, 2,
                                 false, TRIAL_SOURCE}));
    if (!a->wish.split_column)
        return NASTL_OK;
    TRY(carve(a, target_parts, TRIAL_CARVE_TARGET, "target"));
    return carve(a, source_parts, TRIAL_CARVE_SOURCE, "source");
}

/* ---- fewer rows -------------------------------------------------------------------- */

static int keep_some(struct nastl_assembly *a, int part, size_t keep)
{
    struct subset s;
    int status = choose(&s, a, is_of_part, part);
    if (status == NASTL_OK)
        status = describe_subset(&s, a, false, TRIAL_FEWER + (uint32_t)part);
    int32_t *order = status < 0 ? NULL : nastl_alloc(s.count, sizeof *order);
    if (status == NASTL_OK && !order)
        status = nastl_error_nomem("a split");
    if (status == NASTL_OK)
        status = nastl_stratified_order(order, &s.division);
    for (size_t i = keep; status == NASTL_OK && i < s.count; i++)
        a->part[s.pick[order[i]]] = NASTL_NO_PART;
    free(order);
    finish_subset(&s);
    return status;
}

/* --target-rows: so many rows train and validate together, in the same proportion as all
 * of them would. */
static int keep_fewer(struct nastl_assembly *a)
{
    const size_t wanted = (size_t)a->params->target_rows;
    const size_t train = count_part(a, NASTL_PART_TRAIN);
    const size_t valid = count_part(a, NASTL_PART_VALID), all = train + valid;
    if (wanted == 0 || wanted == all)
        return NASTL_OK;
    if (wanted > all) {
        nastl_log_warning(a->log,
                          "--target-rows %zu: there are %zu to train and to "
                          "validate; all are used",
                          wanted, all);
        return NASTL_OK;
    }
    size_t keep = (size_t)((double)wanted * (double)train / (double)all + 0.5);
    keep = keep < 1 ? 1 : keep > wanted - 1 ? wanted - 1 : keep;
    keep = wanted - keep > valid ? wanted - valid : keep;
    TRY(keep_some(a, NASTL_PART_TRAIN, keep));
    return keep_some(a, NASTL_PART_VALID, wanted - keep);
}

/* ---- checks ------------------------------------------------------------------------ */

/* The file that rows of this part would have come from. */
static const char *path_of(const struct nastl_assembly *a, int part)
{
    const bool source =
        part == NASTL_PART_SOURCE_TRAIN || part == NASTL_PART_SOURCE_VALID;
    for (size_t k = 0; source && k < a->input_count; k++)
        if (a->inputs[k].role == NASTL_SIDE_SOURCE)
            return a->inputs[k].table->path;
    return a->inputs[0].table->path;
}

static int check_part(const struct nastl_assembly *a, int part, const char *name)
{
    if (count_part(a, part))
        return NASTL_OK;
    return nastl_error(NASTL_EFORMAT,
                       "%s: no %s rows%s%s; give more rows%s or another split",
                       path_of(a, part), name, a->wish.split_column ? " by column " : "",
                       a->wish.split_column ? a->wish.split_column : "",
                       a->group ? ", more groups" : "");
}

static bool has_source(const struct nastl_assembly *a)
{
    for (size_t i = 0; i < a->rows; i++)
        if (a->role[i] == NASTL_SIDE_SOURCE)
            return true;
    return a->params->source.count > 0;
}

static int check_parts(const struct nastl_assembly *a)
{
    const bool by_fractions = !a->wish.split_column && a->wish.split[2] > 0;
    TRY(check_part(a, NASTL_PART_TRAIN, "training"));
    TRY(check_part(a, NASTL_PART_VALID, "validation"));
    if (by_fractions || a->params->test)
        TRY(check_part(a, NASTL_PART_TEST, "test"));
    if (!has_source(a))
        return NASTL_OK;
    TRY(check_part(a, NASTL_PART_SOURCE_TRAIN, "source training"));
    return check_part(a, NASTL_PART_SOURCE_VALID, "source validation");
}

static bool has_part(const struct nastl_assembly *a, size_t pick)
{
    return a->part[pick] != NASTL_NO_PART;
}

int nastl_assign_parts(struct nastl_assembly *a)
{
    if (a->wish.group_column)
        TRY(read_groups(a));
    if (a->wish.time_column)
        TRY(read_times(a));
    TRY(assign_all(a));
    TRY(keep_fewer(a));
    TRY(check_parts(a));
    nastl_keep_picks(a, has_part);
    return NASTL_OK;
}
