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
#include "run/widest.h"
#include "transfer/ensemble.h"
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

/* ---- which ones ---------------------------------------------------------------------
 */

/* Those that have none yet. */
static int list_families(struct sources *sources)
{
    const struct nastl_problem *problem = sources->problem;
    const size_t count = nastl_widest_families(problem->space);
    sources->items = nastl_alloc_zero(count, sizeof *sources->items);
    if (!sources->items)
        return nastl_error_nomem("source networks");
    for (size_t i = 0; i < count; i++) {
        const char *family = nastl_widest_family(problem->space, i);
        bool needed;
        TRY(nastl_widest_is_needed(&needed, problem->space, family));
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
        .is_unscored = true,
        .epoch = tell_epoch,
        .epoch_payload = source,
    };
    TRY(open_checkpoint(&training.checkpoint, source, candidate));
    int status = nastl_train_fold(&source->model, &training, 0);
    if (status == NASTL_OK && source->all->count > 1)
        nastl_checkpoint_save(training.checkpoint); /* the others may be stopped */
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
    int status = nastl_widest_candidate(&candidate, problem, source->family);
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
    for (size_t i = 0; status == NASTL_OK && i < problem->warm_count; i++) {
        status = nastl_ensemble_keep_first(problem->warm[i]);
        if (status == NASTL_OK)
            status = nastl_warm_sort(problem->warm[i]);
    }
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
