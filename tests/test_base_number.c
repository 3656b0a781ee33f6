/* test_base_number.c: numbers as text, random streams, statistics.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "base/stat.h"
#include "base/strbuf.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

static struct nastl_rng test_rng(uint64_t seed)
{
    struct nastl_rng rng;
    print_message("seed %llu\n", (unsigned long long)seed);
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    return rng;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* ---- numbers as text --------------------------------------------------------------- */

/* Doubles of every size, and such as people write. */
static double random_double(struct nastl_rng *rng)
{
    double value;
    const uint64_t bits = nastl_rng_u64(rng);
    switch (nastl_rng_below(rng, 5)) {
    case 0:
        return (double)nastl_rng_below(rng, 100000) / 1000;
    case 1:
        return (double)(int64_t)bits;
    case 2:
        return (float)nastl_rng_normal(rng);
    case 3:
        return ldexp(1, (int)nastl_rng_below(rng, 2098) - 1074);
    default:
        memcpy(&value, &bits, sizeof value);
        return isfinite(value) ? value : 0.0;
    }
}

static void the_text_of_a_double_reads_back(void **state)
{
    (void)state;
    struct nastl_rng rng = test_rng(1);
    for (int i = 0; i < 100000; i++) {
        const double value = random_double(&rng);
        char text[32];
        const size_t length = nastl_number_text(text, value);
        double again;
        assert_int_equal(length, strlen(text));
        assert_true(strtod(text, NULL) == value);
        assert_true(nastl_number_parse(&again, text, length));
        assert_true(again == value);
    }
}

static size_t significant_digits(const char *text)
{
    size_t count = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (*text == '0' && count == 0))
            continue;
        count++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return count - zeros;
}

/* No decimal of fewer digits does: neither the nearest one nor its neighbours. */
static void the_text_of_a_double_is_the_shortest(void **state)
{
    (void)state;
    struct nastl_rng rng = test_rng(2);
    for (int i = 0; i < 50000; i++) {
        const double value = random_double(&rng);
        char text[32], shorter[64];
        nastl_number_text(text, value);
        const int digits = (int)significant_digits(text);
        if (digits < 2)
            continue;
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
        char *exponent = strchr(shorter, 'e');
        char *last = exponent - 1;
        const char kept = *last;
        for (int change = -1; change <= 1; change++) {
            if (kept + change < '0' || kept + change > '9')
                continue;
            *last = (char)(kept + change);
            assert_true(strtod(shorter, NULL) != value);
        }
    }
}

static void known_numbers_have_known_texts(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } known[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e22, "1e+22"},
        {100000, "100000"},
        {123456789, "123456789"},
        {5e-324, "5e-324"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {0x1p-44, "5.684341886080802e-14"},
        {9007199254740993.0, "9007199254740992"},
        {NAN, "nan"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char text[32];
        nastl_number_text(text, known[i].value);
        assert_string_equal(text, known[i].text);
    }
}

/* A random decimal as people and programs write them, and worse. */
static size_t random_decimal(char out[128], struct nastl_rng *rng)
{
    char *at = out;
    const uint64_t digits = 1 + nastl_rng_below(rng, nastl_rng_below(rng, 9) ? 22 : 80);
    const uint64_t point = nastl_rng_below(rng, digits + 2);
    if (nastl_rng_below(rng, 2))
        *at++ = nastl_rng_below(rng, 4) ? '-' : '+';
    for (uint64_t i = 0; i < digits; i++) {
        if (i == point)
            *at++ = '.';
        *at++ = nastl_rng_below(rng, 4) ? (char)('0' + nastl_rng_below(rng, 10)) : '0';
    }
    if (nastl_rng_below(rng, 2))
        at += sprintf(at, "%c%d", nastl_rng_below(rng, 2) ? 'e' : 'E',
                      (int)nastl_rng_below(rng, 700) - 350);
    else if (nastl_rng_below(rng, 2))
        at += sprintf(at, "e%+d", (int)nastl_rng_below(rng, 60) - 30);
    *at = '\0';
    return (size_t)(at - out);
}

