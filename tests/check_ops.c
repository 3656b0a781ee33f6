/* check_ops.c: every operator of the engine against the plain oracle, on random shapes
 * with fewer and as many rows as planned; products against three loops. The seed is
 * printed; NASTL_TEST_SEED sets another. SPDX-License-Identifier: Apache-2.0 */
#include "check_rig.h"

#include <math.h>

#include "nn/dnnl.h"
#include "nn/kernel.h"
#include "nn/net_impl.h"

/* The largest error relative to the largest number of a block: float sums over a few
 * hundred terms, each rounded to 6e-8. */
static const double TOLERANCE = 1e-5;

/* Nearer to the kink of a ReLU than this, float and double may take different sides. */
static const double KINK = 1e-6;

enum { SHAPES = 12 };

/* Gradients are sums of terms up to this size, which may cancel: a bias before a batch
 * norm has a gradient of 0, and only rounding errors are left of it. */
static const double TERMS = 20.0;

/* ---- a small network in training ---- */

struct rig {
    struct nastl_graph *graph;
    struct nastl_net *net;
    struct nastl_plan *plan;
    float *grads;
    struct nastl_xy xy;
    int32_t *rows;
    struct nastl_step step;
    struct oracle oracle;
};

/* Adds the nodes to be tested after node `from`; returns the last. */
typedef size_t (*add_nodes)(struct nastl_graph *graph, size_t from, size_t width);

static void rig_plan(struct rig *rig, size_t batch, bool training)
{
    const struct nastl_net *net = rig->net;
    const struct nastl_block params = {.data = net->params, .at = net->at};
    rig->grads = calloc(net->trainable + 1, sizeof(float));
    const struct nastl_block grads = {.data = rig->grads, .at = net->at};
    assert_int_equal(nastl_plan_create(&rig->plan, rig->graph, net->dnnl, batch, &params,
                                       training ? &grads : NULL),
                     0);
}

static void rig_create(struct rig *rig, const struct nastl_shape *shape, add_nodes add,
                       size_t width, size_t batch, size_t count, bool training,
                       struct nastl_rng *rng)
{
    assert_int_equal(nastl_graph_create(&rig->graph, shape), 0);
    add(rig->graph, nastl_graph_input(rig->graph), width);
    assert_false(rig->graph->failed);
    assert_int_equal(nastl_net_create(&rig->net, rig->graph), 0);
    nastl_net_init(rig->net, check_seed(), 0);
    draw_statistics(rig->net, rng);
    rig_plan(rig, batch, training);
    const size_t total = 2 * count + 3;
    toy_xy_create(&rig->xy, shape, total, nastl_rng_u32(rng));
    rig->rows = toy_rows(total);
    nastl_rng_shuffle(rng, rig->rows, total);
    rig->step = (struct nastl_step){
        .xy = &rig->xy, .rows = rig->rows, .count = count, .seed = check_seed()};
    oracle_create(&rig->oracle, rig->net, count);
}

static void rig_destroy(struct rig *rig)
{
    oracle_destroy(&rig->oracle);
    nastl_plan_destroy(rig->plan);
    toy_net_destroy(&(struct toy_net){.graph = rig->graph, .net = rig->net});
    toy_xy_destroy(&rig->xy);
    free(rig->rows);
    free(rig->grads);
}

static void check_forward(struct rig *rig, bool training)
{
    assert_int_equal(nastl_plan_forward(rig->plan, &rig->step), 0);
    oracle_forward(&rig->oracle, &rig->xy, rig->rows, rig->step.count, training);
    assert_close(rig->plan->output, oracle_output(&rig->oracle),
                 rig->step.count * rig->plan->members * rig->graph->shape.outputs, 1.0,
                 TOLERANCE, "outputs");
}

static void check_tensors(struct rig *rig)
{
    for (size_t i = 0; i < rig->graph->tensor_count; i++) {
        const struct nastl_tensor_spec *spec = &rig->graph->tensors[i];
        const bool trained = nastl_role_trainable(spec->role);
        assert_close(trained ? rig->grads + rig->net->at[i] : rig->net->tensors[i].data,
                     trained ? rig->oracle.grad[i] : rig->oracle.param[i],
                     nastl_tensor_size(spec), TERMS, TOLERANCE, spec->name);
    }
}

