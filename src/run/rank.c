/* rank.c: see rank.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/rank.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/stat.h"
#include "run/trial.h"
#include "transfer/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 64,        /* of the features that are scored */
    EPOCH_ROWS = 2048, /* of a source: it is trained for a moment */
    SCORED_MOST = 4000,
    NETWORKS = 5 /* that begin differently: one alone is luck */
};

/* Streams of trials count up from 0, the source networks' is the last one. Network k of
 * each source begins as number k of those that are never trained. */
static const uint32_t first_stream = UINT32_MAX - NETWORKS;

/* Rows are scaled so, whatever candidates do: no outlier hides the others. */
static const enum nastl_scaling scaling = NASTL_SCALING_QUANTILE;

/* Of the networks, each by itself. */
struct scores {
    double h[NETWORKS], logme[NETWORKS];
};

/* One source. */
struct contender {
    size_t source; /* of the dataset's */
    size_t rows;
    struct scores scores;
    double h_score, logme; /* the means */
    bool is_used;
};

struct ranking {
    const struct nastl_problem *problem;
    const struct nastl_budget *budget;
    struct nastl_candidate candidate; /* what all of them train */
    struct contender *items;          /* (count) */
    size_t count;
    double until; /* elapsed seconds at which training is over */

    int32_t *rows; /* (row_count) of the target's view: scored */
    size_t row_count;
    double *labels;  /* (row_count) */
    float *features; /* (row_count, WIDTH) */
};

static struct nastl_view *target_of(const struct nastl_problem *problem)
{
    return problem->fold_count > 1 ? problem->full : problem->folds[0];
}

/* ---- a network --------------------------------------------------------------------- */

