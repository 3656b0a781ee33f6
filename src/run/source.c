/* source.c: see source.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/source.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "io/folder.h"
#include "run/trial.h"
#include "transfer/warm.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Streams of trials count up from 0; the sources' are at the other end. */
static const uint32_t source_stream = UINT32_MAX;

static const double tell_every = 0.1; /* seconds: several are trained at a time */

struct sources;

/* One family's. */
struct source {
    struct sources *all;
    const char *family; /* the space's */
    struct nastl_model *model;
    double until; /* elapsed seconds at which its share of the time is over */
    struct nastl_epochs epochs;
    char phase[48];
    int status;
    char error[512]; /* the worker's sentence, if it failed */
};

struct sources {
    struct nastl_problem *problem;
    const struct nastl_source_params *params;
    struct source *items; /* (count): the families that need one */
    size_t count;
    pthread_mutex_t lock; /* of what follows */
    size_t waiting;       /* not begun */
    double told_at;
};

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

static size_t find_dim(const struct nastl_space *space, const char *key)
{
    size_t i = 0;
    while (i < nastl_space_dims(space) &&
           strcmp(nastl_space_dim(space, i)->key, key) != 0)
        i++;
    return i;
}

/* Sets a choice by its text, if there is such a dimension and choice. */
static void choose(struct nastl_point *point, const struct nastl_space *space,
                   const char *key, const char *text)
{
    const size_t at = find_dim(space, key);
    if (at == nastl_space_dims(space))
        return;
    const struct nastl_dim *dim = nastl_space_dim(space, at);
    for (size_t i = 0; i < dim->count; i++)
        if (has_text(&dim->choices[i], text))
            point->value[at] = (double)i;
}

static void widest_point(struct nastl_point *point, const struct nastl_space *space,
                         const char *family)
{
    for (size_t i = 0; i < nastl_space_dims(space); i++)
        point->value[i] = widest_value(nastl_space_dim(space, i));
    choose(point, space, "family", family);
    nastl_space_settle(space, point);
}

static int widest_candidate(struct nastl_candidate *out, const struct nastl_space *space,
                            const char *family)
{
    struct nastl_point *point;
    TRY(nastl_point_create(&point, space));
    widest_point(point, space, family);
    int status = nastl_point_candidate(out, space, point);
    nastl_point_destroy(point);
    if (status == NASTL_OK)
        status = nastl_candidate_set(out, "transfer.strategy", "scratch", 0);
    return status;
}

/* ---- which families need one --------------------------------------------------------
 */

/* Candidates looked at: conditions may allow a strategy for some of a family only. */
enum { LOOKS = 64 };

/* Whether the point is a candidate of the family that does not start from scratch. */
static int inherits(bool *out, const struct nastl_point *point,
                    const struct nastl_space *space, const char *family)
{
    struct nastl_candidate candidate;
    nastl_candidate_init(&candidate);
    const int status = nastl_point_candidate(&candidate, space, point);
    *out = strcmp(nastl_candidate_text(&candidate, "family", "mlp"), family) == 0 &&
           strcmp(nastl_candidate_text(&candidate, "transfer.strategy", "scratch"),
                  "scratch") != 0;
    nastl_candidate_finish(&candidate);
    return status;
}

static int look_at(bool *out, struct nastl_point *point, const struct nastl_space *space,
                   const char *family)
{
    const struct nastl_dim *strategy =
        nastl_space_dim(space, find_dim(space, "transfer.strategy"));
    for (size_t i = 0; i < strategy->count && !*out; i++) {
        choose(point, space, "family", family);
        choose(point, space, "transfer.strategy", strategy->choices[i].text);
        nastl_space_settle(space, point);
        TRY(inherits(out, point, space, family));
    }
    return NASTL_OK;
}

