/* search.c: the main job: a problem, a source network, a crew, and the files of a study.
 * SPDX-License-Identifier: Apache-2.0 */
#include <nastl/run.h>

#include <nastl/meter.h>
#include <nastl/version.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "io/folder.h"
#include "io/h5.h"
#include "run/crew.h"
#include "run/finish.h"
#include "run/guard.h"
#include "run/rank.h"
#include "run/record.h"
#include "run/source.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More workers than trials that may be open at a time would only wait. */
enum { DEFAULT_TRIALS = 64, NSGA2_FROM = 40, JOBS_MOST = NASTL_SEARCH_WINDOW + 1 };

/* One call of nastl_search_run(). */
struct search {
    const struct nastl_search_params *params;
    struct nastl_budget budget;
    struct nastl_problem *problem;
    struct nastl_study *study;
    char *folder, *checkpoints;
    int held; /* of nastl_folder_hold(), -1: not held */
    size_t trials, planned, jobs;
    bool resumed;
    struct nastl_crew_result result;
};

static int path_in(char **out, const struct search *search, const char *name)
{
    return nastl_file_join(out, search->folder, name);
}

/* ---- folder and ledger --------------------------------------------------------------
 */

/* study-1, study-2, … in the working directory. */
static int new_folder(char **out)
{
    for (int i = 1;; i++) {
        char name[32];
        snprintf(name, sizeof name, "study-%d", i);
        if (nastl_file_exists(name))
            continue;
        *out = nastl_strdup(name);
        return *out ? NASTL_OK : nastl_error_nomem("a name");
    }
}

static int check_new_folder(const char *folder)
{
    if (nastl_file_exists(folder))
        return nastl_error(NASTL_EEXIST, "%s: is a file; name another folder", folder);
    return nastl_file_check_place(folder);
}

/* What a search writes over, or would take for its own. */
static const char *const results[] = {"weights.h5", "source.h5", "pareto.json",
                                      "pareto.csv", "trials.csv"};
enum { RESULTS = sizeof results / sizeof *results };

static bool has_file(const struct search *search, const char *name)
{
    char *path;
    if (path_in(&path, search, name) < 0)
        return false;
    const bool there = nastl_file_exists(path);
    free(path);
    return there;
}

/* A folder without a ledger is not written over by accident. */
static int check_old_folder(const struct search *search)
{
    for (size_t i = 0; i < RESULTS && !search->params->resume; i++)
        if (has_file(search, results[i]))
            return nastl_error(
                NASTL_EEXIST,
                "%s/%s: is there, but no study (study.db is missing); name "
                "another folder, or add --resume to begin afresh over it",
                search->folder, results[i]);
    return NASTL_OK;
}

/* What another search left is not this one's. */
static void clear_folder(const struct search *search)
{
    for (size_t i = 0; i < RESULTS; i++) {
        char *path;
        if (path_in(&path, search, results[i]) < 0)
            return;
        nastl_file_discard(path);
        free(path);
    }
    nastl_folder_clear(search->checkpoints, "");
}

static int choose_folder(struct search *search)
{
    const struct nastl_search_params *params = search->params;
    if (!params->study)
        return params->resume
                   ? nastl_error(NASTL_EINVAL, "--resume: without a study; add "
                                               "--study DIR")
                   : new_folder(&search->folder);
    search->folder = nastl_strdup(params->study);
    if (!search->folder)
        return nastl_error_nomem("a name");
    search->resumed = params->resume && nastl_study_is_there(search->folder);
    if (nastl_study_is_there(search->folder) && !params->resume)
        return nastl_error(NASTL_EEXIST,
                           "%s: is a study already; add --resume to go on with "
                           "it, or name another folder",
                           search->folder);
    if (!nastl_file_is_folder(search->folder))
        return check_new_folder(search->folder);
    return search->resumed ? NASTL_OK : check_old_folder(search);
}

/* Nobody else searches in the folder, and whoever was killed there left nothing behind.
 */
