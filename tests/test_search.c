/* test_search.c: every searcher of the registry on every toy problem: quality, the same
 * trials whatever the number of workers and after a resume, no candidate twice, small
 * spaces to their end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "search/searcher.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/stat.h"
#include "search/classes.h"
#include "search/listing.h"
#include "search/variation.h"
#include "toy_problems.h"

#include <nastl/pareto.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_TRIALS = 10000, SEEDS = 7 };

typedef const struct nastl_searcher_class *const *class_list;

/* ---- runs -------------------------------------------------------------------------- */

/* One search, driven as a study drives it. */
struct run {
    const struct toy_problem *problem;
    struct nastl_space *space;
    struct nastl_searcher *searcher;
    const struct nastl_point *points[MOST_TRIALS];
    uint64_t hashes[MOST_TRIALS];
    double values[MOST_TRIALS * TOY_MOST_OBJECTIVES];
    size_t asked;
};

static struct run run, other;

static struct nastl_space *read_space(const char *yaml)
{
    struct nastl_space *space = NULL;
    const int status = nastl_space_parse(&space, yaml, strlen(yaml), "toy");
    if (status < 0)
        fail_msg("%s", nastl_error_last());
    return space;
}

static void begin_with(struct run *r, const char *yaml,
                       const struct nastl_searcher_class *kind,
                       struct nastl_searcher_params params)
{
    r->asked = 0;
    r->space = read_space(yaml);
    params.space = r->space;
    assert_int_equal(nastl_searcher_create(&r->searcher, kind, &params), NASTL_OK);
}

static void begin(struct run *r, const struct toy_problem *problem,
                  const struct nastl_searcher_class *kind, uint64_t seed, size_t trials)
{
    r->problem = problem;
    begin_with(r, problem->yaml, kind,
               (struct nastl_searcher_params){
                   .seed = seed, .objectives = problem->objectives, .trials = trials});
}

static void end(struct run *r)
{
    nastl_searcher_destroy(r->searcher);
    nastl_space_destroy(r->space);
}

static int tell_complete(struct run *r, size_t k)
{
    return nastl_searcher_tell(r->searcher, k, NASTL_OUTCOME_COMPLETE,
                               r->values + k * r->problem->objectives, 0);
}

static void ask(struct run *r)
{
    const size_t k = r->asked;
    if (k > NASTL_SEARCH_WINDOW)
        assert_int_equal(tell_complete(r, k - NASTL_SEARCH_WINDOW - 1), NASTL_OK);
    assert_int_equal(nastl_searcher_ask(&r->points[k], r->searcher, k), NASTL_OK);
    r->hashes[k] = nastl_point_hash(r->space, r->points[k]);
    r->asked++;
}

static void evaluate(struct run *r, size_t k)
{
    r->problem->evaluate(r->values + k * r->problem->objectives, r->space, r->points[k]);
}

static void run_until(struct run *r, size_t trials)
{
    while (r->asked < trials) {
        ask(r);
        evaluate(r, r->asked - 1);
    }
}

static double volume_of(const struct run *r)
{
    double volume;
    assert_int_equal(nastl_pareto_hypervolume(&volume, r->values, r->asked,
                                              r->problem->objectives,
                                              r->problem->reference),
                     NASTL_OK);
    return volume;
}

static double median_volume(const struct toy_problem *problem,
                            const struct nastl_searcher_class *kind, size_t trials)
{
    double volumes[SEEDS];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        begin(&run, problem, kind, seed, trials);
        run_until(&run, trials);
        volumes[seed] = volume_of(&run);
        end(&run);
    }
    return nastl_stat_median(volumes, SEEDS);
}

/* ---- registry ---------------------------------------------------------------------- */

static void searchers_are_found_by_their_names(void **state)
{
    (void)state;
    for (class_list kind = nastl_searcher_classes(); *kind; kind++) {
        assert_ptr_equal(nastl_searcher_find((*kind)->name), *kind);
        assert_true(*(*kind)->description);
    }
    assert_non_null(nastl_searcher_find("random"));
    assert_non_null(nastl_searcher_find("nsga2"));
    assert_null(nastl_searcher_find("clairvoyant"));
}

/* ---- quality ----------------------------------------------------------------------- */

