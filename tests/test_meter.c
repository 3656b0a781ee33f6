/* test_meter.c: latency and what the machine offers.
 *
 * The tests share their processors with others, so they ask for what holds on a disturbed
 * machine too: order, scale, and that a disturbance is seen.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/clock.h"
#include "io/json.h"
#include "meter/latency.h"
#include "meter/sysfs.h"

#include <math.h>

struct counted {
    double seconds; /* of one call */
    size_t calls;
};

static void spin_for(void *payload)
{
    struct counted *counted = payload;
    const double end = nastl_clock_seconds() + counted->seconds;
    while (nastl_clock_seconds() < end)
        ;
    counted->calls++;
}

static void sleep_for(void *payload)
{
    struct counted *counted = payload;
    nastl_clock_sleep(counted->seconds);
    counted->calls++;
}

static void do_little(void *payload)
{
    struct counted *counted = payload;
    counted->calls++;
}

static void assert_ordered(const struct nastl_latency *figure)
{
    assert_true(figure->low <= figure->median);
    assert_true(figure->median <= figure->high);
    assert_true(figure->median <= figure->p99);
    assert_true(figure->busy > 0 && figure->busy < 1.05);
    assert_int_equal(figure->disturbed, figure->busy < 0.98);
}

/* ---- latency ----------------------------------------------------------------------- */

static void a_spin_takes_as_long_as_it_spins(void **state)
{
    (void)state;
    struct counted work = {.seconds = 50e-6};
    struct nastl_latency figure;
    assert_ok(nastl_latency_measure(&figure, spin_for, &work, NULL));
    assert_ordered(&figure);
    assert_true(figure.median > 49.5);
    assert_true(figure.median < 60);
    assert_true(figure.calls >= 200);
    assert_true(work.calls >= figure.calls); /* and the warm-up */
}

static void a_call_of_nanoseconds_is_resolved(void **state)
{
    (void)state;
    struct counted work = {0};
    struct nastl_latency figure;
    assert_ok(nastl_latency_measure(&figure, do_little, &work, NULL));
    assert_ordered(&figure);
    assert_true(figure.median > 0);
    assert_true(figure.median < 0.1);
}

static void a_longer_call_takes_longer(void **state)
{
    (void)state;
    struct counted shorter = {.seconds = 5e-6}, longer = {.seconds = 15e-6};
    struct nastl_latency one, three;
    assert_ok(nastl_latency_measure(&one, spin_for, &shorter, NULL));
    assert_ok(nastl_latency_measure(&three, spin_for, &longer, NULL));
    assert_true(three.low > one.high);
    assert_true(three.median / one.median > 2.5);
    assert_true(three.median / one.median < 3.5);
}

static void a_thread_that_waits_is_disturbed(void **state)
{
    (void)state;
    const struct nastl_latency_params params = {.seconds = 0.01, .at_least = 20};
    struct counted work = {.seconds = 1e-3};
    struct nastl_latency figure;
    assert_ok(nastl_latency_measure(&figure, sleep_for, &work, &params));
    assert_ordered(&figure);
    assert_true(figure.disturbed);
    assert_true(figure.busy < 0.5);
}

static void as_many_calls_are_made_as_asked(void **state)
{
    (void)state;
    const struct nastl_latency_params params = {.seconds = 1e-4, .at_least = 25000};
    struct counted work = {.seconds = 2e-6};
    struct nastl_latency figure;
    assert_ok(nastl_latency_measure(&figure, spin_for, &work, &params));
    assert_true(figure.calls >= 25000);
}

static void one_call_is_its_own_interval(void **state)
{
    (void)state;
    const struct nastl_latency_params params = {.seconds = 1e-9, .at_least = 1};
    struct counted work = {.seconds = 1e-3};
    struct nastl_latency figure;
    assert_ok(nastl_latency_measure(&figure, spin_for, &work, &params));
    assert_ordered(&figure);
    assert_int_equal(figure.calls, 1);
    assert_true(figure.low == figure.high);
}

static int measure_shortly(void *payload)
{
    const struct nastl_latency_params params = {.seconds = 1e-3, .at_least = 2};
    struct nastl_latency figure;
    return nastl_latency_measure(&figure, do_little, payload, &params);
}

static void latency_survives_lack_of_memory(void **state)
{
    (void)state;
    struct counted work = {0};
    check_out_of_memory(measure_shortly, &work);
}

/* ---- facts of the machine ---------------------------------------------------------- */

static void the_first_line_of_a_file_is_read(void **state)
{
    const char *path = scratch(state, "line");
    char line[16];
    long number;
    scratch_write(path, "42 and\nmore\n", 12);
    assert_true(nastl_sysfs_line(line, sizeof line, path));
    assert_string_equal(line, "42 and");
    assert_true(nastl_sysfs_number(&number, "%s", path));
    assert_int_equal(number, 42);
    scratch_write(path, "many\n", 5);
    assert_false(nastl_sysfs_number(&number, "%s", path));
    scratch_write(path, "", 0);
    assert_false(nastl_sysfs_line(line, sizeof line, path));
    assert_false(nastl_sysfs_line(line, sizeof line, scratch(state, "none")));
}