static int take_folder(struct search *search)
{
    TRY(nastl_folder_hold(&search->held, search->folder));
    TRY(path_in(&search->checkpoints, search, "checkpoints"));
    nastl_folder_sweep(search->folder);
    TRY(nastl_file_make_folder(search->checkpoints));
    nastl_folder_sweep(search->checkpoints);
    return NASTL_OK;
}

/* The searcher plans for the trials that the study was begun with: a resume that asks for
 * more must be given the same suggestions. */
static int plan(struct search *search)
{
    char number[32], *text = NULL;
    double planned;
    if (!search->resumed) {
        search->planned = search->trials;
        nastl_number_text(number, (double)search->trials);
        return nastl_study_set_fact(search->study, "planned", number);
    }
    TRY(nastl_study_get_fact(search->study, "planned", &text));
    const bool is_known = text && nastl_number_parse(&planned, text, strlen(text));
    search->planned = is_known ? (size_t)planned : search->trials;
    free(text);
    return NASTL_OK;
}

static int open_study(struct search *search)
{
    const struct nastl_problem *problem = search->problem;
    const struct nastl_study_info info = {
        .seed = problem->seed,
        .objectives = problem->objective_count,
        .objective = problem->objectives,
    };
    return search->resumed ? nastl_study_open(&search->study, search->folder)
                           : nastl_study_create(&search->study, search->folder, &info);
}

/* What was asked, with the defaults filled in that depend on data and machine. */
static int write_filled_in(const char *path, const struct search *search)
{
    const struct nastl_problem *problem = search->problem;
    struct nastl_search_params filled = *search->params;
    char *names[NASTL_OBJECTIVES];
    for (size_t j = 0; j < problem->objective_count; j++)
        names[j] = (char *)problem->objectives[j]->name;
    filled.objectives = (struct nastl_list){names, problem->objective_count};
    filled.trials = (int64_t)search->trials;
    return nastl_record_write(path, &filled, &problem->dataset->files);
}

static int write_record(struct search *search)
{
    char *path;
    TRY(nastl_file_make_folder(search->folder));
    TRY(take_folder(search));
    clear_folder(search);
    TRY(path_in(&path, search, "study.yaml"));
    const int status = write_filled_in(path, search);
    free(path);
    return status;
}

/* The default objectives depend on the machine: another one may measure more or less. */
static int check_objectives(const struct search *search)
{
    const struct nastl_problem *problem = search->problem;
    bool same = nastl_study_objectives(search->study) == problem->objective_count;
    for (size_t j = 0; same && j < problem->objective_count; j++)
        same = nastl_study_objective(search->study, j) == problem->objectives[j];
    return same ? NASTL_OK
                : nastl_error(
                      NASTL_EINVAL,
                      "--objectives: not those that the study was begun with; name "
                      "them as study.yaml does");
}

static int check_record(struct search *search)
{
    char *path;
    TRY(path_in(&path, search, "study.yaml"));
    const int status = nastl_record_check(path, search->params);
    free(path);
    return status;
}

/* ---- choices ------------------------------------------------------------------------
 */

static void choose_sizes(struct search *search)
{
    const struct nastl_search_params *params = search->params;
    search->trials = (size_t)params->trials;
    if (search->trials == 0 && params->time == 0)
        search->trials = DEFAULT_TRIALS;
    search->jobs = params->jobs ? (size_t)params->jobs : (size_t)omp_get_num_procs();
    if (search->jobs > JOBS_MOST)
        search->jobs = JOBS_MOST;
}

static void keep_training_time_honest(struct search *search)
{
    if (search->jobs == 1 || !search->problem->times_training)
        return;
    search->jobs = 1;
    nastl_log_warning(nastl_budget_log(&search->budget),
                      "training_time is measured with one job: --jobs 1");
}

static const struct nastl_searcher_class *choose_sampler(const struct search *search)
{
    const char *name = search->params->sampler ? search->params->sampler : "auto";
    if (strcmp(name, "auto") != 0)
        return nastl_searcher_find(name);
    const bool many = search->planned == 0 || search->planned >= NSGA2_FROM;
    nastl_log_info(nastl_budget_log(&search->budget), "sampler: %s",
                   many ? "nsga2, since there are trials enough for generations"
                        : "random, since there are fewer than 40 trials");
    return nastl_searcher_find(many ? "nsga2" : "random");
}