static int describe(struct nastl_candidate *out)
{
    static const struct {
        const char *key, *text;
        double number;
    } settings[] = {
        {"family", "mlp", 0},
        {"input.numeric_scaling", "quantile", 0},
        {"mlp.layers", NULL, 2},
        {"mlp.width", NULL, WIDTH},
        {"training.learning_rate", NULL, 0.003},
        {"training.batch_size", NULL, 128},
        {"training.max_epochs", NULL, 30},
        {"training.patience", NULL, 6},
        {"transfer.strategy", "scratch", 0},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        TRY(nastl_candidate_set(out, settings[i].key, settings[i].text,
                                settings[i].number));
    return NASTL_OK;
}

/* The same with a head that hands on the last hidden layer. */
static void take_weights(struct nastl_net *net, const struct nastl_net *from)
{
    for (size_t t = 0; t < nastl_net_tensor_count(net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(net, t);
        const size_t size = tensor->shape[0] * (tensor->rank == 2 ? tensor->shape[1] : 1);
        const bool is_head = strncmp(tensor->name, "head.", strlen("head.")) == 0;
        if (!is_head) {
            memcpy(tensor->data, nastl_net_find(from, tensor->name)->data,
                   size * sizeof *tensor->data);
            continue;
        }
        memset(tensor->data, 0, size * sizeof *tensor->data);
        for (size_t i = 0; tensor->rank == 2 && i < WIDTH; i++)
            tensor->data[i * WIDTH + i] = 1;
    }
}

/* `from` NULL: never trained, drawn with `draw`. */
static int fill_net(struct ranking *ranking, struct nastl_net *net,
                    const struct nastl_net *from, uint32_t draw)
{
    const struct nastl_prep *prep;
    const struct nastl_xy *xy;
    struct nastl_net *drawn = NULL;
    if (!from) {
        TRY(nastl_net_create(&drawn, nastl_net_graph(net)));
        nastl_net_init(drawn, ranking->problem->seed, first_stream + draw);
    }
    take_weights(net, from ? from : drawn);
    nastl_net_destroy(drawn);
    TRY(nastl_view_features(&prep, &xy, target_of(ranking->problem), scaling));
    return nastl_net_forward(net, xy, ranking->rows, ranking->row_count,
                             ranking->features);
}

static int find_features(struct ranking *ranking, const struct nastl_net *from,
                         uint32_t draw)
{
    struct nastl_shape shape = nastl_model_shape(ranking->problem->layout);
    struct nastl_graph *graph;
    struct nastl_net *net;
    shape.outputs = WIDTH;
    TRY(nastl_arch_build(&graph, &ranking->candidate, &shape));
    int status = nastl_net_create(&net, graph);
    if (status == NASTL_OK) {
        status = fill_net(ranking, net, from, draw);
        nastl_net_destroy(net);
    }
    nastl_graph_destroy(graph);
    return status;
}

static int score_net(struct scores *out, struct ranking *ranking,
                     const struct nastl_net *from, uint32_t draw)
{
    const struct nastl_features features = {
        .values = ranking->features,
        .label = ranking->labels,
        .rows = ranking->row_count,
        .width = WIDTH,
        .classes = ranking->problem->dataset->class_count,
    };
    TRY(find_features(ranking, from, draw));
    TRY(nastl_score_h(&out->h[draw], &features));
    return nastl_score_logme(&out->logme[draw], &features);
}

/* ---- a source ---------------------------------------------------------------------- */

static bool is_interrupted(void *payload)
{
    return nastl_budget_interrupted(((struct ranking *)payload)->budget);
}

static bool is_over(void *payload)
{
    const struct ranking *ranking = payload;
    return nastl_budget_elapsed(ranking->budget) > ranking->until;
}

/* Rows of a part that are from one source; the caller frees *out. */
static int rows_of(int32_t **out, size_t *count, const struct nastl_dataset *data,
                   enum nastl_part part, size_t source)
{
    size_t kept = 0;
    TRY(nastl_dataset_rows(out, count, data, part));
    for (size_t i = 0; i < *count; i++)
        if (data->origin[(*out)[i]] == (int32_t)source)
            (*out)[kept++] = (*out)[i];
    *count = kept;
    return NASTL_OK;
}

static int view_source(struct nastl_view **out, const struct nastl_problem *problem,
                       size_t source)
{
    int32_t *train = NULL, *valid = NULL;
    size_t trains, valids;
    int status =
        rows_of(&train, &trains, problem->dataset, NASTL_PART_SOURCE_TRAIN, source);
    if (status == NASTL_OK)
        status =
            rows_of(&valid, &valids, problem->dataset, NASTL_PART_SOURCE_VALID, source);
    if (status == NASTL_OK)
        status = nastl_view_create(out, problem->dataset, problem->layout, train, trains,
                                   valid, valids);
    free(train);
    free(valid);
    TRY(status);
    (*out)->epoch_rows = EPOCH_ROWS;
    return NASTL_OK;
}

static int train_on(struct nastl_model **out, struct ranking *ranking,
                    struct nastl_view *view, uint32_t draw)
{
    const struct nastl_stop stop = {is_interrupted, is_over, ranking};
    const struct nastl_training training = {.problem = ranking->problem,
                                            .view = view,
                                            .candidate = &ranking->candidate,
                                            .stream = first_stream + draw,
                                            .stop = &stop,
                                            .is_unscored = true};
    struct nastl_trained trained;
    return nastl_train_model(out, &trained, &training);
}

static int score_network(struct scores *out, struct ranking *ranking,
                         struct nastl_view *view, uint32_t draw)
{
    struct nastl_model *model;
    TRY(train_on(&model, ranking, view, draw));
    const int status = score_net(out, ranking, model->net, draw);
    nastl_model_destroy(model);
    return status;
}

/* A source without training rows, or whose training fails, is the worst. */
static int score_networks(struct scores *out, struct ranking *ranking,
                          struct nastl_view *view)
{
    for (uint32_t draw = 0; draw < NETWORKS; draw++) {
        const int status =
            view->train_count ? score_network(out, ranking, view, draw) : NASTL_ENUMERIC;
        if (status == NASTL_ENUMERIC)
            out->h[draw] = out->logme[draw] = -INFINITY;
        else
            TRY(status);
    }
    return NASTL_OK;
}

static int score_source(struct contender *contender, struct ranking *ranking)
{
    struct nastl_view *view;
    TRY(view_source(&view, ranking->problem, contender->source));
    contender->rows = view->train_count + view->valid_count;
    const int status = score_networks(&contender->scores, ranking, view);
    nastl_view_destroy(view);
    contender->h_score = nastl_stat_mean(contender->scores.h, NETWORKS);
    contender->logme = nastl_stat_mean(contender->scores.logme, NETWORKS);
    return status;
}

/* ---- all of them ------------------------------------------------------------------- */

/* The target's training rows, a part of them where they are many. */
static int gather_rows(struct ranking *ranking)
{
    const struct nastl_view *view = target_of(ranking->problem);
    struct nastl_rng rng;
    ranking->rows = nastl_alloc(view->train_count, sizeof *ranking->rows);
    ranking->labels = nastl_alloc(view->train_count, sizeof *ranking->labels);
    ranking->features = nastl_alloc(view->train_count, WIDTH * sizeof *ranking->features);
    if (!ranking->rows || !ranking->labels || !ranking->features)
        return nastl_error_nomem("the rows of a ranking");
    memcpy(ranking->rows, view->index, view->train_count * sizeof *ranking->rows);
    nastl_rng_init(&rng, ranking->problem->seed, first_stream, NASTL_RNG_POOL);
    nastl_rng_shuffle(&rng, ranking->rows, view->train_count);
    ranking->row_count =
        view->train_count < SCORED_MOST ? view->train_count : SCORED_MOST;
    for (size_t i = 0; i < ranking->row_count; i++)
        ranking->labels[i] =
            ranking->problem->dataset->label[view->rows[ranking->rows[i]]];
    return NASTL_OK;
}

static int score_all(struct ranking *ranking, struct scores *untrained)
{
    const double end = nastl_budget_end(ranking->budget, 1.0 / 12);
    for (size_t k = 0; k < ranking->count; k++) {
        const double now = nastl_budget_elapsed(ranking->budget);
        ranking->items[k].source = k;
        ranking->until = now + (end - now) / (double)(ranking->count - k);
        nastl_budget_tell(ranking->budget, "ranking", (double)k, (double)ranking->count,
                          0, NAN, "");
        TRY(score_source(&ranking->items[k], ranking));
    }
    for (uint32_t draw = 0; draw < NETWORKS; draw++)
        TRY(score_net(untrained, ranking, NULL, draw));
    return NASTL_OK;
}

/* Network by network, as both begin the same: the mean gain is above its noise. */
static bool is_above(const struct scores *scores, const struct scores *untrained)
{
    double gains[NETWORKS];
    for (size_t k = 0; k < NETWORKS; k++)
        gains[k] = scores->logme[k] - untrained->logme[k];
    return nastl_stat_mean(gains, NETWORKS) >
           2 * nastl_stat_standard_error(gains, NETWORKS);
}

static int by_score(const void *a, const void *b)
{
    const struct contender *x = a, *y = b;
    if (x->logme != y->logme)
        return x->logme > y->logme ? -1 : 1;
    return x->source < y->source ? -1 : 1;
}

static void sort_all(struct ranking *ranking, const struct scores *untrained)
{
    qsort(ranking->items, ranking->count, sizeof *ranking->items, by_score);
    for (size_t i = 0; i < ranking->count; i++)
        ranking->items[i].is_used =
            i == 0 || is_above(&ranking->items[i].scores, untrained);
}

static json_t *ranking_json(const struct ranking *ranking)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < ranking->count; i++) {
        const struct contender *one = &ranking->items[i];
        nastl_json_append(
            array,
            json_pack("{s:o, s:I, s:o, s:o, s:b}", "name",
                      nastl_json_text(ranking->problem->dataset->sources[one->source]),
                      "rows", (json_int_t)one->rows, "h_score",
                      nastl_json_number(one->h_score), "logme",
                      nastl_json_number(one->logme), "used", (int)one->is_used));
    }
    return array;
}

