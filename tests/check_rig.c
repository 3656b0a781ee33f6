/* check_rig.c: see check_rig.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check_rig.h"

#include <math.h>
#include <stdio.h>

#include <omp.h>

#include "nn/loss.h"
#include "nn/net_impl.h"

/* ---- random numbers ---- */

uint64_t check_seed(void)
{
    const char *given = getenv("NASTL_TEST_SEED");
    return given ? strtoull(given, NULL, 10) : 20240229;
}

void check_begin(void)
{
    omp_set_num_threads(1);
    print_message("NASTL_TEST_SEED=%llu\n", (unsigned long long)check_seed());
}

struct nastl_rng check_stream(uint32_t trial)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, check_seed(), trial, NASTL_RNG_TEST);
    return rng;
}

size_t between(struct nastl_rng *rng, size_t low, size_t high)
{
    return low + (size_t)nastl_rng_below(rng, high - low + 1);
}

void fill_normal(float *x, size_t n, struct nastl_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)nastl_rng_normal(rng);
}

void draw_statistics(struct nastl_net *net, struct nastl_rng *rng)
{
    for (size_t i = 0; i < nastl_net_tensor_count(net); i++) {
        const struct nastl_tensor *t = nastl_net_tensor(net, i);
        const bool is_one_row = t->rank == 1 || t->shape[0] == 1;
        for (size_t j = 0; j < t->shape[0] * t->shape[1] && is_one_row; j++)
            t->data[j] += 0.5f * (float)nastl_rng_uniform(rng);
    }
}

/* ---- distance ---- */

void assert_close(const float *got, const double *wanted, size_t n, double scale,
                  double tolerance, const char *what)
{
    double most = scale, error = 0.0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs(wanted[i]));
        error = fmax(error, fabs((double)got[i] - wanted[i]));
        assert_true(isfinite(got[i]));
    }
    if (!(error <= tolerance * most))
        fail_msg("%s: off by %g of %g", what, error, most);
}

/* ---- a network, rows, labels ---- */

void check_rig_fill(struct check_rig *rig, size_t count, enum nastl_loss loss,
                    const struct precision *precision)
{
    const struct nastl_shape *shape = &rig->toy.graph->shape;
    rig->count = count;
    rig->loss = loss;
    rig->precision = precision;
    toy_xy_create(&rig->xy, shape, count, check_seed());
    rig->y = toy_labels(loss, count, shape->outputs, check_seed());
    rig->rows = toy_rows(count);
    rig->oracle = (struct oracle){0};
}

void check_rig_ask(struct check_rig *rig)
{
    if (rig->oracle.graph)
        oracle_destroy(&rig->oracle);
    oracle_create(&rig->oracle, rig->toy.net, rig->count);
}

void check_rig_destroy(struct check_rig *rig)
{
    oracle_destroy(&rig->oracle);
    toy_net_destroy(&rig->toy);
    toy_xy_destroy(&rig->xy);
    free(rig->y);
    free(rig->rows);
}

/* ---- the oracle against differences ---- */

static double oracle_gradients(struct check_rig *rig)
{
    struct oracle *oracle = &rig->oracle;
    oracle_forward(oracle, &rig->xy, rig->rows, rig->count, true);
    const double sum = oracle_run_loss(oracle, rig->loss, rig->y);
    oracle_backward(oracle, &rig->xy, rig->rows);
    return sum;
}

static double loss_at(struct check_rig *rig, double *p, double value)
{
    const double kept = *p;
    *p = value;
    const double loss = oracle_mean_loss(&rig->oracle, rig->loss, &rig->xy, rig->rows,
                                         rig->y, rig->count);
    *p = kept;
    return loss;
}

/* A number of a tensor. */
static void check_difference(struct check_rig *rig, size_t tensor, size_t at)
{
    const struct precision *precision = rig->precision;
    const double wanted = rig->oracle.grad[tensor][at], h = precision->step;
    double *p = &rig->oracle.param[tensor][at];
    const double got = (loss_at(rig, p, *p + h) - loss_at(rig, p, *p - h)) / (2.0 * h);
    if (!(fabs(got - wanted) <= precision->difference * (1.0 + fabs(wanted))))
        fail_msg("%s[%zu]: %g, by differences %g", rig->toy.graph->tensors[tensor].name,
                 at, wanted, got);
}