static int needs_source(bool *out, const struct nastl_space *space, const char *family)
{
    struct nastl_point *point;
    struct nastl_rng rng;
    *out = false;
    if (find_dim(space, "transfer.strategy") == nastl_space_dims(space))
        return NASTL_OK;
    TRY(nastl_point_create(&point, space));
    nastl_rng_init(&rng, 0, source_stream, NASTL_RNG_SEARCH);
    widest_point(point, space, family);
    int status = look_at(out, point, space, family);
    for (int i = 0; status == NASTL_OK && !*out && i < LOOKS; i++) {
        nastl_space_sample(space, &rng, point);
        status = look_at(out, point, space, family);
    }
    nastl_point_destroy(point);
    return status;
}

/* Those that have none yet. */
static int list_families(struct sources *sources)
{
    const struct nastl_problem *problem = sources->problem;
    const struct nastl_dim *dim =
        nastl_space_dim(problem->space, find_dim(problem->space, "family"));
    sources->items = nastl_alloc_zero(dim->count, sizeof *sources->items);
    if (!sources->items)
        return nastl_error_nomem("source networks");
    for (size_t i = 0; i < dim->count; i++) {
        const char *family = dim->choices[i].text;
        bool needed;
        TRY(needs_source(&needed, problem->space, family));
        if (needed && !nastl_problem_warm(problem, family))
            sources->items[sources->count++] =
                (struct source){.all = sources, .family = family};
    }
    return NASTL_OK;
}

/* ---- training -----------------------------------------------------------------------
 */

static bool stop_source(void *payload)
{
    const struct source *source = payload;
    return nastl_budget_interrupted(source->all->params->budget);
}

static bool is_share_over(void *payload)
{
    const struct source *source = payload;
    return nastl_budget_elapsed(source->all->params->budget) > source->until;
}

static void tell_epoch(size_t epoch, size_t of, double score, void *payload)
{
    struct source *source = payload;
    struct sources *all = source->all;
    const double now = nastl_clock_seconds();
    pthread_mutex_lock(&all->lock);
    const bool is_time = now - all->told_at >= tell_every || epoch == 1;
    if (is_time)
        all->told_at = now;
    nastl_epochs_note(score, &source->epochs);
    if (is_time)
        nastl_epochs_tell(epoch, of, score, &source->epochs);
    pthread_mutex_unlock(&all->lock);
}

/* Of what is left of the third, an equal share for each that is still to be trained, as
 * many at a time as there are workers. */
static void set_share(struct source *source)
{
    struct sources *all = source->all;
    const struct nastl_budget *budget = all->params->budget;
    pthread_mutex_lock(&all->lock);
    const size_t rounds = (all->waiting + all->params->jobs - 1) / all->params->jobs;
    const double now = nastl_budget_elapsed(budget);
    source->until = now + (nastl_budget_end(budget, 1.0 / 3) - now) / (double)rounds;
    all->waiting--;
    pthread_mutex_unlock(&all->lock);
}

static int open_checkpoint(struct nastl_checkpoint **out, const struct source *source,
                           const struct nastl_candidate *candidate)
{
    char name[64], *path;
    const struct nastl_source_params *params = source->all->params;
    const uint64_t identity =
        nastl_hash_u64(source->all->problem->identity, nastl_candidate_hash(candidate));
    snprintf(name, sizeof name, "source-%s.h5", source->family);
    TRY(nastl_file_join(&path, params->checkpoints, name));
    const int status = nastl_checkpoint_open(
        out, path, nastl_hash_text(identity, "source"), nastl_budget_log(params->budget));
    free(path);
    return status;
}