static void every_searcher_reaches_a_fair_result(void **state)
{
    (void)state;
    for (class_list kind = nastl_searcher_classes(); *kind; kind++)
        for (const struct toy_problem *p = toy_problems; p->name; p++) {
            const double volume = median_volume(p, *kind, 300);
            if (volume < p->enough)
                fail_msg("%s on %s: %g", (*kind)->name, p->name, volume);
        }
}

/* A tenth of what random search leaves open is the least that learning has to close. */
static void nsga2_beats_random(void **state)
{
    (void)state;
    const struct nastl_searcher_class *random = nastl_searcher_find("random");
    const struct nastl_searcher_class *nsga2 = nastl_searcher_find("nsga2");
    for (const struct toy_problem *p = toy_problems; p->name; p++) {
        const double drawn = median_volume(p, random, 300);
        const double bred = median_volume(p, nsga2, 300);
        if (!(bred - drawn > 0.1 * (p->best - drawn)))
            fail_msg("%s: random %g, nsga2 %g", p->name, drawn, bred);
    }
}

/* Infeasible where the cost is above a limit that few draws keep. */
static size_t feasible_trials(const struct nastl_searcher_class *kind, uint64_t seed)
{
    const double limit = 3.4;
    size_t feasible = 0;
    begin(&run, &toy_problems[TOY_NETWORK], kind, seed, 300);
    for (size_t k = 0; k < 300; k++) {
        if (k > NASTL_SEARCH_WINDOW) {
            const size_t told = k - NASTL_SEARCH_WINDOW - 1;
            const double *values = run.values + 2 * told;
            const bool is_feasible = values[1] <= limit;
            feasible += is_feasible;
            assert_int_equal(nastl_searcher_tell(run.searcher, told,
                                                 is_feasible ? NASTL_OUTCOME_COMPLETE
                                                             : NASTL_OUTCOME_INFEASIBLE,
                                                 is_feasible ? values : NULL,
                                                 fmax(0, values[1] - limit)),
                             NASTL_OK);
        }
        assert_int_equal(nastl_searcher_ask(&run.points[k], run.searcher, k), NASTL_OK);
        evaluate(&run, k);
    }
    end(&run);
    return feasible;
}

static void nsga2_finds_the_feasible_region(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        assert_true(feasible_trials(nastl_searcher_find("nsga2"), seed) >
                    3 * feasible_trials(nastl_searcher_find("random"), seed));
}

static void a_search_without_a_single_result_goes_on(void **state)
{
    (void)state;
    const enum nastl_outcome outcomes[] = {NASTL_OUTCOME_FAILED, NASTL_OUTCOME_PRUNED};
    for (class_list kind = nastl_searcher_classes(); *kind; kind++) {
        begin(&run, &toy_problems[TOY_NETWORK], *kind, 1, 200);
        for (size_t k = 0; k < 200; k++) {
            if (k > NASTL_SEARCH_WINDOW)
                assert_int_equal(nastl_searcher_tell(run.searcher,
                                                     k - NASTL_SEARCH_WINDOW - 1,
                                                     outcomes[k % 2], NULL, 0),
                                 NASTL_OK);
            assert_int_equal(nastl_searcher_ask(&run.points[k], run.searcher, k),
                             NASTL_OK);
        }
        end(&run);
    }
}

static void a_suggestion_takes_less_than_five_milliseconds(void **state)
{
    (void)state;
    for (class_list kind = nastl_searcher_classes(); *kind; kind++) {
        begin(&run, &toy_problems[TOY_NETWORK], *kind, 1, MOST_TRIALS);
        const double start = nastl_clock_thread_cpu();
        run_until(&run, MOST_TRIALS);
        assert_true(nastl_clock_thread_cpu() - start < 0.005 * MOST_TRIALS);
        end(&run);
    }
}

/* ---- the same trials --------------------------------------------------------------- */

static void the_seed_decides_the_sequence(void **state)
{
    (void)state;
    for (class_list kind = nastl_searcher_classes(); *kind; kind++)
        for (const struct toy_problem *p = toy_problems; p->name; p++) {
            uint64_t hashes[3][150];
            for (uint64_t i = 0; i < 3; i++) {
                begin(&run, p, *kind, i / 2, 150);
                run_until(&run, 150);
                memcpy(hashes[i], run.hashes, sizeof hashes[i]);
                end(&run);
            }
            assert_memory_equal(hashes[0], hashes[1], sizeof hashes[0]);
            assert_memory_not_equal(hashes[0], hashes[2], sizeof hashes[0]);
        }
}