/* A few numbers of each tensor, of tables those that the rows use too. */
void check_differences(struct check_rig *rig)
{
    const struct nastl_graph *graph = rig->toy.graph;
    struct nastl_rng rng = check_stream(2);
    oracle_gradients(rig);
    if (rig->oracle.margin < rig->precision->kink)
        return;
    for (size_t i = 0; i < graph->tensor_count; i++) {
        const size_t size = nastl_tensor_size(&graph->tensors[i]);
        for (int draw = 0; draw < 12 && nastl_role_trainable(graph->tensors[i].role);
             draw++)
            check_difference(rig, i, (size_t)nastl_rng_below(&rng, size));
    }
}

/* ---- the engine against the oracle ---- */

/* Forward and back over a batch that is not full; each member has its loss. */
static double engine_gradients(struct check_rig *rig, struct nastl_plan *plan)
{
    const struct nastl_step step = {
        .xy = &rig->xy, .rows = rig->rows, .count = rig->count};
    const size_t members = plan->members;
    float *y = malloc(rig->count * members * sizeof *y);
    for (size_t i = 0; i < rig->count * members; i++)
        y[i] = rig->y[i / members];
    assert_int_equal(nastl_plan_forward(plan, &step), 0);
    const double sum = nastl_loss_gradient(rig->loss, plan->output_delta, plan->output, y,
                                           rig->count * members, plan->batch * members,
                                           rig->toy.graph->shape.outputs) /
                       (double)members;
    assert_int_equal(nastl_plan_backward(plan, &step), 0);
    free(y);
    return sum;
}

void check_engine(struct check_rig *rig)
{
    const double tolerance = rig->precision->engine;
    struct nastl_net *net = rig->toy.net;
    const struct nastl_graph *graph = rig->toy.graph;
    const struct nastl_block params = {.data = net->params, .at = net->at};
    const struct nastl_block grads = {.data = calloc(net->trainable, sizeof(float)),
                                      .at = net->at};
    struct nastl_plan *plan;
    assert_int_equal(
        nastl_plan_create(&plan, graph, net->dnnl, rig->count + 8, &params, &grads), 0);
    const double got = engine_gradients(rig, plan), wanted = oracle_gradients(rig);
    assert_true(fabs(got - wanted) < tolerance * wanted);
    for (size_t i = 0; i < graph->tensor_count; i++)
        if (nastl_role_trainable(graph->tensors[i].role) &&
            rig->oracle.margin > rig->precision->kink)
            assert_close(grads.data + net->at[i], rig->oracle.grad[i],
                         nastl_tensor_size(&graph->tensors[i]), 1e-2, tolerance,
                         graph->tensors[i].name);
    nastl_plan_destroy(plan);
    free(grads.data);
}

/* ---- deployed ---- */

void check_deployed(struct check_rig *rig)
{
    const size_t width = rig->toy.graph->shape.outputs, n = rig->count;
    struct nastl_net *net = rig->toy.net;
    struct nastl_rng rng = check_stream(3);
    float *out = malloc(n * width * sizeof *out), *row = malloc(width * sizeof *row);
    double *batch = malloc(width * sizeof *batch);
    draw_statistics(net, &rng);
    check_rig_ask(rig);
    oracle_forward(&rig->oracle, &rig->xy, NULL, n, false);
    assert_int_equal(nastl_net_forward(net, &rig->xy, NULL, n, out), 0);
    assert_close(out, oracle_output(&rig->oracle), n * width, 1.0, rig->precision->engine,
                 "outputs");
    assert_int_equal(nastl_net_prepare_row(net), 0);
    for (size_t i = 0; i < n; i++) {
        nastl_net_forward_row(net, rig->xy.x + i * rig->xy.numeric,
                              rig->xy.code + i * rig->xy.categorical, row);
        for (size_t c = 0; c < width; c++)
            batch[c] = out[i * width + c];
        assert_close(row, batch, width, 1.0, 1e-5, "one row");
    }
    free(out);
    free(row);
    free(batch);
}