static int train_candidate(struct source *source, const struct nastl_candidate *candidate)
{
    const struct nastl_stop stop = {stop_source, is_share_over, source};
    struct nastl_training training = {
        .problem = source->all->problem,
        .view = source->all->problem->source,
        .candidate = candidate,
        .stream = source_stream,
        .stop = &stop,
        .epoch = tell_epoch,
        .epoch_payload = source,
    };
    TRY(open_checkpoint(&training.checkpoint, source, candidate));
    int status = nastl_train_fold(&source->model, &training, 0);
    if (status == NASTL_OK)
        nastl_checkpoint_keep(training.checkpoint); /* until source.h5 is there */
    nastl_checkpoint_close(training.checkpoint);
    return status == NASTL_OK ? nastl_warm_sort(source->model) : status;
}

static int train_source(struct source *source)
{
    const struct nastl_problem *problem = source->all->problem;
    struct nastl_candidate candidate;
    snprintf(source->phase, sizeof source->phase, "source %s", source->family);
    source->epochs = (struct nastl_epochs){source->all->params->budget, source->phase,
                                           nastl_metric_name(problem->metric)};
    set_share(source);
    nastl_candidate_init(&candidate);
    int status = widest_candidate(&candidate, problem->space, source->family);
    if (status == NASTL_OK)
        status = train_candidate(source, &candidate);
    nastl_candidate_finish(&candidate);
    return status < 0
               ? nastl_error_prefix(status, "the source network (%s)", source->family)
               : NASTL_OK;
}

/* One a core, as candidates are. */
static int train_all(struct sources *sources)
{
    sources->waiting = sources->count;
#pragma omp parallel for schedule(dynamic, 1) num_threads(sources->params->jobs)
    for (size_t i = 0; i < sources->count; i++) {
        struct source *source = &sources->items[i];
        omp_set_num_threads(1);
        source->status = train_source(source);
        if (source->status < 0)
            snprintf(source->error, sizeof source->error, "%s", nastl_error_last());
    }
    for (size_t i = 0; i < sources->count; i++)
        if (sources->items[i].status < 0)
            return nastl_error(sources->items[i].status, "%s", sources->items[i].error);
    return NASTL_OK;
}

/* In the space's order, whoever was ready first. */
static int give_all(struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        TRY(nastl_problem_add_warm(sources->problem, sources->items[i].model));
        sources->items[i].model = NULL;
    }
    return NASTL_OK;
}

static int save_source(struct nastl_h5 *file, const struct nastl_model *model)
{
    char group[64];
    snprintf(group, sizeof group, "/%s",
             nastl_candidate_text(&model->candidate, "family", "mlp"));
    return nastl_model_save(model, file, group);
}

static int save_all(const struct sources *sources)
{
    const struct nastl_problem *problem = sources->problem;
    struct nastl_h5 *file;
    TRY(nastl_h5_create(&file, sources->params->path));
    int status = NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < problem->warm_count; i++)
        status = save_source(file, problem->warm[i]);
    if (status == NASTL_OK)
        status = nastl_h5_commit(file);
    nastl_h5_close(file);
    return status;
}

static int make_sources(struct sources *sources)
{
    TRY(list_families(sources));
    if (sources->count == 0)
        return NASTL_OK;
    TRY(train_all(sources));
    TRY(give_all(sources));
    TRY(save_all(sources));
    nastl_folder_clear(sources->params->checkpoints, "source-");
    return NASTL_OK;
}

static int train_missing(struct nastl_problem *problem,
                         const struct nastl_source_params *params)
{
    struct sources sources = {.problem = problem, .params = params};
    pthread_mutex_init(&sources.lock, NULL);
    const int status = make_sources(&sources);
    pthread_mutex_destroy(&sources.lock);
    for (size_t i = 0; i < sources.count; i++)
        nastl_model_destroy(sources.items[i].model);
    free(sources.items);
    return status;
}

/* ---- loading ------------------------------------------------------------------------
 */

static int add_model(struct nastl_problem *problem, struct nastl_model *model,
                     const char *path)
{
    const char *family = nastl_candidate_text(&model->candidate, "family", "mlp");
    int status = NASTL_OK;
    if (nastl_problem_warm(problem, family))
        status = nastl_error(NASTL_EINVAL,
                             "%s: holds several networks of family %s; name one of them, "
                             "as in %s:/GROUP",
                             path, family, path);
    if (status == NASTL_OK)
        status = nastl_problem_add_warm(problem, model);
    if (status < 0)
        nastl_model_destroy(model);
    return status;
}