/* Gradients by random deltas of the outputs; rows that are left have none. */
static void check_backward(struct rig *rig, struct nastl_rng *rng)
{
    const size_t width = rig->plan->members * rig->graph->shape.outputs;
    const size_t n = rig->step.count * width;
    memset(rig->plan->output_delta, 0, rig->plan->batch * width * sizeof(float));
    fill_normal(rig->plan->output_delta, n, rng);
    for (size_t i = 0; i < n; i++)
        oracle_output_delta(&rig->oracle)[i] = rig->plan->output_delta[i];
    assert_int_equal(nastl_plan_backward(rig->plan, &rig->step), 0);
    oracle_backward(&rig->oracle, &rig->xy, rig->rows);
    if (rig->oracle.margin > KINK)
        check_tensors(rig);
}

/* Random shapes with tables, one-hot columns or none, each in training with a full or a
 * partial batch, and deployed. At least `least` rows and columns: normalising two or
 * three numbers cancels nearly all of a gradient, and leaves rounding errors. */
static void check_nodes(add_nodes add, uint32_t trial, size_t least, bool keeps_width)
{
    struct nastl_rng rng = check_stream(trial);
    for (int i = 0; i < SHAPES; i++) {
        const size_t cardinality[] = {between(&rng, 1, 16), between(&rng, 17, 60)};
        const size_t width = between(&rng, least, 80);
        const size_t batch = between(&rng, least, 70);
        const struct nastl_shape shape = {.numeric = between(&rng, least, 40),
                                          .categorical = (size_t)(i % 3),
                                          .cardinality = cardinality,
                                          .outputs =
                                              keeps_width ? width : between(&rng, 1, 40)};
        const size_t count = i % 2 ? batch : between(&rng, least, batch);
        struct rig rig;
        rig_create(&rig, &shape, add, width, batch, count, true, &rng);
        check_forward(&rig, true);
        check_backward(&rig, &rng);
        rig_destroy(&rig);
        rig_create(&rig, &shape, add, width, batch, count, false, &rng);
        check_forward(&rig, false);
        rig_destroy(&rig);
    }
}

static size_t add_linear(struct nastl_graph *graph, size_t from, size_t width)
{
    from = nastl_graph_linear(graph, from, "a", width);
    return nastl_graph_linear(graph, from, "b", graph->shape.outputs);
}

static void linear_is_as_the_oracle(void **state)
{
    (void)state;
    check_nodes(add_linear, 1, 1, false);
}

static size_t add_layer_norm(struct nastl_graph *graph, size_t from, size_t width)
{
    from = nastl_graph_linear(graph, from, "a", width);
    return nastl_graph_layer_norm(graph, from, "n");
}

static size_t add_batch_norm(struct nastl_graph *graph, size_t from, size_t width)
{
    from = nastl_graph_linear(graph, from, "a", width);
    return nastl_graph_batch_norm(graph, from, "n");
}

static void norms_are_as_the_oracle(void **state)
{
    (void)state;
    check_nodes(add_layer_norm, 2, 12, true);
    check_nodes(add_batch_norm, 3, 12, true);
}

/* After a linear, which a ReLU is fused into, and after a norm, where it is not. */
static size_t add_activation(struct nastl_graph *graph, size_t from, size_t width,
                             enum nastl_activation activation)
{
    from = nastl_graph_linear(graph, from, "a", width);
    from = nastl_graph_activation(graph, from, activation);
    from = nastl_graph_linear(graph, from, "b", width);
    from = nastl_graph_layer_norm(graph, from, "n");
    from = nastl_graph_activation(graph, from, activation);
    return nastl_graph_linear(graph, from, "c", graph->shape.outputs);
}

static size_t add_relu(struct nastl_graph *graph, size_t from, size_t width)
{
    return add_activation(graph, from, width, NASTL_ACTIVATION_RELU);
}

static size_t add_gelu(struct nastl_graph *graph, size_t from, size_t width)
{
    return add_activation(graph, from, width, NASTL_ACTIVATION_GELU);
}

static size_t add_silu(struct nastl_graph *graph, size_t from, size_t width)
{
    return add_activation(graph, from, width, NASTL_ACTIVATION_SILU);
}

