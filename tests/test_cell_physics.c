/* test_cell_physics.c: propagation, mobility and radio against the standard's formulas.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "cell/radio.h"

#include <math.h>

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance)) {
        print_error("%.9g, expected %.9g +- %g\n", value, expected, tolerance);
        fail();
    }
}

/* ---- propagation ------------------------------------------------------------------- */

/* Worked by hand from table 7.4.1-1. */
static void path_loss_is_that_of_the_standard(void **state)
{
    (void)state;
    const double hand = 5e-4; /* dB: three decimals */
    assert_near(nastl_cell_path_loss(NASTL_CELL_UMA, 100, 25, 2.0, true), 78.2774, hand);
    assert_near(nastl_cell_path_loss(NASTL_CELL_UMA, 500, 25, 2.0, true), 96.8848, hand);
    assert_near(nastl_cell_path_loss(NASTL_CELL_UMA, 500, 25, 2.0, false), 125.0551,
                hand);
    assert_near(nastl_cell_path_loss(NASTL_CELL_UMI, 100, 10, 3.5, true), 85.3142, hand);
    assert_near(nastl_cell_path_loss(NASTL_CELL_UMI, 300, 10, 3.5, true), 98.2443, hand);
    assert_near(nastl_cell_path_loss(NASTL_CELL_UMI, 100, 10, 3.5, false), 104.6438,
                hand);
}

static const struct nastl_cell_domain *each(const struct nastl_cell_domain *domain)
{
    domain = domain ? domain + 1 : nastl_cell_domain_table;
    return domain->name ? domain : NULL;
}

static double loss(const struct nastl_cell_domain *d, double distance, bool in_sight)
{
    return nastl_cell_path_loss(d->scenario, distance, d->mast, d->carrier, in_sight);
}

static void path_loss_grows_without_a_step(void **state)
{
    (void)state;
    for (const struct nastl_cell_domain *d = each(NULL); d; d = each(d)) {
        for (double at = 10; at < 2000; at += 0.5) {
            const double step = loss(d, at + 0.5, true) - loss(d, at, true);
            assert_true(step > 0 && step < 0.6);
            assert_true(loss(d, at, false) >= loss(d, at, true));
        }
        assert_true(loss(d, 0, true) == loss(d, 10, true));
    }
}

static void sight_is_that_of_the_standard(void **state)
{
    (void)state;
    assert_near(nastl_cell_sight_probability(NASTL_CELL_UMA, 100), 0.347671, 1e-6);
    assert_near(nastl_cell_sight_probability(NASTL_CELL_UMI, 100), 0.230985, 1e-6);
    for (int s = 0; s < NASTL_CELL_SCENARIO_COUNT; s++) {
        assert_true(nastl_cell_sight_probability(s, 0) == 1);
        assert_true(nastl_cell_sight_probability(s, 18) == 1);
        for (double d = 18; d < 2000; d++)
            assert_true(nastl_cell_sight_probability(s, d + 1) <
                        nastl_cell_sight_probability(s, d));
    }
}

/* ---- mobility ---------------------------------------------------------------------- */

static void users_stay_inside_and_keep_their_speed(void **state)
{
    (void)state;
    const struct nastl_cell_area area = {300, 200};
    for (int t = 0; t < NASTL_CELL_TRAVELLER_COUNT; t++) {
        struct nastl_rng rng;
        struct nastl_cell_mover mover;
        nastl_rng_init(&rng, 1, (uint32_t)t, NASTL_RNG_TEST);
        nastl_cell_mover_start(&mover, &area, t, 5, &rng);
        double way = 0;
        for (int i = 0; i < 40000; i++) {
            way += nastl_cell_mover_step(&mover, &area, 0.25, &rng);
            assert_true(mover.x >= 0 && mover.x <= area.width);
            assert_true(mover.y >= 0 && mover.y <= area.height);
            assert_true(mover.speed >= 0);
        }
        assert_near(way / 10000, mover.mean, 0.1 * mover.mean);
    }
}

static void the_way_on_a_torus_is_the_shortest(void **state)
{
    (void)state;
    const struct nastl_cell_area area = {300, 200};
    struct nastl_rng rng;
    nastl_rng_init(&rng, 2, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 1000; i++) {
        const double ax = 300 * nastl_rng_uniform(&rng),
                     bx = 300 * nastl_rng_uniform(&rng);
        const double ay = 200 * nastl_rng_uniform(&rng),
                     by = 200 * nastl_rng_uniform(&rng);
        double dx, dy, back_x, back_y;
        nastl_cell_way(&dx, &dy, &area, ax, ay, bx, by);
        nastl_cell_way(&back_x, &back_y, &area, bx, by, ax, ay);
        assert_true(fabs(dx) <= 150 && fabs(dy) <= 100);
        assert_true(dx == -back_x && dy == -back_y);
        assert_near(remainder(ax + dx - bx, 300), 0, 1e-9);
        assert_near(remainder(ay + dy - by, 200), 0, 1e-9);
    }
}

/* ---- capacity ---------------------------------------------------------------------- */

static void efficiency_is_shannons_truncated(void **state)
{
    (void)state;
    assert_near(nastl_cell_efficiency(1, 1), 0.6, 1e-12);
    assert_near(nastl_cell_efficiency(6, 2), 2.4, 1e-12);
    for (int layers = 1; layers <= 4; layers *= 2) {
        assert_true(nastl_cell_efficiency(0, layers) == 0);
        assert_near(nastl_cell_efficiency(1e9, layers), 4.4 * layers, 1e-12);
        for (double sinr = 0.01; sinr < 1e5; sinr *= 1.3) {
            assert_true(nastl_cell_efficiency(sinr * 1.3, layers) >=
                        nastl_cell_efficiency(sinr, layers));
            assert_true(nastl_cell_efficiency(sinr, 2 * layers) >=
                        nastl_cell_efficiency(sinr, layers));
        }
    }
}