/* A trial in one of the workers of a simulated study. */
struct job {
    size_t trial;
    double finish;
    bool is_busy;
};

static size_t first_to_finish(const struct job *jobs, size_t workers)
{
    size_t first = workers;
    for (size_t w = 0; w < workers; w++)
        if (jobs[w].is_busy && (first == workers || jobs[w].finish < jobs[first].finish))
            first = w;
    return first;
}

static size_t first_idle(const struct job *jobs, size_t workers)
{
    size_t w = 0;
    while (w < workers && jobs[w].is_busy)
        w++;
    return w;
}

/* Trials take times of their own, so they finish out of order; a worker that would have
 * to look further back than the window waits. */
static void run_with_workers(struct run *r, size_t workers, size_t trials)
{
    enum { MOST_WORKERS = 16 };
    struct job jobs[MOST_WORKERS] = {{0}};
    static bool is_done[MOST_TRIALS];
    memset(is_done, 0, sizeof is_done);
    double now = 0;
    for (;;) {
        const size_t idle = first_idle(jobs, workers), k = r->asked;
        const bool may_ask =
            k <= NASTL_SEARCH_WINDOW || is_done[k - NASTL_SEARCH_WINDOW - 1];
        if (idle < workers && may_ask && k < trials) {
            ask(r);
            jobs[idle] = (struct job){k, now + (double)(r->hashes[k] % 1000), true};
            continue;
        }
        const size_t ready = first_to_finish(jobs, workers);
        if (ready == workers)
            return;
        now = jobs[ready].finish;
        evaluate(r, jobs[ready].trial);
        is_done[jobs[ready].trial] = true;
        jobs[ready].is_busy = false;
    }
}

static void the_number_of_workers_changes_nothing(void **state)
{
    (void)state;
    const size_t workers[] = {2, 8, 16};
    for (class_list kind = nastl_searcher_classes(); *kind; kind++)
        for (const struct toy_problem *p = toy_problems; p->name; p++) {
            begin(&run, p, *kind, 3, 150);
            run_until(&run, 150);
            for (size_t w = 0; w < sizeof workers / sizeof *workers; w++) {
                begin(&other, p, *kind, 3, 150);
                run_with_workers(&other, workers[w], 150);
                assert_int_equal(other.asked, 150);
                assert_memory_equal(other.hashes, run.hashes, 150 * sizeof(uint64_t));
                end(&other);
            }
            end(&run);
        }
}

/* A resumed study asks and tells again what its ledger holds, then goes on. */
static void a_replayed_search_goes_on_as_if_uninterrupted(void **state)
{
    (void)state;
    const size_t stops[] = {1, 15, 16, 17, 18, 60, 119};
    for (class_list kind = nastl_searcher_classes(); *kind; kind++)
        for (const struct toy_problem *p = toy_problems; p->name; p++) {
            begin(&run, p, *kind, 4, 120);
            run_until(&run, 120);
            for (size_t s = 0; s < sizeof stops / sizeof *stops; s++) {
                begin(&other, p, *kind, 4, 120);
                memcpy(other.values, run.values, sizeof other.values);
                while (other.asked < stops[s])
                    ask(&other);
                run_until(&other, 120);
                assert_memory_equal(other.hashes, run.hashes, 120 * sizeof(uint64_t));
                end(&other);
            }
            end(&run);
        }
}

static void a_proposal_depends_on_trial_and_attempt_alone(void **state)
{
    (void)state;
    struct nastl_space *space = read_space(toy_problems[TOY_NETWORK].yaml);
    const struct nastl_searcher_params params = {
        .space = space, .seed = 9, .objectives = 2, .trials = 100};
    struct nastl_point *point;
    assert_int_equal(nastl_point_create(&point, space), NASTL_OK);
    for (class_list kind = nastl_searcher_classes(); *kind; kind++) {
        void *self;
        uint64_t forwards[8][8];
        assert_int_equal((*kind)->create(&self, &params), NASTL_OK);
        for (size_t i = 0; i < 64; i++) {
            assert_int_equal((*kind)->propose(self, point, i / 8, i % 8), NASTL_OK);
            nastl_space_settle(space, point);
            forwards[i / 8][i % 8] = nastl_point_hash(space, point);
        }
        for (size_t i = 64; i-- > 0;) {
            assert_int_equal((*kind)->propose(self, point, i / 8, i % 8), NASTL_OK);
            nastl_space_settle(space, point);
            assert_true(forwards[i / 8][i % 8] == nastl_point_hash(space, point));
        }
        (*kind)->destroy(self);
    }
    nastl_point_destroy(point);
    nastl_space_destroy(space);
}