static int prepare_source(struct search *search)
{
    char *path;
    TRY(path_in(&path, search, "source.h5"));
    const struct nastl_source_params params = {
        .warm_start = search->params->warm_start,
        .path = path,
        .checkpoints = search->checkpoints,
        .jobs = search->jobs,
        .budget = &search->budget,
    };
    const int status = nastl_source_prepare(search->problem, &params);
    free(path);
    return status;
}

static int rank_sources(json_t **out, struct search *search)
{
    struct nastl_strbuf text;
    TRY(nastl_rank_sources(out, search->problem, &search->budget));
    nastl_strbuf_init(&text);
    nastl_json_write(&text, *out, 0);
    const char *fact = nastl_strbuf_text(&text);
    const int status = fact ? nastl_study_set_fact(search->study, "sources", fact)
                            : nastl_error_nomem("a ranking");
    nastl_strbuf_finish(&text);
    if (status < 0)
        json_decref(*out);
    return status;
}

/* Which of several sources are taken from is decided once for a study. */
static int choose_sources(struct search *search)
{
    char *fact = NULL;
    json_t *ranking;
    if (!nastl_rank_is_needed(search->problem))
        return NASTL_OK;
    TRY(nastl_study_get_fact(search->study, "sources", &fact));
    const int status = fact ? nastl_json_parse(&ranking, fact, "the ranking of sources")
                            : rank_sources(&ranking, search);
    free(fact);
    TRY(status);
    return nastl_rank_apply(search->problem, ranking, nastl_budget_log(&search->budget));
}

/* ---- what only the search knows of pareto.json --------------------------------------
 */

static json_t *data_json(const struct nastl_problem *problem)
{
    const struct nastl_dataset *data = problem->dataset;
    size_t rows[NASTL_PART_COUNT];
    for (int p = 0; p < NASTL_PART_COUNT; p++)
        rows[p] = nastl_dataset_count(data, (enum nastl_part)p);
    return json_pack(
        "{s:s, s:s?, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:O*}", "target",
        data->target_name, "source", data->source_name, "rows", "source",
        (json_int_t)(rows[NASTL_PART_SOURCE_TRAIN] + rows[NASTL_PART_SOURCE_VALID]),
        "train", (json_int_t)rows[NASTL_PART_TRAIN], "valid",
        (json_int_t)rows[NASTL_PART_VALID], "test", (json_int_t)rows[NASTL_PART_TEST],
        "features", (json_int_t)data->feature_count, "classes",
        (json_int_t)data->class_count, "sources", problem->sources);
}

static json_t *hardware_json(const struct search *search)
{
    struct nastl_hardware hardware;
    if (nastl_hardware_probe(&hardware) < 0)
        return json_null();
    json_t *energy =
        hardware.energy
            ? json_pack("{s:b, s:s}", "available", 1, "source", hardware.energy_source)
            : json_pack("{s:b, s:s}", "available", 0, "reason", hardware.energy_reason);
    return json_pack("{s:s, s:I, s:s, s:s, s:o}", "cpu", hardware.cpu, "threads",
                     (json_int_t)search->jobs, "isa", hardware.isa, "onednn",
                     hardware.onednn, "energy", energy);
}

/* Seconds of all runs of the study together. */
static double total_seconds(const struct search *search)
{
    char *text = NULL;
    double before = 0;
    if (nastl_study_get_fact(search->study, "seconds", &text) == NASTL_OK && text &&
        !nastl_number_parse(&before, text, strlen(text)))
        before = 0;
    free(text);
    return before + nastl_budget_elapsed(&search->budget);
}

static json_t *head_json(const struct search *search, double seconds)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:o, s:s?, s:o}", "version",
                     NASTL_VERSION, "space", nastl_space_name(search->problem->space),
                     "task", nastl_task_name(search->problem->dataset->task), "data",
                     data_json(search->problem), "rejected",
                     (json_int_t)search->result.rejected, "seconds",
                     nastl_json_number(seconds), "stop", search->result.stop, "hardware",
                     hardware_json(search));
}