static size_t add_selu(struct nastl_graph *graph, size_t from, size_t width)
{
    return add_activation(graph, from, width, NASTL_ACTIVATION_SELU);
}

static size_t add_mish(struct nastl_graph *graph, size_t from, size_t width)
{
    return add_activation(graph, from, width, NASTL_ACTIVATION_MISH);
}

static void activations_are_as_the_oracle(void **state)
{
    (void)state;
    const add_nodes each[] = {add_relu, add_gelu, add_silu, add_selu, add_mish};
    _Static_assert(sizeof each / sizeof *each == NASTL_ACTIVATION_COUNT, "each");
    for (uint32_t i = 0; i < NASTL_ACTIVATION_COUNT; i++)
        check_nodes(each[i], 4 + i, 12, false);
}

/* Of every activation, after a linear, after a norm and read twice. */
static size_t add_shares(struct nastl_graph *graph, size_t from, size_t width)
{
    const enum nastl_activation activation = width % NASTL_ACTIVATION_COUNT;
    from = nastl_graph_linear(graph, from, "a", width);
    from = nastl_graph_shared_activation(graph, from, "a.activation", activation);
    from = nastl_graph_linear(graph, from, "b", width);
    const size_t norm = nastl_graph_layer_norm(graph, from, "b.norm");
    from = nastl_graph_shared_activation(graph, norm, "b.activation", activation);
    from = nastl_graph_add(graph, from, norm);
    return nastl_graph_linear(graph, from, "c", graph->shape.outputs);
}

static void shares_of_activations_are_as_the_oracle(void **state)
{
    (void)state;
    check_nodes(add_shares, 23, 12, false);
}

/* Before a linear, and where the input is read past it, too. */
static size_t add_front(struct nastl_graph *graph, size_t from, size_t width)
{
    const size_t scaled = nastl_graph_front_scale(graph, from, "front");
    from = nastl_graph_linear(graph, scaled, "a", width);
    return nastl_graph_linear(graph, from, "b", graph->shape.outputs);
}

static size_t add_front_beside(struct nastl_graph *graph, size_t from, size_t width)
{
    const size_t scaled = nastl_graph_front_scale(graph, from, "front");
    const size_t left = nastl_graph_linear(graph, scaled, "a", width);
    const size_t right = nastl_graph_linear(graph, from, "b", width);
    return nastl_graph_linear(graph, nastl_graph_add(graph, left, right), "c",
                              graph->shape.outputs);
}

static void front_scales_are_as_the_oracle(void **state)
{
    (void)state;
    check_nodes(add_front, 24, 1, false);
    check_nodes(add_front_beside, 25, 1, false);
}

static size_t add_pbld(struct nastl_graph *graph, size_t from, size_t width)
{
    from = nastl_graph_pbld(graph, from, "a", 1 + width % 20, 2 + width % 5, 0.3);
    from = nastl_graph_front_scale(graph, from, "front");
    return nastl_graph_linear(graph, from, "b", graph->shape.outputs);
}

static void pbld_is_as_the_oracle(void **state)
{
    (void)state;
    check_nodes(add_pbld, 26, 1, false);
}

/* Past a norm, past a chain that works in place, twice from one output, and two branches
 * of one output that both do some work. */
static size_t add_sums(struct nastl_graph *graph, size_t from, size_t width)
{
    const size_t stem = nastl_graph_linear(graph, from, "stem", width);
    size_t at = nastl_graph_batch_norm(graph, stem, "a.norm");
    at = nastl_graph_linear(graph, at, "a.in", width + 3);
    at = nastl_graph_activation(graph, at, NASTL_ACTIVATION_RELU);
    at = nastl_graph_linear(graph, at, "a.out", width);
    const size_t first = nastl_graph_add(graph, at, stem);
    at = nastl_graph_layer_norm(graph, first, "b.norm");
    at = nastl_graph_activation(graph, at, NASTL_ACTIVATION_GELU);
    const size_t second = nastl_graph_add(graph, at, first);
    const size_t left = nastl_graph_linear(graph, second, "c.left", width);
    at = nastl_graph_linear(graph, second, "c.right", width);
    at = nastl_graph_activation(graph, at, NASTL_ACTIVATION_SILU);
    at = nastl_graph_add(graph, at, left);
    at = nastl_graph_add(graph, at, second);
    at = nastl_graph_add(graph, at, at);
    return nastl_graph_linear(graph, at, "head", graph->shape.outputs);
}