static void parsing_gives_the_bits_of_strtod(void **state)
{
    (void)state;
    struct nastl_rng rng = test_rng(3);
    for (int i = 0; i < 300000; i++) {
        char text[128];
        double value;
        const size_t length = random_decimal(text, &rng);
        assert_true(nastl_number_parse(&value, text, length));
        assert_true(same_bits(value, strtod(text, NULL)));
    }
    static const char *const hard[] = {
        "18446744073709551616", /* 2^64: a 64-bit mantissa would be 0 */
        "18446744073709551615",
        "9007199254740993",
        "9007199254740991e22",
        "9007199254740991e-22",
        "9007199254740992e-22",
        "0.000000000000000000000000000000000000000001",
        "00000000000000000000000000000000000000001.5",
        "100000000000000000000000000000000000000000000",
        "2.2250738585072011e-308",
        "4.9e-324",
        "2e-324",
        "1.7976931348623159e308",
        "0e99999999999",
        "1e99999999999",
        "1e-99999999999",
        "-0",
        "-0.0e5",
        "1.",
        ".5",
    };
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
        double value;
        assert_true(nastl_number_parse(&value, hard[i], strlen(hard[i])));
        assert_true(same_bits(value, strtod(hard[i], NULL)));
    }
}

static void what_is_no_number_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",      " ",      " 1",  "1 ",  "a",    "1a",       "0x10", "nan", "NaN",
        "-",     "+",      ".",   "-.",  "e5",   ".e5",      "1e",   "1e+", "1e5.5",
        "--1",   "1-",     "1,5", "1_0", "inf ", "infinity", "in",   "+-1", "1.2.3",
        "1e5e5", "nan(1)", "1f",  "١",   "1\n",  "1e 5"};
    double value;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(nastl_number_parse(&value, texts[i], strlen(texts[i])));
    assert_false(nastl_number_parse(&value, "1\0", 2));
    assert_true(nastl_number_parse(&value, "12345", 2));
    assert_true(value == 12);
    assert_true(nastl_number_parse(&value, "-inf", 4) && value == -INFINITY);
    assert_true(nastl_number_parse(&value, "+inf", 4) && value == INFINITY);
}

/* ---- random streams ---------------------------------------------------------------- */