static int publish(struct search *search)
{
    char text[32];
    const double seconds = total_seconds(search);
    nastl_budget_tell(&search->budget, "publish", 0, 0, 0, NAN, "");
    json_t *head = head_json(search, seconds);
    if (!head)
        return nastl_error_nomem("pareto.json");
    nastl_number_text(text, seconds);
    int status = nastl_study_publish(search->study, head);
    json_decref(head);
    if (status == NASTL_OK)
        status = nastl_study_set_fact(search->study, "seconds", text);
    return status;
}

/* What the study is about can be looked at while it runs. */
static int publish_head(struct search *search)
{
    json_t *head = head_json(search, total_seconds(search));
    if (!head)
        return nastl_error_nomem("pareto.json");
    const int status = nastl_study_publish(search->study, head);
    json_decref(head);
    return status;
}

/* ---- the outcome --------------------------------------------------------------------
 */

void nastl_search_outcome_finish(struct nastl_search_outcome *outcome)
{
    free(outcome->study);
    free(outcome->stop);
    free(outcome->table);
    free(outcome->json);
    *outcome = (struct nastl_search_outcome){0};
}

static int fill_outcome(struct nastl_search_outcome *out, const struct search *search,
                        const char *stop)
{
    char *path;
    json_t *pareto = NULL;
    size_t length;
    out->study = nastl_strdup(search->folder);
    out->stop = nastl_strdup(stop);
    if (!out->study || !out->stop)
        return nastl_error_nomem("the outcome");
    TRY(path_in(&path, search, "pareto.json"));
    int status = nastl_file_read(&out->json, &length, path, (size_t)1 << 30);
    if (status == NASTL_OK)
        status = nastl_json_read(&pareto, path);
    if (status == NASTL_OK)
        status = nastl_study_front_table(&out->table, pareto);
    if (status == NASTL_OK)
        out->front = json_array_size(json_object_get(pareto, "front"));
    json_decref(pareto);
    free(path);
    return status;
}

/* ---- a run --------------------------------------------------------------------------
 */

static bool has_files(const struct search *search)
{
    return has_file(search, "weights.h5") && has_file(search, "pareto.json") &&
           has_file(search, "pareto.csv") && has_file(search, "trials.csv");
}

/* Found before the search goes on, not when it wants to add to them. */
static int check_weights(const struct search *search)
{
    char *path;
    struct nastl_h5 *file;
    if (!has_file(search, "weights.h5"))
        return NASTL_OK;
    TRY(path_in(&path, search, "weights.h5"));
    int status = nastl_h5_open(&file, path);
    if (status == NASTL_OK)
        nastl_h5_close(file);
    else if (status == NASTL_EFORMAT)
        status =
            nastl_error(status,
                        "%s: is damaged; restore it, or remove it and its models are "
                        "trained again",
                        path);
    free(path);
    return status;
}

/* Whether there was the time to find out what is best delivered. */
static bool is_guarded(const struct search *search)
{
    char *why = NULL;
    const int status = nastl_study_get_fact(search->study, "unguarded", &why);
    const bool guarded = status == NASTL_OK && !why;
    free(why);
    return guarded;
}

/* Every trial of the budget is over, and the files were written. */
static bool is_finished(const struct search *search)
{
    char *stop = NULL;
    struct nastl_trial *trials = NULL;
    size_t count = 0, over = 0;
    if (nastl_study_get_fact(search->study, "stop", &stop) < 0 || !stop)
        return false;
    const bool exhausted = strcmp(stop, "exhausted") == 0;
    const bool complete = exhausted || strcmp(stop, "trials") == 0;
    free(stop);
    if (!complete || !is_guarded(search) ||
        nastl_study_trials(search->study, &trials, &count) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        over += trials[i].state != NASTL_STATE_RUNNING;
        nastl_trial_finish(&trials[i]);
    }
    free(trials);
    return over == count && has_files(search) &&
           (exhausted || (search->trials && over >= search->trials));
}