static void cqi_grows_from_0_to_15(void **state)
{
    (void)state;
    int last = 0;
    assert_int_equal(nastl_cell_cqi(0), 0);
    for (double sinr = 0.01; sinr < 1e4; sinr *= 1.01) {
        const int cqi = nastl_cell_cqi(sinr);
        assert_in_range(cqi, last, last + 1);
        last = cqi;
    }
    assert_int_equal(last, 15);
}

/* ---- radio ------------------------------------------------------------------------- */

/* A user who walks `moved` metres a tick, whatever the mover says. */
struct walk {
    struct nastl_rng rng;
    struct nastl_cell_mover mover;
    struct nastl_cell_radio radio;
    struct nastl_cell_tick tick;
};

static void start(struct walk *walk, const struct nastl_cell_domain *domain)
{
    const struct nastl_cell_area area = nastl_cell_area_of(domain);
    nastl_rng_init(&walk->rng, 3, 0, NASTL_RNG_TEST);
    nastl_cell_mover_start(&walk->mover, &area, NASTL_CELL_CAR, 10, &walk->rng);
    nastl_cell_radio_start(&walk->radio, domain, &walk->mover, NASTL_CELL_PHONE,
                           &walk->rng);
}

static void step(struct walk *walk)
{
    const double moved =
        nastl_cell_mover_step(&walk->mover, &walk->radio.area, 0.25, &walk->rng);
    nastl_cell_radio_step(&walk->tick, &walk->radio, &walk->mover, moved, 0.25,
                          &walk->rng);
}

/* Gudmundson: the correlation of shadowing at distance d is exp(-d / d_cor), with d_cor
 * of users in sight or not. */
static void shadowing_is_correlated_in_space(void **state)
{
    (void)state;
    enum { TICKS = 4000, LAG = 8 };
    for (const struct nastl_cell_domain *d = each(NULL); d; d = each(d)) {
        static double shadow[TICKS][NASTL_CELL_SITES];
        const double moved = 2;
        struct walk walk;
        start(&walk, d);
        double square = 0, product = 0;
        for (int t = 0; t < TICKS; t++) {
            nastl_cell_radio_step(&walk.tick, &walk.radio, &walk.mover, moved, 0.25,
                                  &walk.rng);
            memcpy(shadow[t], walk.radio.shadow, sizeof shadow[t]);
            for (int s = 0; t >= LAG && s < NASTL_CELL_SITES; s++) {
                square += shadow[t][s] * shadow[t][s];
                product += shadow[t][s] * shadow[t - LAG][s];
            }
        }
        const double count = (double)(TICKS - LAG) * NASTL_CELL_SITES;
        const double far = nastl_cell_shadow_distance(d->scenario, false);
        const double near = nastl_cell_shadow_distance(d->scenario, true);
        assert_near(square / count, 1, 0.1);
        assert_true(product / square > exp(-moved * LAG / near) - 0.04);
        assert_true(product / square < exp(-moved * LAG / far) + 0.04);
    }
}

static void a_better_cell_is_taken(void **state)
{
    (void)state;
    for (const struct nastl_cell_domain *d = each(NULL); d; d = each(d)) {
        struct walk walk;
        int handovers = 0;
        start(&walk, d);
        for (int t = 0; t < 4000; t++) {
            const int before = walk.radio.serving;
            step(&walk);
            handovers += walk.radio.serving != before;
            assert_int_equal(walk.radio.serving != before, walk.tick.since == 0);
            assert_in_range(walk.radio.better_for, 0, 1); /* the trigger is two ticks */
        }
        assert_in_range(handovers, 20, 1000);
    }
}

static void reports_are_within_reason(void **state)
{
    (void)state;
    for (const struct nastl_cell_domain *d = each(NULL); d; d = each(d)) {
        struct walk walk;
        start(&walk, d);
        for (int t = 0; t < 4000; t++) {
            step(&walk);
            const struct nastl_cell_tick *tick = &walk.tick;
            assert_true(tick->rsrp > -150 && tick->rsrp < -20);
            assert_true(tick->rsrq < 0);
            assert_true(tick->load > 0 && tick->load < 1);
            assert_true(tick->rate >= 0 && tick->rate <= d->bandwidth * 2 * 4.4);
            assert_true(tick->distance >= d->mast - 1.5);
            assert_false(tick->neighbour[0] < tick->neighbour[1]);
            assert_false(tick->neighbour[1] < tick->neighbour[2]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_loss_is_that_of_the_standard),
        cmocka_unit_test(path_loss_grows_without_a_step),
        cmocka_unit_test(sight_is_that_of_the_standard),
        cmocka_unit_test(users_stay_inside_and_keep_their_speed),
        cmocka_unit_test(the_way_on_a_torus_is_the_shortest),
        cmocka_unit_test(efficiency_is_shannons_truncated),
        cmocka_unit_test(cqi_grows_from_0_to_15),
        cmocka_unit_test(shadowing_is_correlated_in_space),
        cmocka_unit_test(a_better_cell_is_taken),
        cmocka_unit_test(reports_are_within_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
