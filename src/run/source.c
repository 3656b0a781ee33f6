/* source.c: see source.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/source.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "run/trial.h"
#include "transfer/warm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Streams of trials count up from 0; the source's are at the other end. */
static const uint32_t source_stream = UINT32_MAX;

/* ---- the widest candidate -----------------------------------------------------------
 */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool has_text(const struct nastl_choice *choice, const char *text)
{
    return choice->text && strcmp(choice->text, text) == 0;
}

/* Quantile scaling is the safer one for a network that others start from. */
static double choice_of(const struct nastl_dim *dim)
{
    for (size_t i = 0; i < dim->count; i++)
        if (has_text(&dim->choices[i], "quantile") &&
            strcmp(dim->key, "input.numeric_scaling") == 0)
            return (double)i;
    return 0;
}

/* Sizes at their largest; recipes in the middle of their ranges, dropout low. */
static double widest_value(const struct nastl_dim *dim)
{
    if (dim->kind == NASTL_DIM_CHOICE)
        return choice_of(dim);
    const char *last = strrchr(dim->key, '.');
    if (last && strcmp(last, ".dropout") == 0)
        return nastl_dim_from_unit(dim, 0.2);
    return starts_with(dim->key, "training.") ? nastl_dim_from_unit(dim, 0.5) : dim->high;
}

static int widest_candidate(struct nastl_candidate *out, const struct nastl_space *space)
{
    struct nastl_point *point;
    TRY(nastl_point_create(&point, space));
    for (size_t i = 0; i < nastl_space_dims(space); i++)
        point->value[i] = widest_value(nastl_space_dim(space, i));
    nastl_space_settle(space, point);
    int status = nastl_point_candidate(out, space, point);
    nastl_point_destroy(point);
    if (status == NASTL_OK)
        status = nastl_candidate_set(out, "transfer.strategy", "scratch", 0);
    return status;
}

/* ---- training -----------------------------------------------------------------------
 */

static bool stop_source(void *payload)
{
    const struct nastl_budget *budget = payload;
    return nastl_budget_interrupted(budget);
}

static bool is_a_third_over(void *payload)
{
    return nastl_budget_over(payload, 1.0 / 3);
}

static int train_source(struct nastl_problem *problem, struct nastl_budget *budget)
{
    struct nastl_candidate candidate;
    const struct nastl_stop stop = {stop_source, is_a_third_over, budget};
    struct nastl_epochs epochs = {budget, "source", nastl_metric_name(problem->metric)};
    nastl_candidate_init(&candidate);
    int status = widest_candidate(&candidate, problem->space);
    if (status == NASTL_OK) {
        const struct nastl_training training = {
            .problem = problem,
            .view = problem->source,
            .candidate = &candidate,
            .stream = source_stream,
            .stop = &stop,
            .epoch = nastl_epochs_tell,
            .epoch_payload = &epochs,
        };
        struct nastl_trained trained;
        status = nastl_train_model(&problem->warm, &trained, &training);
    }
    nastl_candidate_finish(&candidate);
    return status < 0 ? nastl_error_prefix(status, "the source network")
                      : nastl_warm_sort(problem->warm);
}

static int save_source(const struct nastl_problem *problem, const char *path)
{
    char group[64];
    struct nastl_h5 *file;
    snprintf(group, sizeof group, "/%s",
             nastl_candidate_text(&problem->warm->candidate, "family", "mlp"));
    TRY(nastl_h5_create(&file, path));
    int status = nastl_model_save(problem->warm, file, group);
    if (status == NASTL_OK)
        status = nastl_h5_commit(file);
    nastl_h5_close(file);
    return status;
}

/* ---- loading ------------------------------------------------------------------------
 */

static int read_source(struct nastl_problem *problem, const char *path)
{
    struct nastl_h5 *file;
    char **groups = NULL;
    size_t count = 0;
    TRY(nastl_h5_open(&file, path));
    int status = nastl_h5_children(file, "/", &groups, &count);
    if (status == NASTL_OK && count != 1)
        status = nastl_error(NASTL_EFORMAT, "%s: holds %zu networks, not one; give one",
                             path, count);
    if (status == NASTL_OK)
        status = nastl_model_read(&problem->warm, file, groups[0]);
    nastl_h5_free_strings(groups, count);
    nastl_h5_close(file);
    return status;
}

static int load_source(struct nastl_problem *problem, const char *path)
{
    const int status = read_source(problem, path);
    if (status != NASTL_EFORMAT && status != NASTL_ENOENT)
        return status;
    return nastl_error(NASTL_EFORMAT,
                       "%s: is damaged; restore it, or remove it and it is trained again",
                       path);
}

static int load_model(struct nastl_problem *problem, const char *model)
{
    char *file, *group;
    TRY(nastl_study_model(&file, &group, model));
    int status = nastl_model_load(&problem->warm, file, group);
    free(file);
    free(group);
    if (status == NASTL_OK)
        status = nastl_warm_sort(problem->warm);
    return status;
}

static int name_source(struct nastl_problem *problem, const char *from)
{
    problem->warm_from = nastl_strdup(from ? from : "source");
    return problem->warm_from ? NASTL_OK : nastl_error_nomem("a name");
}

int nastl_source_prepare(struct nastl_problem *problem, const char *warm_start,
                         const char *path, struct nastl_budget *budget)
{
    if (warm_start && problem->source)
        return nastl_error(NASTL_EINVAL,
                           "--warm-start: given together with a source; give "
                           "one of them");
    if (warm_start) {
        TRY(load_model(problem, warm_start));
        return name_source(problem, warm_start);
    }
    if (!problem->source)
        return NASTL_OK;
    TRY(name_source(problem, problem->dataset->source_name));
    if (nastl_file_exists(path))
        return load_source(problem, path);
    TRY(train_source(problem, budget));
    return save_source(problem, path);
}