static void the_machine_is_described(void **state)
{
    (void)state;
    struct nastl_hardware hardware;
    assert_ok(nastl_hardware_probe(&hardware));
    assert_true(hardware.cpu[0] != '\0');
    assert_true(hardware.threads >= 1);
    assert_true(hardware.memory > 1 << 20);
    assert_true(hardware.onednn[0] != '\0');
    assert_true(hardware.isa[0] != '\0');
}

static void what_is_missing_has_a_reason(void **state)
{
    (void)state;
    struct nastl_hardware hardware;
    assert_ok(nastl_hardware_probe(&hardware));
    assert_int_equal(hardware.counters, hardware.counters_reason[0] == '\0');
    assert_int_equal(hardware.energy, hardware.energy_reason[0] == '\0');
    assert_int_equal(hardware.energy, hardware.energy_source[0] != '\0');
    if (!hardware.counters)
        assert_non_null(strchr(hardware.counters_reason, ';'));
    if (!hardware.energy)
        assert_non_null(strchr(hardware.energy_reason, ';'));
}

/* ---- as text and JSON -------------------------------------------------------------- */

static const struct nastl_hardware example = {
    .cpu = "A \"fast\" one",
    .threads = 2,
    .cores = 1,
    .isa = "avx2",
    .onednn = "2.6.3",
    .cache = {49152, 2 << 20, 0},
    .memory = 3L << 30,
    .counters = true,
    .energy_reason = "none; buy one",
};

static void the_text_says_what_is_missing(void **state)
{
    (void)state;
    char *text;
    assert_ok(nastl_hardware_text(&text, &example, false));
    assert_string_equal(text, "processor  A \"fast\" one\n"
                              "threads    2 usable; 1 cores in the machine\n"
                              "oneDNN     2.6.3, avx2\n"
                              "caches     L1d 48 KiB, L2 2 MiB, L3 unknown\n"
                              "memory     3 GiB\n"
                              "counters   cycles, through PAPI\n"
                              "energy     unavailable: none; buy one\n");
    free(text);
}

static void the_json_has_null_for_what_is_not_known(void **state)
{
    (void)state;
    char *text;
    json_t *json;
    assert_ok(nastl_hardware_text(&text, &example, true));
    assert_ok(nastl_json_parse(&json, text, "hardware"));
    assert_string_equal(json_string_value(json_object_get(json, "cpu")),
                        "A \"fast\" one");
    assert_int_equal(json_integer_value(json_object_get(json, "threads")), 2);
    const json_t *cache = json_object_get(json, "cache");
    assert_int_equal(json_integer_value(json_object_get(cache, "l1d")), 49152);
    assert_true(json_is_null(json_object_get(cache, "l3")));
    const json_t *counters = json_object_get(json, "counters");
    assert_true(json_is_true(json_object_get(counters, "available")));
    assert_true(json_is_null(json_object_get(counters, "reason")));
    const json_t *energy = json_object_get(json, "energy");
    assert_true(json_is_false(json_object_get(energy, "available")));
    assert_true(json_is_null(json_object_get(energy, "source")));
    assert_string_equal(json_string_value(json_object_get(energy, "reason")),
                        "none; buy one");
    json_decref(json);
    free(text);
}

static int describe_example(void *payload)
{
    char *text = NULL;
    const int status = nastl_hardware_text(&text, &example, *(const bool *)payload);
    free(text);
    return status;
}

static void descriptions_survive_lack_of_memory(void **state)
{
    (void)state;
    bool json = false;
    check_out_of_memory(describe_example, &json);
    json = true;
    check_out_of_memory(describe_example, &json);
}

static int probe(void *payload)
{
    return nastl_hardware_probe(payload);
}

static void probing_survives_lack_of_memory(void **state)
{
    (void)state;
    struct nastl_hardware hardware;
    check_out_of_memory(probe, &hardware);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spin_takes_as_long_as_it_spins),
        cmocka_unit_test(a_call_of_nanoseconds_is_resolved),
        cmocka_unit_test(a_longer_call_takes_longer),
        cmocka_unit_test(a_thread_that_waits_is_disturbed),
        cmocka_unit_test(as_many_calls_are_made_as_asked),
        cmocka_unit_test(one_call_is_its_own_interval),
        cmocka_unit_test(latency_survives_lack_of_memory),
        cmocka_unit_test(the_first_line_of_a_file_is_read),
        cmocka_unit_test(the_machine_is_described),
        cmocka_unit_test(what_is_missing_has_a_reason),
        cmocka_unit_test(the_text_says_what_is_missing),
        cmocka_unit_test(the_json_has_null_for_what_is_not_known),
        cmocka_unit_test(descriptions_survive_lack_of_memory),
        cmocka_unit_test(probing_survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
