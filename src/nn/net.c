/* net.c: a graph with weights, and running it forwards.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/net_impl.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cache.h"
#include "base/error.h"
#include "base/rng.h"

/* Batches of forward runs. Rows that are left over go in small batches as long as those
 * are less work. */
enum { LARGE = 256, SMALL = 32, SMALL_MOST = 128 };

/* How often the activations of a part fill the second cache. Products of few rows are
 * slow, and what a layer is done with may go. */
enum { PART_CACHES = 4 };

static const double PI = 3.14159265358979323846;

/* But for each part all weights are read and all gradients summed: a part has at least so
 * many times as many activations. */
enum { PART_WEIGHTS = 3 };

/* ---- the block of parameters ---- */

/* Which stretch of the block a tensor belongs to. */
static int stretch_of(enum nastl_role role)
{
    return nastl_role_decays(role) ? 0 : nastl_role_trainable(role) ? 1 : 2;
}

static size_t place_stretch(struct nastl_net *net, int stretch, size_t from)
{
    const size_t line = NASTL_ALIGN / sizeof(float);
    for (size_t i = 0; i < net->graph->tensor_count; i++) {
        const struct nastl_tensor_spec *spec = &net->graph->tensors[i];
        if (stretch_of(spec->role) != stretch)
            continue;
        net->at[i] = from;
        from += (nastl_tensor_size(spec) + line - 1) / line * line;
    }
    return from;
}

static int allocate(struct nastl_net *net)
{
    const size_t count = net->graph->tensor_count;
    net->tensors = nastl_alloc_zero(count, sizeof *net->tensors);
    net->at = nastl_alloc(count, sizeof *net->at);
    if (!net->tensors || !net->at)
        return nastl_error_nomem("a network");
    net->decayed = place_stretch(net, 0, 0);
    net->trainable = place_stretch(net, 1, net->decayed);
    net->total = place_stretch(net, 2, net->trainable);
    net->params = nastl_alloc_aligned(net->total, sizeof *net->params);
    return net->params ? 0 : nastl_error_nomem("the parameters of a network");
}

static void name_tensors(struct nastl_net *net)
{
    for (size_t i = 0; i < net->graph->tensor_count; i++) {
        const struct nastl_tensor_spec *spec = &net->graph->tensors[i];
        net->tensors[i] =
            (struct nastl_tensor){.name = spec->name,
                                  .rank = spec->rank,
                                  .shape = {spec->shape[0], spec->shape[1]},
                                  .trainable = nastl_role_trainable(spec->role),
                                  .data = net->params + net->at[i]};
    }
}

int nastl_net_create(struct nastl_net **out, const struct nastl_graph *graph)
{
    struct nastl_net *net = nastl_alloc_zero(1, sizeof *net);
    if (!net)
        return nastl_error_nomem("a network");
    net->graph = graph;
    int status = allocate(net);
    if (status == 0)
        status = nastl_dnnl_create(&net->dnnl);
    if (status < 0) {
        nastl_net_destroy(net);
        return status;
    }
    name_tensors(net);
    *out = net;
    return 0;
}

void nastl_net_destroy(struct nastl_net *net)
{
    if (!net)
        return;
    nastl_row_destroy(net->row);
    nastl_plan_destroy(net->large);
    nastl_plan_destroy(net->small);
    nastl_plan_destroy(net->single);
    nastl_dnnl_destroy(net->dnnl);
    free(net->params);
    free(net->tensors);
    free(net->at);
    free(net);
}

const struct nastl_graph *nastl_net_graph(const struct nastl_net *net)
{
    return net->graph;
}

const float *nastl_net_numbers(const struct nastl_net *net, size_t *count)
{
    *count = net->total;
    return net->params;
}

size_t nastl_net_tensor_count(const struct nastl_net *net)
{
    return net->graph->tensor_count;
}

const struct nastl_tensor *nastl_net_tensor(const struct nastl_net *net, size_t i)
{
    return &net->tensors[i];
}

const struct nastl_tensor *nastl_net_find(const struct nastl_net *net, const char *name)
{
    for (size_t i = 0; i < net->graph->tensor_count; i++)
        if (strcmp(net->tensors[i].name, name) == 0)
            return &net->tensors[i];
    return NULL;
}

/* ---- drawing weights ---- */

/* Uniform on ±1 / sqrt(fan_in): what Kaiming He's rule with a = sqrt 5 comes to, for
 * weights and biases alike. */
static void draw_uniform(float *data, size_t n, size_t fan_in, struct nastl_rng *rng)
{
    const double bound = 1.0 / sqrt((double)fan_in);
    for (size_t i = 0; i < n; i++)
        data[i] = (float)(bound * (2.0 * nastl_rng_uniform(rng) - 1.0));
}

/* Normal with variance 1 / width: a category is then as long as if it were one-hot. */
static void draw_table(float *data, const struct nastl_tensor_spec *spec,
                       struct nastl_rng *rng)
{
    const double sd = 1.0 / sqrt((double)spec->shape[1]);
    for (size_t i = 0; i < nastl_tensor_size(spec); i++)
        data[i] = (float)(sd * nastl_rng_normal(rng));
}

