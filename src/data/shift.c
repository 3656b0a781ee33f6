/* shift.c: how far apart two domains are, a column: the population stability index
 * (Siddiqi, "Credit Risk Scorecards", 2006). Empty bins count as one ten-thousandth.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/describe.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/stat.h"

#include <math.h>
#include <stdlib.h>

enum { BINS = 10, SOURCE = 1, TARGET = 2 };

static const double least_share = 1e-4;

/* `count` (2, bins): rows of the source, rows of the target. */
static double index_of(const size_t *count, size_t bins)
{
    double source = 0, target = 0, sum = 0;
    for (size_t i = 0; i < bins; i++) {
        source += (double)count[i];
        target += (double)count[bins + i];
    }
    if (source == 0 || target == 0)
        return NAN;
    for (size_t i = 0; i < bins; i++) {
        const double s = fmax((double)count[i] / source, least_share);
        const double t = fmax((double)count[bins + i] / target, least_share);
        sum += count[i] || count[bins + i] ? (t - s) * log(t / s) : 0;
    }
    return sum;
}

/* Ascending cuts between bins, without repetition; returns how many. */
static size_t make_cuts(double cuts[BINS], double *values, size_t n)
{
    size_t count = 0;
    nastl_stat_sort(values, n);
    for (size_t i = 1; n && i < BINS; i++) {
        const double cut = nastl_stat_quantile(values, n, (double)i / BINS);
        if (count == 0 || cut > cuts[count - 1])
            cuts[count++] = cut;
    }
    return count;
}

int nastl_shift_of_numbers(double *out, const double *number, const uint8_t *side,
                           size_t rows)
{
    size_t count[2][BINS + 1] = {{0}}, n = 0; /* the last bin: missing */
    double cuts[BINS];
    double *source = nastl_alloc(rows, sizeof *source);
    if (!source)
        return nastl_error_nomem("a column");
    for (size_t i = 0; i < rows; i++)
        if (side[i] == SOURCE && !isnan(number[i]))
            source[n++] = number[i];
    const size_t cut_count = make_cuts(cuts, source, n);
    free(source);
    for (size_t i = 0; i < rows; i++) {
        size_t bin = 0;
        while (bin < cut_count && number[i] > cuts[bin])
            bin++;
        if (side[i])
            count[side[i] == TARGET][isnan(number[i]) ? BINS : bin]++;
    }
    *out = index_of(count[0], BINS + 1);
    return NASTL_OK;
}

int nastl_shift_of_codes(double *out, const int32_t *code, size_t levels,
                         const uint8_t *side, size_t rows)
{
    const size_t bins = levels + 1;
    size_t *count = nastl_alloc_zero(2 * bins, sizeof *count);
    if (!count)
        return nastl_error_nomem("a column");
    for (size_t i = 0; i < rows; i++) {
        const size_t bin = code[i] < 0 ? levels : (size_t)code[i];
        if (side[i])
            count[(side[i] == TARGET) * bins + bin]++;
    }
    *out = index_of(count, bins);
    free(count);
    return NASTL_OK;
}