/* An activation that is read twice, by itself and through a dropout of no effect. */
static size_t add_shared(struct nastl_graph *graph, size_t from, size_t width)
{
    const size_t stem = nastl_graph_linear(graph, from, "stem", width);
    const size_t shared = nastl_graph_activation(graph, stem, NASTL_ACTIVATION_RELU);
    size_t at = nastl_graph_dropout(graph, shared, 0.0);
    at = nastl_graph_activation(graph, at, NASTL_ACTIVATION_SILU);
    at = nastl_graph_add(graph, at, shared);
    at = nastl_graph_add(graph, at, stem);
    return nastl_graph_linear(graph, at, "head", graph->shape.outputs);
}

static void sums_are_as_the_oracle(void **state)
{
    (void)state;
    check_nodes(add_sums, 20, 12, false);
    check_nodes(add_shared, 21, 12, false);
}

static size_t add_members(struct nastl_graph *graph, size_t from, size_t width)
{
    from = nastl_graph_members(graph, from, "a", 6);
    from = nastl_graph_product(graph, from, "a", width + 5);
    from = nastl_graph_scale_out(graph, from, "a");
    from = nastl_graph_activation(graph, from, NASTL_ACTIVATION_GELU);
    from = nastl_graph_scale_in(graph, from, "b");
    from = nastl_graph_product(graph, from, "b", 3);
    from = nastl_graph_activation(graph, from, NASTL_ACTIVATION_RELU);
    from = nastl_graph_member_linear(graph, from, "head", graph->shape.outputs);
    return nastl_graph_average(graph, from);
}

static void members_are_as_the_oracle(void **state)
{
    (void)state;
    check_nodes(add_members, 22, 12, false);
}

/* Tokens of all columns of the input, some of which come from tables. */
static size_t add_tokens(struct nastl_graph *graph, size_t from, size_t width)
{
    from = nastl_graph_tokens(graph, from, "tokens", width);
    from = nastl_graph_linear(graph, from, "a", width + 1);
    from = nastl_graph_first(graph, from);
    return nastl_graph_linear(graph, from, "b", graph->shape.outputs);
}

/* Heads of a width that depends on `width`; all tokens ask, then the first alone. */
static size_t add_attention(struct nastl_graph *graph, size_t from, size_t width)
{
    const size_t heads = 1 + width % 3, head = 1 + width / 3;
    from = nastl_graph_tokens(graph, from, "tokens", head);
    from = nastl_graph_linear(graph, from, "a", 3 * head * heads);
    from = nastl_graph_attention(graph, from, heads, 0.0, false);
    from = nastl_graph_linear(graph, from, "b", 3 * head);
    from = nastl_graph_attention(graph, from, 1, 0.0, true);
    return nastl_graph_linear(graph, from, "c", graph->shape.outputs);
}

static size_t add_reglu(struct nastl_graph *graph, size_t from, size_t width)
{
    from = nastl_graph_linear(graph, from, "a", 2 * width);
    from = nastl_graph_reglu(graph, from);
    return nastl_graph_linear(graph, from, "b", graph->shape.outputs);
}

static void operators_of_tokens_are_as_the_oracle(void **state)
{
    (void)state;
    check_nodes(add_tokens, 30, 2, false);
    check_nodes(add_attention, 31, 2, false);
    check_nodes(add_reglu, 32, 2, false);
}

static void activations_are_exact_far_out(void **state)
{
    (void)state;
    enum { COUNT = 4001 };
    float x[COUNT], y[COUNT];
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)(i - COUNT / 2) * 0.05f;
    for (int a = 0; a < NASTL_ACTIVATION_COUNT; a++) {
        nastl_activate((enum nastl_activation)a, y, x, COUNT);
        for (int i = 0; i < COUNT; i++) {
            const double wanted = oracle_activation((enum nastl_activation)a, x[i]);
            assert_true(fabs(y[i] - wanted) <= 4e-7 * (1.0 + fabs(wanted)));
        }
    }
}