/* -1 or 1 for each member and column of the data; the inputs that a column has become
 * share theirs. */
static void draw_signs(float *data, const struct nastl_tensor_spec *spec,
                       const struct nastl_graph *graph, struct nastl_rng *rng)
{
    const size_t width = spec->shape[1], numeric = graph->shape.numeric;
    const size_t more = width - graph->nodes[0].width; /* by an embedding of numbers */
    const size_t each = numeric ? 1 + more / numeric : 1;
    for (size_t i = 0; i < nastl_tensor_size(spec); i++)
        data[i] = nastl_rng_u32(rng) & 1 ? 1.0f : -1.0f;
    for (size_t m = 0; m < spec->shape[0]; m++) {
        float *row = data + m * width;
        for (size_t c = 0; c < numeric * each; c++)
            row[c] = row[c / each * each];
        for (size_t k = 0; k < graph->shape.categorical; k++) {
            const struct nastl_encoding *e = &graph->encodings[k];
            for (size_t c = 1; c < e->width; c++)
                row[more + e->at + c] = row[more + e->at];
        }
    }
}

/* Biases of members that share their weights start the same. */
static void draw_layer(float *data, const struct nastl_tensor_spec *spec,
                       struct nastl_rng *rng)
{
    const size_t n = nastl_tensor_size(spec);
    const bool shared = spec->role == NASTL_ROLE_BIAS && spec->rank == 2;
    draw_uniform(data, shared ? spec->shape[1] : n, spec->fan_in, rng);
    for (size_t i = spec->shape[1]; shared && i < n; i++)
        data[i] = data[i - spec->shape[1]];
}

/* N(0, 1) / sqrt(fan_in): see nastl_graph_shape_learning(). */
static void draw_ntk(float *data, const struct nastl_tensor_spec *spec,
                     struct nastl_rng *rng)
{
    const double factor = 1.0 / sqrt((double)spec->fan_in);
    for (size_t i = 0; i < nastl_tensor_size(spec); i++)
        data[i] = (float)(factor * nastl_rng_normal(rng));
}

static void draw_phases(float *data, size_t n, struct nastl_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        data[i] = (float)(PI * (2.0 * nastl_rng_uniform(rng) - 1.0));
}

static void draw_frequencies(float *data, const struct nastl_tensor_spec *spec,
                             struct nastl_rng *rng)
{
    for (size_t i = 0; i < nastl_tensor_size(spec); i++)
        data[i] = (float)(spec->spread * nastl_rng_normal(rng));
}

/* Equal parts of -3 … 3, which most standardised numbers are in. */
static void fill_bins(float *data, const struct nastl_tensor_spec *spec)
{
    const size_t edges = spec->shape[1];
    for (size_t i = 0; i < nastl_tensor_size(spec); i++)
        data[i] = (float)(6.0 * (double)(i % edges) / (double)(edges - 1) - 3.0);
}

static void fill(float *data, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        data[i] = value;
}

static bool starts_at_one(enum nastl_role role)
{
    return role == NASTL_ROLE_SCALE || role == NASTL_ROLE_VARIANCE ||
           role == NASTL_ROLE_FRONT || role == NASTL_ROLE_SHARE;
}

void nastl_net_init(struct nastl_net *net, uint64_t seed, uint32_t trial)
{
    struct nastl_rng rng;
    net->seed = seed;
    net->trial = trial;
    nastl_rng_init(&rng, seed, trial, NASTL_RNG_INIT);
    for (size_t i = 0; i < net->graph->tensor_count; i++) {
        const struct nastl_tensor_spec *spec = &net->graph->tensors[i];
        const size_t n = nastl_tensor_size(spec);
        float *data = net->tensors[i].data;
        if (spec->ntk)
            draw_ntk(data, spec, &rng);
        else if (spec->role == NASTL_ROLE_PHASE)
            draw_phases(data, n, &rng);
        else if (spec->role == NASTL_ROLE_WEIGHT || spec->role == NASTL_ROLE_BIAS ||
                 spec->role == NASTL_ROLE_NUMERIC)
            draw_layer(data, spec, &rng);
        else if (spec->role == NASTL_ROLE_SIGNS)
            draw_signs(data, spec, net->graph, &rng);
        else if (spec->role == NASTL_ROLE_TOKEN)
            draw_uniform(data, n, spec->rank == 2 ? spec->shape[1] : n, &rng);
        else if (spec->role == NASTL_ROLE_EMBEDDING)
            draw_table(data, spec, &rng);
        else if (spec->role == NASTL_ROLE_FREQUENCY)
            draw_frequencies(data, spec, &rng);
        else if (spec->role == NASTL_ROLE_BINS)
            fill_bins(data, spec);
        else
            fill(data, n, starts_at_one(spec->role) ? 1.0f : 0.0f);
    }
}