static int read_model(struct nastl_problem *problem, struct nastl_h5 *file,
                      const char *group)
{
    struct nastl_model *model;
    TRY(nastl_model_read(&model, file, group));
    return add_model(problem, model, nastl_h5_file_path(file));
}

/* Every group below the root is one. */
static int read_families(struct nastl_problem *problem, struct nastl_h5 *file)
{
    char **groups = NULL;
    size_t count = 0;
    int status = nastl_h5_children(file, "/", &groups, &count);
    if (status == NASTL_OK && count == 0)
        status = nastl_error(NASTL_EFORMAT, "%s: holds no network; give one",
                             nastl_h5_file_path(file));
    for (size_t i = 0; status == NASTL_OK && i < count; i++)
        status = read_model(problem, file, groups[i]);
    nastl_h5_free_strings(groups, count);
    return status;
}

static int load_source(struct nastl_problem *problem, const char *path)
{
    struct nastl_h5 *file;
    int status = nastl_h5_open(&file, path);
    if (status == NASTL_OK) {
        status = read_families(problem, file);
        nastl_h5_close(file);
    }
    if (status != NASTL_EFORMAT && status != NASTL_ENOENT)
        return status;
    return nastl_error(NASTL_EFORMAT,
                       "%s: is damaged; restore it, or remove it and it is trained again",
                       path);
}

static bool is_attribute(struct nastl_h5 *file, const char *group, const char *name)
{
    char *text = NULL;
    const int status = nastl_h5_get_text(file, group, name, &text);
    free(text);
    return status == NASTL_OK;
}

/* A group that is a model; or a file like source.h5, a model a group. */
static int read_warm_start(struct nastl_problem *problem, struct nastl_h5 *file,
                           const char *group)
{
    char **names = NULL;
    size_t count = 0;
    bool has_families = false;
    if (strcmp(group, "/") == 0 && !is_attribute(file, "/", "schema")) {
        TRY(nastl_h5_children(file, "/", &names, &count));
        has_families = count > 0 && is_attribute(file, names[0], "schema");
        nastl_h5_free_strings(names, count);
    }
    return has_families ? read_families(problem, file) : read_model(problem, file, group);
}

static int load_warm_start(struct nastl_problem *problem, const char *model)
{
    char *path, *group;
    struct nastl_h5 *file;
    TRY(nastl_study_model(&path, &group, model));
    int status = nastl_h5_open(&file, path);
    if (status == NASTL_OK) {
        status = read_warm_start(problem, file, group);
        nastl_h5_close(file);
    }
    free(path);
    free(group);
    for (size_t i = 0; status == NASTL_OK && i < problem->warm_count; i++)
        status = nastl_warm_sort(problem->warm[i]);
    return status;
}

static int name_source(struct nastl_problem *problem, const char *from)
{
    problem->warm_from = nastl_strdup(from ? from : "source");
    return problem->warm_from ? NASTL_OK : nastl_error_nomem("a name");
}

int nastl_source_prepare(struct nastl_problem *problem,
                         const struct nastl_source_params *params)
{
    if (params->warm_start && problem->source)
        return nastl_error(NASTL_EINVAL,
                           "--warm-start: given together with a source; give "
                           "one of them");
    if (params->warm_start) {
        TRY(load_warm_start(problem, params->warm_start));
        return name_source(problem, params->warm_start);
    }
    if (!problem->source)
        return NASTL_OK;
    TRY(name_source(problem, problem->dataset->source_name));
    if (nastl_file_exists(params->path))
        TRY(load_source(problem, params->path));
    return train_missing(problem, params);
}