static void exponential_is_exact(void **state)
{
    (void)state;
    for (int i = -8700; i <= 8800; i++) {
        const float x = (float)i * 0.01f;
        const double wanted = exp((double)x);
        assert_true(fabs((double)nastl_expf(x) - wanted) <= 3e-7 * wanted);
    }
    assert_true(nastl_expf(-1000.0f) < 1e-37f && nastl_expf(-INFINITY) < 1e-37f);
    assert_true(isfinite(nastl_expf(1000.0f)) && isnan(nastl_expf(NAN)));
    assert_true(nastl_expf(0.0f) == 1.0f);
}

/* ---- dropout ---- */

/* The rate of each element's factor is that of the outputs, and of the gradients too. */
static void check_dropout(struct rig *rig, double rate, struct nastl_rng *rng)
{
    const struct nastl_op *op = &rig->plan->ops[rig->plan->count - 1];
    const size_t n = op->rows * op->width;
    float *first = malloc(n * sizeof *first), *delta = malloc(n * sizeof *delta);
    assert_int_equal(nastl_plan_forward(rig->plan, &rig->step), 0);
    memcpy(first, op->out, n * sizeof *first);
    fill_normal(delta, n, rng);
    memcpy(rig->plan->output_delta, delta, n * sizeof *delta);
    oracle_forward(&rig->oracle, &rig->xy, rig->rows, rig->step.count, true);
    const double *whole = oracle_output(&rig->oracle);
    const double *before = rig->oracle.value[1];
    const double factor = 1.0 / (1.0 - rate);
    size_t dropped = 0;
    for (size_t i = 0; i < n; i++) {
        dropped += first[i] == 0.0f;
        assert_true(first[i] == 0.0f || fabs(first[i] - factor * whole[i]) < 1e-4);
    }
    assert_true(fabs((double)dropped / (double)n - rate) <
                5.0 * sqrt(rate * (1.0 - rate) / (double)n) + 1e-4);
    assert_int_equal(rig->plan->ops[1].kind->backward == NULL, 0);
    assert_int_equal(op->kind->backward((struct nastl_op *)op, &rig->step), 0);
    for (size_t i = 0; i < n; i++) {
        const double slope =
            first[i] == 0.0f
                ? 0.0
                : factor * oracle_activation_slope(NASTL_ACTIVATION_SILU, before[i]);
        assert_true(fabs(op->delta[i] - delta[i] * slope) < 1e-4);
    }
    free(first);
    free(delta);
}

static size_t add_dropout(struct nastl_graph *graph, size_t from, size_t width)
{
    from = nastl_graph_linear(graph, from, "a", width);
    from = nastl_graph_activation(graph, from, NASTL_ACTIVATION_SILU);
    return nastl_graph_dropout(graph, from, 0.3);
}

static void dropout_drops_its_share(void **state)
{
    (void)state;
    struct nastl_rng rng = check_stream(10);
    const struct nastl_shape shape = {.numeric = 20, .outputs = 77};
    struct rig rig;
    rig_create(&rig, &shape, add_dropout, 77, 101, 101, true, &rng);
    check_dropout(&rig, 0.3, &rng);
    rig_destroy(&rig);
}

/* The mask is that of (seed, trial, step): the same again, another for another. */
static void dropout_masks_belong_to_the_step(void **state)
{
    (void)state;
    struct nastl_rng rng = check_stream(11);
    const struct nastl_shape shape = {.numeric = 20, .outputs = 64};
    const size_t n = 64 * 64;
    struct rig rig;
    rig_create(&rig, &shape, add_dropout, 64, 64, 64, true, &rng);
    float *first = malloc(n * sizeof *first);
    assert_int_equal(nastl_plan_forward(rig.plan, &rig.step), 0);
    memcpy(first, rig.plan->output, n * sizeof *first);
    assert_int_equal(nastl_plan_forward(rig.plan, &rig.step), 0);
    assert_memory_equal(first, rig.plan->output, n * sizeof *first);
    struct nastl_step others[] = {rig.step, rig.step, rig.step};
    others[0].index++;
    others[1].trial++;
    others[2].seed++;
    for (size_t i = 0; i < 3; i++) {
        size_t same = 0;
        assert_int_equal(nastl_plan_forward(rig.plan, &others[i]), 0);
        for (size_t j = 0; j < n; j++)
            same += (first[j] == 0.0f) == (rig.plan->output[j] == 0.0f);
        /* 0.7^2 + 0.3^2 = 0.58 of independent masks agree. */
        assert_true(fabs((double)same / (double)n - 0.58) < 0.05);
    }
    free(first);
    rig_destroy(&rig);
}