/* Who interrupts the guard interrupts the search. */
static int guard(struct search *search)
{
    const struct nastl_guard_params params = {
        .problem = search->problem,
        .study = search->study,
        .budget = &search->budget,
        .checkpoints = search->checkpoints,
        .jobs = search->jobs,
    };
    bool cut;
    nastl_budget_reserve(&search->budget, search->result.after);
    TRY(nastl_guard_work(&cut, &params));
    if (cut && nastl_budget_interrupted(&search->budget))
        search->result.stop = "interrupted";
    return NASTL_OK;
}

static int work(struct search *search)
{
    const bool keep_all =
        search->params->keep && strcmp(search->params->keep, "all") == 0;
    const struct nastl_crew_params crew = {
        .problem = search->problem,
        .study = search->study,
        .sampler = choose_sampler(search),
        .trials = search->trials,
        .planned = search->planned,
        .jobs = search->jobs,
        .budget = &search->budget,
        .checkpoints = search->checkpoints,
        .keep_all = keep_all,
    };
    const struct nastl_finish_params finish = {
        .problem = search->problem,
        .study = search->study,
        .budget = &search->budget,
        .checkpoints = search->checkpoints,
        .jobs = search->jobs,
        .keep_all = keep_all,
    };
    TRY(nastl_crew_work(&search->result, &crew));
    TRY(guard(search));
    TRY(nastl_finish_members(&finish));
    return publish(search);
}

/* Nothing of a new study is on the disk before everything that was asked is understood.
 */
static int prepare(struct search *search)
{
    TRY(choose_folder(search));
    choose_sizes(search);
    if (search->resumed) {
        TRY(take_folder(search));
        TRY(check_record(search));
        TRY(nastl_study_open(&search->study, search->folder));
        if (is_finished(search))
            return 1;
        TRY(check_weights(search));
    }
    nastl_budget_tell(&search->budget, "loading", 0, 0, 0, NAN, "");
    TRY(nastl_problem_create(&search->problem, search->params,
                             nastl_budget_log(&search->budget)));
    if (search->resumed)
        TRY(check_objectives(search));
    keep_training_time_honest(search);
    TRY(nastl_crew_check(search->problem));
    if (search->params->warm_start || (search->resumed && has_file(search, "source.h5")))
        TRY(prepare_source(search));
    if (!search->study) { /* a ledger without its record could not be resumed */
        TRY(write_record(search));
        TRY(open_study(search));
    }
    TRY(plan(search));
    nastl_problem_tell(search->problem, search->params->task,
                       nastl_budget_log(&search->budget));
    TRY(publish_head(search));
    TRY(choose_sources(search));
    return search->problem->warm_count ? NASTL_OK : prepare_source(search);
}

static int end_early(struct search *search)
{
    search->result.stop = "interrupted";
    return publish(search);
}

static int interrupted(const struct search *search)
{
    return nastl_error(NASTL_EINTERRUPTED,
                       "%s: interrupted; --study %s --resume goes on with it",
                       search->folder, search->folder);
}

static int run(struct nastl_search_outcome *out, struct search *search)
{
    const int prepared = prepare(search);
    if (prepared > 0)
        return fill_outcome(out, search, "finished");
    if (prepared == NASTL_EINTERRUPTED) /* while the source was trained */
        TRY(end_early(search));
    else
        TRY(prepared < 0 ? prepared : work(search));
    TRY(fill_outcome(out, search, search->result.stop));
    return strcmp(search->result.stop, "interrupted") == 0 ? interrupted(search)
                                                           : NASTL_OK;
}

/* Every network works on one thread, the source and what is measured, too: bits and
 * figures are those of one thread, and a team that spins between small products crawls
 * where others want the cores. Workers are counted by --jobs. */
int nastl_search_run(struct nastl_search_outcome *out,
                     const struct nastl_search_params *params,
                     const struct nastl_hooks *hooks)
{
    struct search search = {.params = params, .held = -1};
    const int threads = omp_get_max_threads();
    *out = (struct nastl_search_outcome){0};
    omp_set_num_threads(1);
    nastl_budget_start(&search.budget, params->time, hooks);
    const int status = run(out, &search);
    omp_set_num_threads(threads);
    nastl_study_close(search.study);
    nastl_problem_destroy(search.problem);
    nastl_folder_release(search.held);
    free(search.folder);
    free(search.checkpoints);
    return status;
}