/* Random123's kat_vectors: philox4x32 with 10 rounds, counter and key 0. */
static void philox_gives_the_known_answer(void **state)
{
    (void)state;
    static const uint32_t known[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    struct nastl_rng rng;
    nastl_rng_init(&rng, 0, 0, (enum nastl_rng_purpose)0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(nastl_rng_u32(&rng), known[i]);
}

static void a_stream_is_its_three_numbers(void **state)
{
    (void)state;
    struct nastl_rng a, b;
    uint64_t first[100];
    nastl_rng_init(&a, 42, 7, NASTL_RNG_INIT);
    for (int i = 0; i < 100; i++)
        first[i] = nastl_rng_u64(&a);
    nastl_rng_init(&b, 42, 7, NASTL_RNG_INIT);
    for (int i = 0; i < 100; i++)
        assert_true(nastl_rng_u64(&b) == first[i]);
    const struct {
        uint64_t seed;
        uint32_t trial;
        enum nastl_rng_purpose purpose;
    } others[] = {{43, 7, NASTL_RNG_INIT},
                  {42 + (UINT64_C(1) << 32), 7, NASTL_RNG_INIT},
                  {42, 8, NASTL_RNG_INIT},
                  {42, 7, NASTL_RNG_SHUFFLE}};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        int equal = 0;
        nastl_rng_init(&b, others[k].seed, others[k].trial, others[k].purpose);
        for (int i = 0; i < 100; i++)
            equal += nastl_rng_u64(&b) == first[i];
        assert_int_equal(equal, 0);
    }
}

static void seeking_goes_to_a_block(void **state)
{
    (void)state;
    struct nastl_rng rng;
    uint32_t numbers[400];
    nastl_rng_init(&rng, 9, 1, NASTL_RNG_TEST);
    for (int i = 0; i < 400; i++)
        numbers[i] = nastl_rng_u32(&rng);
    for (int block = 99; block >= 0; block -= 7) {
        nastl_rng_seek(&rng, (uint64_t)block);
        for (int i = 4 * block; i < 400; i++)
            assert_true(nastl_rng_u32(&rng) == numbers[i]);
    }
}

/* Chi-squared over 10 cells: the 99.99 % quantile of 9 degrees is 33.7. */
static void below_and_uniform_are_even(void **state)
{
    (void)state;
    struct nastl_rng rng = test_rng(4);
    enum { DRAWS = 200000 };
    int cells[10] = {0}, halves[10] = {0};
    for (int i = 0; i < DRAWS; i++) {
        const double u = nastl_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        cells[nastl_rng_below(&rng, 10)]++;
        halves[(int)(10 * u)]++;
    }
    double chi = 0, chi_uniform = 0;
    for (int i = 0; i < 10; i++) {
        chi += pow(cells[i] - DRAWS / 10.0, 2) / (DRAWS / 10.0);
        chi_uniform += pow(halves[i] - DRAWS / 10.0, 2) / (DRAWS / 10.0);
    }
    assert_true(chi < 33.7 && chi_uniform < 33.7);
    for (int i = 0; i < 100; i++) {
        assert_true(nastl_rng_below(&rng, 1) == 0);
        assert_true(nastl_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
    }
}

static void normal_numbers_are_normal(void **state)
{
    (void)state;
    struct nastl_rng rng = test_rng(5);
    enum { DRAWS = 100000 };
    static double x[DRAWS];
    for (int i = 0; i < DRAWS; i++)
        x[i] = nastl_rng_normal(&rng);
    assert_true(fabs(nastl_stat_mean(x, DRAWS)) < 0.015); /* 4.7 standard errors */
    assert_true(fabs(nastl_stat_variance(x, DRAWS) - 1) < 0.02);
    nastl_stat_sort(x, DRAWS);
    for (double p = 0.05; p < 1; p += 0.05)
        assert_true(fabs(nastl_stat_normal_cdf(nastl_stat_quantile(x, DRAWS, p)) - p) <
                    0.01);
}

static void a_shuffle_is_a_permutation(void **state)
{
    (void)state;
    struct nastl_rng rng = test_rng(6);
    int32_t items[100];
    int first[3] = {0};
    for (int i = 0; i < 100; i++)
        items[i] = i;
    for (int round = 0; round < 50; round++) {
        bool seen[100] = {false};
        nastl_rng_shuffle(&rng, items, 100);
        for (int i = 0; i < 100; i++) {
            assert_false(seen[items[i]]);
            seen[items[i]] = true;
        }
    }
    for (int round = 0; round < 3000; round++) {
        int32_t three[] = {0, 1, 2};
        nastl_rng_shuffle(&rng, three, 3);
        first[three[0]]++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(first[i], 850, 1150);
    nastl_rng_shuffle(&rng, items, 0);
    nastl_rng_shuffle(&rng, items, 1);
}

/* ---- statistics -------------------------------------------------------------------- */

static void assert_close(double a, double b, double relative)
{
    if (!(fabs(a - b) <= relative * fabs(b)))
        fail_msg("%.17g is not %.17g", a, b);
}

static void moments_are_right(void **state)
{
    (void)state;
    const double x[] = {2, 4, 4, 4, 5, 5, 7, 9};
    assert_true(nastl_stat_mean(x, 8) == 5);
    assert_close(nastl_stat_variance(x, 8), 32.0 / 7, 1e-15);
    assert_close(nastl_stat_standard_error(x, 8), sqrt(32.0 / 7 / 8), 1e-15);
    assert_true(isnan(nastl_stat_mean(x, 0)));
    assert_true(nastl_stat_variance(x, 1) == 0);
    const double far[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
    assert_close(nastl_stat_variance(far, 4), 30, 1e-12);
}

/* numpy.quantile(x, q) of these six numbers. */
static void quantiles_are_numpys(void **state)
{
    (void)state;
    double x[] = {3.5, -1, 7, 0.25, 2, 10};
    const double known[][2] = {{0, -1},       {0.1, -0.375}, {0.25, 0.6875}, {0.5, 2.75},
                               {0.75, 6.125}, {0.9, 8.5},    {1, 10}};
    nastl_stat_sort(x, 6);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_close(nastl_stat_quantile(x, 6, known[i][0]), known[i][1], 1e-15);
    double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};
    assert_true(nastl_stat_median(odd, 3) == 2);
    assert_true(nastl_stat_median(even, 4) == 2.5);
    assert_true(nastl_stat_quantile(odd, 1, 0.3) == odd[0]);
    assert_true(isnan(nastl_stat_quantile(odd, 0, 0.5)));
}

static void sorting_puts_nan_last(void **state)
{
    (void)state;
    double x[] = {NAN, 3, -INFINITY, NAN, INFINITY, -2, 0};
    nastl_stat_sort(x, 7);
    assert_true(x[0] == -INFINITY && x[1] == -2 && x[2] == 0 && x[3] == 3);
    assert_true(x[4] == INFINITY && isnan(x[5]) && isnan(x[6]));
    nastl_stat_sort(NULL, 0);
}

/* The values of Wichura's paper, and both functions against each other. */
static void normal_quantiles_are_as241s(void **state)
{
    (void)state;
    assert_close(nastl_stat_normal_quantile(0.25), -0.6744897501960817, 1e-15);
    assert_close(nastl_stat_normal_quantile(0.001), -3.090232306167814, 1e-15);
    assert_close(nastl_stat_normal_quantile(1e-20), -9.262340089798408, 1e-15);
    assert_close(nastl_stat_normal_quantile(0.975), 1.959963984540054, 1e-15);
    assert_true(nastl_stat_normal_quantile(0.5) == 0);
    assert_true(nastl_stat_normal_quantile(0) == -INFINITY);
    assert_true(nastl_stat_normal_quantile(1) == INFINITY);
    for (double p = 1e-300; p < 1; p = p < 0.01 ? p * 10 : p + 0.01)
        assert_close(nastl_stat_normal_cdf(nastl_stat_normal_quantile(p)), p, 1e-12);
}

/* scipy.stats.t.ppf(0.975, n). */
static void student_quantiles_are_right(void **state)
{
    (void)state;
    assert_close(nastl_stat_student_t95(1), 12.706204736174694, 1e-4);
    assert_close(nastl_stat_student_t95(10), 2.2281388519649385, 1e-4);
    assert_close(nastl_stat_student_t95(30), 2.0422724563012373, 1e-4);
    assert_close(nastl_stat_student_t95(31), 2.0395134463964077, 1e-4);
    assert_close(nastl_stat_student_t95(100), 1.9839715184496334, 1e-4);
    assert_close(nastl_stat_student_t95(100000), 1.959987707534301, 1e-5);
    for (size_t n = 2; n < 200; n++)
        assert_true(nastl_stat_student_t95(n) < nastl_stat_student_t95(n - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_of_a_double_reads_back),
        cmocka_unit_test(the_text_of_a_double_is_the_shortest),
        cmocka_unit_test(known_numbers_have_known_texts),
        cmocka_unit_test(parsing_gives_the_bits_of_strtod),
        cmocka_unit_test(what_is_no_number_is_none),
        cmocka_unit_test(philox_gives_the_known_answer),
        cmocka_unit_test(a_stream_is_its_three_numbers),
        cmocka_unit_test(seeking_goes_to_a_block),
        cmocka_unit_test(below_and_uniform_are_even),
        cmocka_unit_test(normal_numbers_are_normal),
        cmocka_unit_test(a_shuffle_is_a_permutation),
        cmocka_unit_test(moments_are_right),
        cmocka_unit_test(quantiles_are_numpys),
        cmocka_unit_test(sorting_puts_nan_last),
        cmocka_unit_test(normal_quantiles_are_as241s),
        cmocka_unit_test(student_quantiles_are_right),
    };
    return cmocka_run_group_tests_name("base_number", tests, NULL, NULL);
}