static int rank(struct ranking *ranking)
{
    struct scores untrained;
    ranking->items = nastl_alloc_zero(ranking->count, sizeof *ranking->items);
    if (!ranking->items)
        return nastl_error_nomem("a ranking");
    TRY(describe(&ranking->candidate));
    TRY(gather_rows(ranking));
    TRY(score_all(ranking, &untrained));
    sort_all(ranking, &untrained);
    return NASTL_OK;
}

int nastl_rank_sources(json_t **out, const struct nastl_problem *problem,
                       const struct nastl_budget *budget)
{
    struct ranking ranking = {
        .problem = problem, .budget = budget, .count = problem->dataset->source_count};
    nastl_candidate_init(&ranking.candidate);
    int status = rank(&ranking);
    if (status == NASTL_OK) {
        *out = ranking_json(&ranking);
        status = *out ? NASTL_OK : nastl_error_nomem("a ranking");
    }
    nastl_candidate_finish(&ranking.candidate);
    free(ranking.items);
    free(ranking.rows);
    free(ranking.labels);
    free(ranking.features);
    return status;
}

bool nastl_rank_is_needed(const struct nastl_problem *problem)
{
    const struct nastl_space *space = problem->space;
    if (!problem->source || problem->dataset->source_count < 2)
        return false;
    for (size_t i = 0; i < nastl_space_dims(space); i++) {
        const struct nastl_dim *dim = nastl_space_dim(space, i);
        if (strcmp(dim->key, "transfer.strategy") == 0)
            return dim->count > 1 || strcmp(dim->choices[0].text, "scratch") != 0;
    }
    return false;
}

/* ---- taking from some -------------------------------------------------------------- */

/* As the ranking writes names. */
static bool is_named(const char *source, const char *name)
{
    json_t *text = nastl_json_text(source);
    const bool same = text && strcmp(json_string_value(text), name) == 0;
    json_decref(text);
    return same;
}

static int leave_out(struct nastl_dataset *data, const char *name)
{
    size_t source = 0;
    while (source < data->source_count && !is_named(data->sources[source], name))
        source++;
    if (source == data->source_count)
        return nastl_error(NASTL_EFORMAT,
                           "the ranking of sources: '%s' is none of them; begin a new "
                           "study",
                           name);
    for (size_t i = 0; i < data->rows; i++)
        if (data->origin[i] == (int32_t)source)
            data->part[i] = NASTL_PART_COUNT;
    return NASTL_OK;
}

static void tell(const json_t *one, const struct nastl_log *log)
{
    nastl_log_info(log, "source %s: H-score %.3f, LogME %.3f%s",
                   nastl_json_text_at(one, "name", ""),
                   json_number_value(json_object_get(one, "h_score")),
                   json_number_value(json_object_get(one, "logme")),
                   json_is_true(json_object_get(one, "used"))
                       ? ""
                       : "; left out, for an untrained network tells as much");
}

int nastl_rank_apply(struct nastl_problem *problem, json_t *ranking,
                     const struct nastl_log *log)
{
    size_t at;
    json_t *one;
    json_decref(problem->sources);
    problem->sources = ranking;
    json_array_foreach (ranking, at, one) {
        if (!json_is_true(json_object_get(one, "used")))
            TRY(leave_out(problem->dataset, nastl_json_text_at(one, "name", "")));
        tell(one, log);
    }
    return nastl_problem_view_source(problem);
}