/* ---- products ---- */

static void naive_product(double *c, const float *a, const float *b, const float *bias,
                          const struct nastl_matmul_params *p)
{
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            double sum = bias ? bias[j] : 0.0;
            for (size_t k = 0; k < p->k; k++)
                sum += (double)(p->a_transposed ? a[k * p->lda + i] : a[i * p->lda + k]) *
                       (p->b_transposed ? b[j * p->ldb + k] : b[k * p->ldb + j]);
            c[i * p->ldc + j] = p->relu && sum < 0.0 ? 0.0 : sum;
        }
    }
}

static void check_product(struct nastl_dnnl *dnnl, const struct nastl_matmul_params *p,
                          struct nastl_rng *rng)
{
    const size_t na = (p->a_transposed ? p->k : p->m) * p->lda;
    const size_t nb = (p->b_transposed ? p->n : p->k) * p->ldb, nc = p->m * p->ldc;
    float *a = malloc(na * sizeof *a), *b = malloc(nb * sizeof *b);
    float *bias = malloc(p->n * sizeof *bias), *c = calloc(nc, sizeof *c);
    double *wanted = calloc(nc, sizeof *wanted);
    fill_normal(a, na, rng);
    fill_normal(b, nb, rng);
    fill_normal(bias, p->n, rng);
    struct nastl_matmul *product;
    assert_int_equal(nastl_matmul_create(&product, dnnl, p), 0);
    void *scratch = malloc(nastl_matmul_scratch(product) + 1);
    assert_int_equal(nastl_matmul_bind(product, a, b, p->bias ? bias : NULL, c, scratch),
                     0);
    assert_int_equal(nastl_matmul_run(product), 0);
    naive_product(wanted, a, b, p->bias ? bias : NULL, p);
    assert_close(c, wanted, nc, 1.0, TOLERANCE, "product");
    nastl_matmul_destroy(product);
    free(scratch);
    free(wanted);
    free(c);
    free(bias);
    free(b);
    free(a);
}

/* All transposes, strides beyond the width, bias and ReLU. */
static void products_are_as_three_loops(void **state)
{
    (void)state;
    struct nastl_rng rng = check_stream(12);
    struct nastl_dnnl *dnnl;
    assert_int_equal(nastl_dnnl_create(&dnnl), 0);
    for (unsigned i = 0; i < 64; i++) {
        struct nastl_matmul_params p = {.m = between(&rng, 1, 70),
                                        .n = between(&rng, 1, 70),
                                        .k = between(&rng, 1, 70),
                                        .a_transposed = i & 1,
                                        .b_transposed = i & 2,
                                        .bias = i & 4,
                                        .relu = i & 8};
        const size_t wider = i & 16 ? 5 : 0;
        p.lda = (p.a_transposed ? p.m : p.k) + wider;
        p.ldb = (p.b_transposed ? p.k : p.n) + wider;
        p.ldc = p.n + wider;
        check_product(dnnl, &p, &rng);
    }
    nastl_dnnl_destroy(dnnl);
}

int main(void)
{
    check_begin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential_is_exact),
        cmocka_unit_test(products_are_as_three_loops),
        cmocka_unit_test(linear_is_as_the_oracle),
        cmocka_unit_test(norms_are_as_the_oracle),
        cmocka_unit_test(activations_are_as_the_oracle),
        cmocka_unit_test(shares_of_activations_are_as_the_oracle),
        cmocka_unit_test(front_scales_are_as_the_oracle),
        cmocka_unit_test(pbld_is_as_the_oracle),
        cmocka_unit_test(sums_are_as_the_oracle),
        cmocka_unit_test(members_are_as_the_oracle),
        cmocka_unit_test(operators_of_tokens_are_as_the_oracle),
        cmocka_unit_test(activations_are_exact_far_out),
        cmocka_unit_test(dropout_drops_its_share),
        cmocka_unit_test(dropout_masks_belong_to_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