/* ---- each candidate once, and all of them ------------------------------------------ */

static int by_hash(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool has_repeats(const struct run *r)
{
    static uint64_t sorted[MOST_TRIALS];
    memcpy(sorted, r->hashes, r->asked * sizeof *sorted);
    qsort(sorted, r->asked, sizeof *sorted, by_hash);
    for (size_t k = 1; k < r->asked; k++)
        if (sorted[k] == sorted[k - 1])
            return true;
    return false;
}

#define HEAD "schema: nas-tl/space/v1\nname: small\nfamily: mlp\n"

static const char twelve[] = HEAD "mlp: {layers: 1, width: 8,\n"
                                  "  activation: {choice: [relu, gelu, silu]},\n"
                                  "  normalization: {choice: [none, layer]}}\n"
                                  "training: {batch_size: {choice: [64, 128]}}\n";
/* 2 + 4 + 8 + 16 + 32 widths, and three rates: 186 */
static const char branching[] =
    HEAD "mlp: {layers: {int: [1, 5]}, width: {int: [8, 16], step: 8, per: layer}}\n"
         "training: {learning_rate: {float: [0.1, 0.3], step: 0.1}}\n";
static const char single[] = HEAD "mlp: {layers: 1, width: 8}\n";

static const struct {
    const char *yaml;
    size_t size;
} small_spaces[] = {{twelve, 12}, {branching, 186}, {single, 1}};
enum { SMALL_SPACES = sizeof small_spaces / sizeof *small_spaces };

/* Asks until the space is exhausted; all trials have the same value. */
static void run_to_the_end(struct run *r)
{
    const double values[] = {1, 1};
    for (;; r->asked++) {
        const size_t k = r->asked;
        if (k > NASTL_SEARCH_WINDOW)
            assert_int_equal(nastl_searcher_tell(r->searcher, k - NASTL_SEARCH_WINDOW - 1,
                                                 NASTL_OUTCOME_COMPLETE, values, 0),
                             NASTL_OK);
        const int status = nastl_searcher_ask(&r->points[k], r->searcher, k);
        if (status == 1)
            break;
        assert_int_equal(status, NASTL_OK);
        r->hashes[k] = nastl_point_hash(r->space, r->points[k]);
    }
    const struct nastl_point *none;
    assert_int_equal(nastl_searcher_ask(&none, r->searcher, r->asked), 1);
}

static void no_candidate_is_asked_twice(void **state)
{
    (void)state;
    for (class_list kind = nastl_searcher_classes(); *kind; kind++)
        for (const struct toy_problem *p = toy_problems; p->name; p++) {
            begin(&run, p, *kind, 5, 1000);
            run_until(&run, 1000);
            assert_false(has_repeats(&run));
            end(&run);
        }
}

static void a_small_space_is_searched_to_its_end(void **state)
{
    (void)state;
    for (class_list kind = nastl_searcher_classes(); *kind; kind++)
        for (size_t s = 0; s < SMALL_SPACES; s++)
            for (uint64_t seed = 0; seed < 3; seed++) {
                begin_with(&run, small_spaces[s].yaml, *kind,
                           (struct nastl_searcher_params){.seed = seed, .objectives = 2});
                assert_true(nastl_space_size(run.space) == (double)small_spaces[s].size);
                run_to_the_end(&run);
                assert_int_equal(run.asked, small_spaces[s].size);
                assert_false(has_repeats(&run));
                end(&run);
            }
}

static void a_listing_has_every_candidate_once(void **state)
{
    (void)state;
    for (size_t s = 0; s < SMALL_SPACES; s++) {
        struct nastl_listing *listing;
        struct nastl_point *point;
        run.space = read_space(small_spaces[s].yaml);
        assert_true(nastl_listing_possible(run.space));
        assert_int_equal(nastl_point_create(&point, run.space), NASTL_OK);
        assert_int_equal(nastl_listing_create(&listing, run.space, 1), NASTL_OK);
        for (run.asked = 0; nastl_listing_next(listing, point); run.asked++)
            run.hashes[run.asked] = nastl_point_hash(run.space, point);
        assert_int_equal(run.asked, small_spaces[s].size);
        assert_false(has_repeats(&run));
        assert_false(nastl_listing_next(listing, point));
        nastl_listing_destroy(listing);
        nastl_point_destroy(point);
        nastl_space_destroy(run.space);
    }
}

/* ---- accepting --------------------------------------------------------------------- */

struct gate {
    const struct nastl_space *space;
    uint64_t modulus; /* one in so many candidates is accepted */
    size_t shown;
};

static bool accept_some(const struct nastl_point *point, void *payload)
{
    struct gate *gate = payload;
    gate->shown++;
    return nastl_point_hash(gate->space, point) % gate->modulus == 0;
}

static void what_is_refused_is_drawn_again(void **state)
{
    (void)state;
    for (class_list kind = nastl_searcher_classes(); *kind; kind++) {
        struct gate gate = {.modulus = 20};
        run.problem = &toy_problems[TOY_NETWORK];
        begin_with(&run, run.problem->yaml, *kind,
                   (struct nastl_searcher_params){.seed = 2,
                                                  .objectives = 2,
                                                  .trials = 200,
                                                  .accept = accept_some,
                                                  .payload = &gate});
        gate.space = run.space;
        run_until(&run, 200);
        for (size_t k = 0; k < 200; k++)
            assert_true(run.hashes[k] % 20 == 0);
        assert_int_equal(nastl_searcher_rejected(run.searcher) + 200, gate.shown);
        assert_true(gate.shown > 1000);
        end(&run);
    }
}

static void only_accepted_candidates_exhaust_a_space(void **state)
{
    (void)state;
    for (class_list kind = nastl_searcher_classes(); *kind; kind++) {
        size_t total = 0;
        for (uint64_t modulus = 1; modulus < 8; modulus++) {
            struct gate gate = {.modulus = modulus};
            begin_with(&run, branching, *kind,
                       (struct nastl_searcher_params){
                           .objectives = 2, .accept = accept_some, .payload = &gate});
            gate.space = run.space;
            run_to_the_end(&run);
            assert_int_equal(run.asked + nastl_searcher_rejected(run.searcher), 186);
            assert_int_equal(gate.shown, 186);
            total += run.asked;
            end(&run);
        }
        assert_true(total > 186 && total < 7 * 186);
    }
}

static void a_large_space_that_accepts_nothing_is_exhausted(void **state)
{
    (void)state;
    for (class_list kind = nastl_searcher_classes(); *kind; kind++) {
        struct gate gate = {.modulus = UINT64_MAX};
        begin_with(&run, toy_problems[TOY_NETWORK].yaml, *kind,
                   (struct nastl_searcher_params){
                       .objectives = 2, .accept = accept_some, .payload = &gate});
        gate.space = run.space;
        run_to_the_end(&run);
        assert_int_equal(run.asked, 0);
        assert_true(gate.shown >= 1000);
        end(&run);
    }
}

/* ---- variation --------------------------------------------------------------------- */

static size_t differences(const struct nastl_space *space, const struct nastl_point *a,
                          const struct nastl_point *b)
{
    size_t count = 0;
    for (size_t i = 0; i < nastl_space_dims(space); i++)
        count += a->value[i] != b->value[i];
    return count;
}

/* Mutation changes what is active and searched, within its range; crossover of a point
 * with itself changes nothing. */
static void variation_stays_inside_the_space(void **state)
{
    (void)state;
    for (const struct toy_problem *p = toy_problems; p->name; p++) {
        struct nastl_space *space = read_space(p->yaml);
        struct nastl_point *a, *b, *child;
        struct nastl_rng rng;
        nastl_rng_init(&rng, 11, 0, NASTL_RNG_TEST);
        assert_int_equal(nastl_point_create(&a, space), NASTL_OK);
        assert_int_equal(nastl_point_create(&b, space), NASTL_OK);
        assert_int_equal(nastl_point_create(&child, space), NASTL_OK);
        for (int turn = 0; turn < 500; turn++) {
            nastl_space_sample(space, &rng, a);
            nastl_vary_cross(space, &rng, child, a, a);
            assert_int_equal(differences(space, child, a), 0);
            nastl_vary_mutate(space, &rng, child, 1);
            assert_true(differences(space, child, a) >= 1);
            for (size_t i = 0; i < nastl_space_dims(space); i++)
                assert_true(a->active[i] || a->value[i] == child->value[i]);
            nastl_space_sample(space, &rng, b);
            nastl_vary_cross(space, &rng, child, a, b);
            nastl_vary_mutate(space, &rng, child, 0);
            nastl_point_copy(a, child, space);
            nastl_space_settle(space, a);
            assert_int_equal(differences(space, child, a), 0);
        }
        nastl_point_destroy(a);
        nastl_point_destroy(b);
        nastl_point_destroy(child);
        nastl_space_destroy(space);
    }
}

/* ---- wrong values, no memory ------------------------------------------------------- */

static void a_value_that_is_not_finite_is_refused(void **state)
{
    (void)state;
    for (class_list kind = nastl_searcher_classes(); *kind; kind++) {
        begin(&run, &toy_problems[TOY_NETWORK], *kind, 1, 20);
        run_until(&run, 1);
        run.values[1] = NAN;
        assert_int_equal(tell_complete(&run, 0), NASTL_ENUMERIC);
        run.values[1] = INFINITY;
        assert_int_equal(tell_complete(&run, 0), NASTL_ENUMERIC);
        run.values[1] = 1;
        assert_int_equal(tell_complete(&run, 0), NASTL_OK);
        end(&run);
    }
}

/* Trials and, at the end of the small space, its listing. */
static int search_all(const struct nastl_searcher_class *kind,
                      const struct nastl_space *space)
{
    const struct nastl_searcher_params params = {.space = space, .objectives = 2};
    const double values[] = {1, 1};
    struct nastl_searcher *searcher;
    const struct nastl_point *point;
    int status = nastl_searcher_create(&searcher, kind, &params);
    if (status < 0)
        return status;
    for (size_t k = 0; status == NASTL_OK; k++) {
        if (k > NASTL_SEARCH_WINDOW)
            status = nastl_searcher_tell(searcher, k - NASTL_SEARCH_WINDOW - 1,
                                         NASTL_OUTCOME_COMPLETE, values, 0);
        if (status == NASTL_OK)
            status = nastl_searcher_ask(&point, searcher, k);
    }
    nastl_searcher_destroy(searcher);
    return status;
}

static void a_failed_allocation_is_reported(void **state)
{
    (void)state;
    struct nastl_space *space = read_space(branching);
    for (class_list kind = nastl_searcher_classes(); *kind; kind++) {
        int status = NASTL_ENOMEM;
        for (size_t n = 1; status != 1 && n < 5000; n += 1 + n / 16) {
            nastl_alloc_fail_from(n);
            status = search_all(*kind, space);
            nastl_alloc_fail_from(0);
            assert_true(status == 1 || status == NASTL_ENOMEM);
        }
        assert_int_equal(status, 1);
    }
    nastl_space_destroy(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searchers_are_found_by_their_names),
        cmocka_unit_test(every_searcher_reaches_a_fair_result),
        cmocka_unit_test(nsga2_beats_random),
        cmocka_unit_test(nsga2_finds_the_feasible_region),
        cmocka_unit_test(a_search_without_a_single_result_goes_on),
        cmocka_unit_test(a_suggestion_takes_less_than_five_milliseconds),
        cmocka_unit_test(the_seed_decides_the_sequence),
        cmocka_unit_test(the_number_of_workers_changes_nothing),
        cmocka_unit_test(a_replayed_search_goes_on_as_if_uninterrupted),
        cmocka_unit_test(a_proposal_depends_on_trial_and_attempt_alone),
        cmocka_unit_test(no_candidate_is_asked_twice),
        cmocka_unit_test(a_small_space_is_searched_to_its_end),
        cmocka_unit_test(a_listing_has_every_candidate_once),
        cmocka_unit_test(what_is_refused_is_drawn_again),
        cmocka_unit_test(only_accepted_candidates_exhaust_a_space),
        cmocka_unit_test(a_large_space_that_accepts_nothing_is_exhausted),
        cmocka_unit_test(variation_stays_inside_the_space),
        cmocka_unit_test(a_value_that_is_not_finite_is_refused),
        cmocka_unit_test(a_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
