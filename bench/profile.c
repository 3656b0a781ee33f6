/* profile.c: what a step of training consists of: the shares of its parts, on the clock,
 * medians over the runs of a plan, so that others who use the core do not count.
 *
 *   bench_profile CASE…     a Markdown table, one row a case
 *
 * The steps are those of nn/train.c; each operator of the plan is timed by a stand-in
 * that calls it. SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/stat.h"
#include "nn/kernel.h"
#include "nn/loss_form.h"
#include "nn/net_impl.h"
#include "nn/optim.h"
#include "subject.h"

enum { OPS_MOST = 128, ROWS = 10240, MEMBERS_MOST = 32, RUNS_MOST = 4096 };
static const double SECONDS = 0.7;  /* a case */
static const double LEAST = 0.5e-2; /* share that is worth a word */

/* By kind of node and direction; then what is no operator. */
enum { FORWARD, BACKWARD, DIRECTIONS };
enum { LOSS = NASTL_NODE_COUNT * DIRECTIONS, SUMS, OTHER, OPTIMISER, PARTS };

struct profile {
    struct subject subject;
    struct nastl_plan *plan;
    struct nastl_group *groups;
    size_t group_count, part;
    float *grads, *part_grads, *m, *v;
    uint64_t steps;
    float labels[ROWS * MEMBERS_MOST]; /* each member has its loss */
    struct nastl_loss_form form;
    int64_t spent[PARTS]; /* ns, in the run that is going on */
    double all[PARTS][RUNS_MOST];
    size_t runs, optimised; /* columns of `all`: of its last row, of the others */
    struct nastl_op_kind timed[OPS_MOST];
    const struct nastl_op_kind *plain[OPS_MOST];
};

/* A stand-in knows its operator alone: where its times go is found through this. */
static struct profile profile;

/* ---- stand-ins ---- */

static int timed(struct nastl_op *op, const struct nastl_step *step, int direction)
{
    const struct nastl_op_kind *plain = profile.plain[op - profile.plan->ops];
    const int64_t start = nastl_clock_nanoseconds();
    const int status =
        (direction == FORWARD ? plain->forward : plain->backward)(op, step);
    profile.spent[op->node->kind * DIRECTIONS + direction] +=
        nastl_clock_nanoseconds() - start;
    return status;
}

static int timed_forward(struct nastl_op *op, const struct nastl_step *step)
{
    return timed(op, step, FORWARD);
}

static int timed_backward(struct nastl_op *op, const struct nastl_step *step)
{
    return timed(op, step, BACKWARD);
}

static int stand_in(struct nastl_plan *plan)
{
    if (plan->count > OPS_MOST)
        return nastl_error(NASTL_ENOTSUP,
                           "a profile: %zu operators are too many; name a "
                           "smaller network",
                           plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        profile.plain[i] = plan->ops[i].kind;
        profile.timed[i] = *plan->ops[i].kind;
        profile.timed[i].forward = timed_forward;
        profile.timed[i].backward = timed_backward;
        plan->ops[i].kind = &profile.timed[i];
    }
    return 0;
}

/* ---- steps ---- */

static int create(const char *name)
{
    TRY(subject_create(&profile.subject, name, ROWS));
    struct nastl_net *net = profile.subject.net;
    profile.part = nastl_net_part(net, profile.subject.params.recipe.batch_size);
    profile.grads = nastl_alloc_aligned(net->trainable, sizeof(float));
    profile.part_grads = nastl_alloc_aligned(net->trainable, sizeof(float));
    profile.m = nastl_alloc_aligned(net->trainable, sizeof(float));
    profile.v = nastl_alloc_aligned(net->trainable, sizeof(float));
    if (!profile.grads || !profile.part_grads || !profile.m || !profile.v)
        return nastl_error_nomem("a profile");
    TRY(nastl_loss_form_init(&profile.form, &profile.subject.params, SUBJECT_CLASSES));
    const struct nastl_group_params groups = {.recipe = &profile.subject.params.recipe};
    TRY(nastl_groups_create(&profile.groups, &profile.group_count, net, &groups));
    const struct nastl_block params = {.data = net->params, .at = net->at};
    const struct nastl_block grads = {.data = profile.part_grads, .at = net->at};
    TRY(nastl_plan_create(&profile.plan, net->graph, net->dnnl, profile.part, &params,
                          &grads));
    return stand_in(profile.plan);
}

static void destroy(void)
{
    nastl_plan_destroy(profile.plan);
    nastl_loss_form_finish(&profile.form);
    free(profile.groups);
    free(profile.grads);
    free(profile.part_grads);
    free(profile.m);
    free(profile.v);
    subject_destroy(&profile.subject);
    profile = (struct profile){0};
}

static int run_plan(const struct nastl_step *step, size_t batch)
{
    struct nastl_plan *plan = profile.plan;
    TRY(nastl_plan_forward(plan, step));
    const int64_t start = nastl_clock_nanoseconds();
    const size_t members = plan->members;
    for (size_t i = 0; i < step->count * members; i++)
        profile.labels[i] = profile.subject.y[step->rows[i / members]];
    nastl_loss_form_gradient(&profile.form, plan->output_delta, plan->output,
                             profile.labels, NULL, NULL, step->count * members,
                             plan->batch * members, SUBJECT_CLASSES);
    profile.spent[LOSS] += nastl_clock_nanoseconds() - start;
    TRY(nastl_plan_backward(plan, step));
    if (step->count == batch)
        return 0;
    const int64_t sums = nastl_clock_nanoseconds();
    nastl_add_scaled(profile.grads, profile.part_grads, (float)step->count / (float)batch,
                     profile.subject.net->trainable);
    profile.spent[SUMS] += nastl_clock_nanoseconds() - sums;
    return 0;
}