/* ---- forward ---- */

static int need_plan(struct nastl_plan **plan, struct nastl_net *net, size_t batch)
{
    const struct nastl_block params = {.data = net->params, .at = net->at};
    return *plan ? 0
                 : nastl_plan_create(plan, net->graph, net->dnnl, batch, &params, NULL);
}

/* Numbers that a row leaves on its way. */
static size_t row_numbers(const struct nastl_graph *graph)
{
    size_t numbers = 0;
    for (size_t i = 0; i < graph->node_count; i++)
        numbers += graph->nodes[i].rows * graph->nodes[i].width;
    return numbers;
}

size_t nastl_net_part(const struct nastl_net *net, size_t batch)
{
    if (!nastl_graph_has(net->graph, NASTL_NODE_ATTENTION) &&
        !nastl_graph_has(net->graph, NASTL_NODE_MEMBERS))
        return batch;
    const size_t row = row_numbers(net->graph);
    const size_t near = PART_CACHES * nastl_cache_bytes() / sizeof(float);
    size_t part = 1;
    while (part < batch &&
           (2 * part * row <= near || part * row < PART_WEIGHTS * net->trainable))
        part *= 2;
    return part < batch ? part : batch;
}

int nastl_net_forward_while(struct nastl_net *net, const struct nastl_xy *xy,
                            const int32_t *rows, size_t count, float *out,
                            bool (*poll)(void *payload), void *payload)
{
    assert(xy->numeric == net->graph->shape.numeric &&
           xy->categorical == net->graph->shape.categorical);
    const size_t width = net->graph->shape.outputs;
    const size_t large = nastl_net_part(net, LARGE);
    for (size_t at = 0; at < count;) {
        if (poll && !poll(payload))
            return 1;
        const size_t left = count - at;
        const bool many = left > SMALL_MOST || large < SMALL;
        struct nastl_plan **plan = many ? &net->large : &net->small;
        TRY(need_plan(plan, net, many ? large : SMALL));
        const size_t n = left < (*plan)->batch ? left : (*plan)->batch;
        const struct nastl_step step = {
            .xy = xy, .rows = rows ? rows + at : NULL, .first = at, .count = n};
        TRY(nastl_plan_forward(*plan, &step));
        memcpy(out + at * width, (*plan)->output, n * width * sizeof *out);
        at += n;
    }
    return 0;
}

int nastl_net_forward(struct nastl_net *net, const struct nastl_xy *xy,
                      const int32_t *rows, size_t count, float *out)
{
    return nastl_net_forward_while(net, xy, rows, count, out, NULL, NULL);
}

int nastl_net_node_outputs(const struct nastl_net *net, size_t node,
                           const struct nastl_xy *xy, const int32_t *rows, size_t count,
                           float *out)
{
    struct nastl_graph until = *net->graph;
    const struct nastl_block params = {.data = net->params, .at = net->at};
    const size_t numbers = until.nodes[node].rows * until.nodes[node].width;
    const size_t batch = nastl_net_part(net, LARGE);
    struct nastl_plan *plan;
    until.node_count = node + 1;
    TRY(nastl_plan_create(&plan, &until, net->dnnl, batch, &params, NULL));
    int status = NASTL_OK;
    for (size_t at = 0; at < count && status == NASTL_OK; at += batch) {
        const size_t n = count - at < batch ? count - at : batch;
        const struct nastl_step step = {
            .xy = xy, .rows = rows ? rows + at : NULL, .first = at, .count = n};
        status = nastl_plan_forward(plan, &step);
        memcpy(out + at * numbers, plan->output, n * numbers * sizeof *out);
    }
    nastl_plan_destroy(plan);
    return status;
}

/* ---- one row ---- */

int nastl_net_prepare_row(struct nastl_net *net)
{
    if (nastl_graph_has(net->graph, NASTL_NODE_ATTENTION))
        return need_plan(&net->single, net, 1);
    if (!net->row)
        TRY(nastl_row_create(&net->row, net));
    nastl_row_refresh(net->row);
    return 0;
}

/* oneDNN has no reason to refuse a planned product; if it does, it shows. */
static void run_single(const struct nastl_net *net, const float *x, const int32_t *code,
                       float *out)
{
    const struct nastl_shape *shape = &net->graph->shape;
    const struct nastl_xy xy = {.rows = 1,
                                .numeric = shape->numeric,
                                .categorical = shape->categorical,
                                .x = (float *)x,
                                .code = (int32_t *)code};
    const struct nastl_step step = {.xy = &xy, .count = 1};
    if (nastl_plan_forward(net->single, &step) == 0)
        memcpy(out, net->single->output, shape->outputs * sizeof *out);
    else
        fill(out, shape->outputs, NAN);
}

void nastl_net_forward_row(struct nastl_net *net, const float *x, const int32_t *code,
                           float *out)
{
    if (net->single) {
        run_single(net, x, code, out);
        return;
    }
    assert(net->row);
    nastl_row_run(net->row, x, code, out);
}
