/* test_meter_energy.c: the gate and the protocol of energy, on counters whose truth is
 * known: joules = idle watts x wall seconds + active watts x CPU seconds of the process,
 * in ticks of a millisecond.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/clock.h"
#include "base/error.h"
#include "meter/backend.h"

#include <math.h>

/* ---- counters ---------------------------------------------------------------------- */

static const double idle_watts = 20, active_watts = 50;

/* The joules of the last whole millisecond. */
struct counter {
    double tick, joules, scale;
};

static int open_counter(struct counter **out, char source[NASTL_ENERGY_SOURCE],
                        double scale)
{
    *out = nastl_alloc_zero(1, sizeof **out);
    if (!*out)
        return nastl_error_nomem("a counter");
    (*out)->scale = scale;
    snprintf(source, NASTL_ENERGY_SOURCE, "test:counter");
    return NASTL_OK;
}

static int open_truth(void **state, char source[NASTL_ENERGY_SOURCE])
{
    return open_counter((struct counter **)state, source, 1);
}

static int read_truth(double *joules, void *state)
{
    struct counter *counter = state;
    const double now = nastl_clock_seconds(), tick = floor(now * 1e3);
    if (tick > counter->tick) {
        counter->tick = tick;
        counter->joules = idle_watts * now + active_watts * nastl_clock_process_cpu();
    }
    *joules = counter->joules * counter->scale;
    return NASTL_OK;
}

static const struct nastl_energy_backend truth = {open_truth, read_truth, free};

static int open_tiny(void **state, char source[NASTL_ENERGY_SOURCE])
{
    return open_counter((struct counter **)state, source, 1e-4);
}
static const struct nastl_energy_backend tiny = {open_tiny, read_truth, free};

static int open_huge(void **state, char source[NASTL_ENERGY_SOURCE])
{
    return open_counter((struct counter **)state, source, 1e4);
}
static const struct nastl_energy_backend huge = {open_huge, read_truth, free};

static int read_nothing(double *joules, void *state)
{
    (void)state;
    *joules = 12345;
    return NASTL_OK;
}
static const struct nastl_energy_backend frozen = {open_truth, read_nothing, free};

/* Forwards when the gate looks, backwards afterwards. */
static int read_back(double *joules, void *state)
{
    struct counter *counter = state;
    counter->tick++;
    *joules = counter->tick < 3 ? counter->tick * 10 : 0;
    return NASTL_OK;
}
static const struct nastl_energy_backend backwards = {open_truth, read_back, free};

/* Lives in the gate and stands still from then on. */
static int read_dying(double *joules, void *state)
{
    struct counter *counter = state;
    counter->tick = fmin(counter->tick + 1, 2);
    *joules = counter->tick * 10;
    return NASTL_OK;
}
static const struct nastl_energy_backend dying = {open_truth, read_dying, free};

static int read_error(double *joules, void *state)
{
    (void)joules;
    (void)state;
    return nastl_error(NASTL_EIO, "energy: the package vanished; put it back");
}
static const struct nastl_energy_backend vanished = {open_truth, read_error, free};

static int open_denied(void **state, char source[NASTL_ENERGY_SOURCE])
{
    (void)state;
    (void)source;
    return nastl_error(NASTL_ENOTSUP, "energy: no permission; ask root");
}
static const struct nastl_energy_backend denied = {.open = open_denied};

/* ---- work -------------------------------------------------------------------------- */

struct work {
    double cpu; /* s */
    size_t calls;
    volatile double sum;
};

static void compute(void *payload)
{
    struct work *work = payload;
    const double start = nastl_clock_thread_cpu();
    for (int i = 1; i < 20000; i++)
        work->sum += 1.0 / i;
    work->cpu += nastl_clock_thread_cpu() - start;
    work->calls++;
}

static void wait(void *payload)
{
    struct work *work = payload;
    nastl_clock_sleep(1e-3);
    work->calls++;
}

/* ---- the gate ---------------------------------------------------------------------- */

static void a_counter_that_lives_passes(void **state)
{
    (void)state;
    struct nastl_energy *energy;
    double before, after;
    assert_ok(nastl_energy_open_with(&energy, &truth));
    assert_string_equal(nastl_energy_source(energy), "test:counter");
    assert_ok(nastl_energy_read(&before, energy));
    nastl_clock_sleep(0.05);
    assert_ok(nastl_energy_read(&after, energy));
    assert_true(after - before >= 0.9 * idle_watts * 0.05);
    nastl_energy_close(energy);
}