static int run_part(const struct nastl_step *step, size_t batch)
{
    const int64_t start = nastl_clock_nanoseconds();
    memset(profile.spent, 0, sizeof profile.spent);
    TRY(run_plan(step, batch));
    profile.spent[OTHER] = nastl_clock_nanoseconds() - start;
    for (int i = 0; i < OTHER; i++)
        profile.spent[OTHER] -= profile.spent[i];
    const size_t run = profile.runs++ % RUNS_MOST;
    for (int i = 0; i <= OTHER; i++)
        profile.all[i][run] = (double)profile.spent[i];
    return 0;
}

static int run_step(size_t first)
{
    const struct subject *subject = &profile.subject;
    const struct nastl_recipe *recipe = &subject->params.recipe;
    const size_t batch = recipe->batch_size;
    struct nastl_step step = {.xy = &subject->xy, .index = profile.steps};
    if (profile.part < batch)
        memset(profile.grads, 0, subject->net->trainable * sizeof *profile.grads);
    for (size_t at = 0; at < batch; at += step.count) {
        step.rows = subject->rows + first + at;
        step.count = batch - at < profile.part ? batch - at : profile.part;
        TRY(run_part(&step, batch));
    }
    const struct nastl_moments moments = {.m = profile.m, .v = profile.v};
    const int64_t start = nastl_clock_nanoseconds();
    nastl_adamw(subject->net->params,
                profile.part < batch ? profile.grads : profile.part_grads, &moments,
                profile.groups, profile.group_count, recipe, ++profile.steps, 1.0f);
    profile.all[OPTIMISER][profile.optimised++ % RUNS_MOST] =
        (double)(nastl_clock_nanoseconds() - start);
    return 0;
}

static void shuffle(void)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_SHUFFLE);
    nastl_rng_shuffle(&rng, profile.subject.rows, profile.subject.xy.rows);
}

static int run_steps(double seconds)
{
    const size_t batch = profile.subject.params.recipe.batch_size;
    const size_t steps = profile.subject.xy.rows / batch;
    const double end = nastl_clock_seconds() + seconds;
    profile.runs = profile.optimised = 0;
    do
        TRY(run_step(profile.steps % steps * batch));
    while (nastl_clock_seconds() < end);
    return 0;
}

/* ---- the table ---- */

static void part_name(char out[48], int part)
{
    static const char *const others[] = {"loss", "sums of the parts' gradients",
                                         "between them", "AdamW"};
    if (part >= LOSS)
        snprintf(out, 48, "%s", others[part - LOSS]);
    else if (part / DIRECTIONS == NASTL_NODE_INPUT)
        snprintf(out, 48, "gather");
    else
        snprintf(out, 48, "%s %s",
                 nastl_node_kind_name((enum nastl_node_kind)(part / DIRECTIONS)),
                 part % DIRECTIONS == FORWARD ? "forwards" : "backwards");
}

/* What each part takes in a step, ns; returns their sum. */
static double median_parts(double out[PARTS])
{
    const size_t batch = profile.subject.params.recipe.batch_size;
    double total = 0.0;
    for (int i = 0; i < PARTS; i++) {
        const size_t count = i == OPTIMISER ? profile.optimised : profile.runs;
        const size_t known = count < RUNS_MOST ? count : RUNS_MOST;
        nastl_stat_sort(profile.all[i], known);
        out[i] = nastl_stat_quantile(profile.all[i], known, 0.5);
        if (i != OPTIMISER)
            out[i] *= (double)batch / (double)profile.part;
        total += out[i];
    }
    return total;
}

/* The parts from the greatest on. */
static void print_parts(double parts[PARTS], double total)
{
    for (bool first = true;; first = false) {
        int most = 0;
        for (int i = 0; i < PARTS; i++)
            most = parts[i] > parts[most] ? i : most;
        if (parts[most] < LEAST * total)
            break;
        char name[48];
        part_name(name, most);
        printf("%s%s %.1f %%", first ? "" : ", ", name, 100.0 * parts[most] / total);
        parts[most] = 0.0;
    }
    printf(" |\n");
}

static int print_case(const char *name)
{
    double parts[PARTS];
    TRY(create(name));
    shuffle();
    TRY(run_steps(SECONDS / 4.0)); /* to warm up */
    TRY(run_steps(SECONDS));
    const double total = median_parts(parts);
    printf("| %s | %zu | %.0f | ", name, profile.part, total / 1e3);
    print_parts(parts, total);
    return 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    omp_set_num_threads(1);
    printf("| case | rows at once | µs a step | where they go |\n"
           "| --- | ---: | ---: | --- |\n");
    for (int i = 1; i < argc && status == 0; i++) {
        status = print_case(argv[i]);
        destroy();
    }
    if (status < 0)
        fprintf(stderr, "bench_profile: %s\n", nastl_error_last());
    return status < 0;
}