static void a_counter_that_does_not_measure_is_refused(void **state)
{
    (void)state;
    struct nastl_energy *energy = NULL;
    assert_error(nastl_energy_open_with(&energy, &frozen), NASTL_ENOTSUP, "stands still");
    assert_error(nastl_energy_open_with(&energy, &tiny), NASTL_ENOTSUP, " W, which no");
    assert_error(nastl_energy_open_with(&energy, &huge), NASTL_ENOTSUP, " W, which no");
    assert_error(nastl_energy_open_with(&energy, &vanished), NASTL_ENOTSUP, "vanished");
    assert_error(nastl_energy_open_with(&energy, &denied), NASTL_ENOTSUP, "permission");
    assert_null(energy);
    nastl_energy_close(NULL);
}

static void this_machine_has_a_counter_or_a_reason(void **state)
{
    (void)state;
    struct nastl_energy *energy = NULL;
    const int status = nastl_energy_open(&energy);
    if (status == NASTL_OK)
        assert_non_null(strstr(nastl_energy_source(energy), "RAPL_ENERGY_PKG"));
    else
        assert_error(status, NASTL_ENOTSUP, "; ");
    nastl_energy_close(energy);
}

/* ---- measuring --------------------------------------------------------------------- */

static void known_joules_are_found(void **state)
{
    (void)state;
    struct nastl_energy *energy;
    struct nastl_energy_figure figure;
    struct work work = {0};
    assert_ok(nastl_energy_open_with(&energy, &truth));
    assert_ok(nastl_energy_measure(&figure, energy, compute, &work, 2.2));
    nastl_energy_close(energy);
    const double expected = active_watts * work.cpu / (double)work.calls * 1e6;
    assert_true(fabs(figure.net / expected - 1) < 0.05);
    assert_true(figure.gross > figure.net);
    assert_true(figure.low < figure.net && figure.net < figure.high);
    assert_true(figure.resolved);
    assert_true(figure.blocks >= 2 && figure.blocks <= 30);
}

/* Waking up costs a little: it is found, or said to be below resolution. */
static void what_waits_draws_next_to_nothing(void **state)
{
    (void)state;
    struct nastl_energy *energy;
    struct nastl_energy_figure figure;
    struct work work = {0};
    assert_ok(nastl_energy_open_with(&energy, &truth));
    assert_ok(nastl_energy_measure(&figure, energy, wait, &work, 0));
    nastl_energy_close(energy);
    assert_true(fabs(figure.net) < 0.2 * figure.gross);
    assert_int_equal(figure.resolved, figure.net > 2 * (figure.high - figure.net));
    assert_int_equal(figure.blocks, 2); /* made whatever the time */
}

static void a_counter_that_dies_gives_no_figure(void **state)
{
    (void)state;
    struct nastl_energy *energy;
    struct nastl_energy_figure figure;
    struct work work = {0};
    assert_ok(nastl_energy_open_with(&energy, &backwards));
    assert_error(nastl_energy_measure(&figure, energy, compute, &work, 2), NASTL_EIO,
                 "went back");
    nastl_energy_close(energy);
    assert_ok(nastl_energy_open_with(&energy, &dying));
    assert_error(nastl_energy_measure(&figure, energy, compute, &work, 2), NASTL_EIO,
                 "stood still");
    nastl_energy_close(energy);
}

static int open_and_close(void *payload)
{
    struct nastl_energy *energy = NULL;
    const int status = nastl_energy_open_with(&energy, payload);
    nastl_energy_close(energy);
    return status;
}

static void opening_survives_lack_of_memory(void **state)
{
    (void)state;
    check_out_of_memory(open_and_close, (void *)&truth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_that_lives_passes),
        cmocka_unit_test(a_counter_that_does_not_measure_is_refused),
        cmocka_unit_test(this_machine_has_a_counter_or_a_reason),
        cmocka_unit_test(known_joules_are_found),
        cmocka_unit_test(what_waits_draws_next_to_nothing),
        cmocka_unit_test(a_counter_that_dies_gives_no_figure),
        cmocka_unit_test(opening_survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
