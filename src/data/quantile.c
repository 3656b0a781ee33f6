/* quantile.c: see quantile.h. scikit-learn maps a value to the mean of its rank from
 * below and from above among up to 1,000 reference quantiles, and that to a normal
 * distribution:
 *
 *   p |          ___o-            o  a quantile of one value
 *     |      |--'                 |  an atom: many equal values, a jump from a to b;
 *     |   __o|                       the value itself gets (a + b) / 2
 *     |__o--   v                     (the lowest value gets 0, the highest 1)
 *
 * That curve is sampled densely in z = normal quantile of p, and knots are chosen among
 * the samples: first the ends, then always the sample that is worst approximated
 * (Douglas and Peucker 1973, by vertical distance), until 256 are used.
 *
 * Beside an atom the curve is sampled a little towards the next value that occurs, not at
 * the jump itself: so a value that is rounded otherwise stays on its step.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/quantile.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/stat.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { REFERENCES = 1000 };

static const double fine_step = 0.02;   /* between samples, in z */
static const double good_enough = 1e-3; /* no more knots below this error in z */
static const double empty_weight = 0.3; /* of samples where no training value lies */
static const double step_part =
    1. / 64;                          /* of the way to the next value, beside an atom */
static const double threshold = 1e-7; /* scikit-learn's BOUNDS_THRESHOLD */

/* One sample of the curve. */
struct sample {
    double x, z, weight;
};

struct samples {
    struct sample *at;
    size_t count;
};

/* A distinct reference quantile with the ranks it covers. */
struct vertex {
    double x, a, b;
    bool jumps; /* an atom */
};

/* ---- the curve --------------------------------------------------------------------- */

static double z_of(double p)
{
    const double end = nastl_stat_normal_quantile(1 - (threshold - DBL_EPSILON));
    return fmin(fmax(nastl_stat_normal_quantile(p), -end), end);
}

/* The k-th of `references` quantiles, linear between values as NumPy's. */
static double reference(const double *values, size_t n, size_t k, size_t references)
{
    const double at = (double)(k * (n - 1)) / (double)(references - 1);
    const size_t low = (size_t)at;
    if (low + 1 >= n)
        return values[n - 1];
    return values[low] + (at - (double)low) * (values[low + 1] - values[low]);
}

static size_t make_vertices(struct vertex *out, const double *values, size_t n)
{
    const size_t references = n < REFERENCES ? n : REFERENCES;
    size_t count = 0;
    for (size_t k = 0; k < references; k++) {
        const double p = (double)k / (double)(references - 1);
        const double x = reference(values, n, k, references);
        if (count && x <= out[count - 1].x) {
            out[count - 1].b = p;
            out[count - 1].jumps = true;
        } else {
            out[count++] = (struct vertex){x, p, p, false};
        }
    }
    return count;
}

/* Samples stand in ascending order; one that is there already is dropped. */
static void add(struct samples *s, double x, double z, double weight)
{
    if (s->count == 0 || x > s->at[s->count - 1].x)
        s->at[s->count++] = (struct sample){x, z, weight};
}

/* The number of values that are <= x. */
static size_t count_up_to(const double *values, size_t n, double x)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (values[middle] <= x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double rank_between(const struct vertex *from, const struct vertex *to, double x)
{
    return from->b + (to->a - from->b) * (x - from->x) / (to->x - from->x);
}

/* The float next to x, on the side of `towards`. */
static double next_float(double x, double towards)
{
    const double near = (float)x;
    const bool beyond = towards > x ? near > x : near < x;
    return beyond ? near : nextafterf((float)x, (float)towards);
}

/* The first float to sample beside a vertex; `value` is the next training value. */
static double beside(const struct vertex *vertex, double value)
{
    const double least = next_float(vertex->x, value);
    const double wished = (float)(vertex->x + step_part * (value - vertex->x));
    return vertex->jumps && fabs(wished - vertex->x) > fabs(least - vertex->x) ? wished
                                                                               : least;
}

/* The curve strictly between two vertices, at floats: beside both, and in steps of z.
 * `first` and `last` are the training values next to the vertices. */
static void sample_between(struct samples *s, const struct vertex *from,
                           const struct vertex *to, double first, double last)
{
    const double weight = first >= to->x ? empty_weight : 1;
    const double z0 = z_of(from->b), z1 = z_of(to->a);
    const double begin = beside(from, first), end = beside(to, last);
    const size_t steps = (size_t)ceil((z1 - z0) / fine_step);
    for (size_t i = 0; i <= steps; i++) {
        const double p =
            nastl_stat_normal_cdf(z0 + (z1 - z0) * (double)i / (double)steps);
        const double part = (p - from->b) / (to->a - from->b);
        const double x = (float)(from->x + (to->x - from->x) * part);
        const double inside = i == 0       ? begin
                              : i == steps ? end
                                           : fmin(fmax(x, begin), end);
        if (inside > from->x && inside < to->x)
            add(s, inside, z_of(rank_between(from, to, inside)), weight);
    }
}

/* The rank of a vertex itself. */
static double rank_of(const struct vertex *v, size_t at, size_t count)
{
    if (at == 0)
        return 0;
    return at + 1 == count ? 1 : 0.5 * (v[at].a + v[at].b);
}

static void sample_curve(struct samples *s, const struct vertex *v, size_t count,
                         const double *values, size_t n)
{
    for (size_t i = 0; i < count; i++) {
        if (v[i].x == (float)v[i].x)
            add(s, v[i].x, z_of(rank_of(v, i, count)), 1);
        if (i + 1 == count)
            break;
        const size_t up_to = count_up_to(values, n, v[i].x);
        size_t below = count_up_to(values, n, v[i + 1].x);
        while (below && values[below - 1] >= v[i + 1].x)
            below--;
        sample_between(s, &v[i], &v[i + 1], up_to < n ? values[up_to] : v[i + 1].x,
                       below ? values[below - 1] : v[i].x);
    }
}

/* ---- the knots --------------------------------------------------------------------- */

/* Between two knots: the sample that a straight line misses most. */
struct stretch {
    size_t from, to, worst;
    double error;
};

static void measure(struct stretch *stretch, const struct sample *at)
{
    const struct sample *from = &at[stretch->from], *to = &at[stretch->to];
    const double slope = (to->z - from->z) / (to->x - from->x);
    stretch->error = 0;
    for (size_t i = stretch->from + 1; i < stretch->to; i++) {
        const double line = from->z + slope * (at[i].x - from->x);
        const double error = at[i].weight * fabs(at[i].z - line);
        if (error > stretch->error) {
            stretch->error = error;
            stretch->worst = i;
        }
    }
}

/* `stretches` has room for NASTL_KNOTS - 1; returns how many there are. */
static size_t choose(struct stretch *stretches, const struct samples *s)
{
    size_t count = 1;
    stretches[0] = (struct stretch){.from = 0, .to = s->count - 1};
    measure(&stretches[0], s->at);
    while (count < NASTL_KNOTS - 1) {
        struct stretch *worst = &stretches[0];
        for (size_t i = 1; i < count; i++)
            if (stretches[i].error > worst->error)
                worst = &stretches[i];
        if (worst->error < good_enough)
            break;
        stretches[count] = (struct stretch){.from = worst->worst, .to = worst->to};
        worst->to = worst->worst;
        measure(worst, s->at);
        measure(&stretches[count++], s->at);
    }
    return count;
}

static int by_start(const void *a, const void *b)
{
    const size_t x = ((const struct stretch *)a)->from;
    const size_t y = ((const struct stretch *)b)->from;
    return (x > y) - (x < y);
}

static void put_knot(struct nastl_knots *out, const struct sample *sample)
{
    out->x[out->count] = sample->x;
    out->y[out->count++] = sample->z;
}

static void choose_knots(struct nastl_knots *out, const struct samples *s)
{
    struct stretch stretches[NASTL_KNOTS - 1];
    out->count = 0;
    if (s->count == 1) {
        put_knot(out, &s->at[0]);
        return;
    }
    const size_t count = choose(stretches, s);
    qsort(stretches, count, sizeof *stretches, by_start);
    for (size_t i = 0; i < count; i++)
        put_knot(out, &s->at[stretches[i].from]);
    put_knot(out, &s->at[s->count - 1]);
}

/* ---- fitting ----------------------------------------------------------------------- */

/* The most samples: three a vertex, and those in steps of z. */
static size_t most_samples(void)
{
    return 4 * REFERENCES + (size_t)(12 / fine_step);
}

int nastl_quantile_fit(struct nastl_knots *out, const double *values, size_t n)
{
    if (values[0] == values[n - 1]) {
        *out = (struct nastl_knots){.count = 1, .x = {values[0]}};
        return NASTL_OK;
    }
    struct vertex *vertices = nastl_alloc(REFERENCES, sizeof *vertices);
    struct samples s = {.at = nastl_alloc(most_samples(), sizeof *s.at)};
    if (vertices && s.at) {
        const size_t count = make_vertices(vertices, values, n);
        sample_curve(&s, vertices, count, values, n);
        choose_knots(out, &s);
        for (size_t i = 0; i < out->count; i++)
            out->y[i] = (float)out->y[i];
    }
    const int status = vertices && s.at ? NASTL_OK : nastl_error_nomem("a quantile map");
    free(vertices);
    free(s.at);
    return status;
}

int nastl_quantile_fit_label(struct nastl_knots *out, const double *values, size_t n)
{
    struct vertex *vertices = nastl_alloc(REFERENCES, sizeof *vertices);
    struct samples s = {.at = nastl_alloc(most_samples(), sizeof *s.at)};
    const double half = 0.5 / (double)n;
    if (vertices && s.at) {
        const size_t count =
            values[0] < values[n - 1] ? make_vertices(vertices, values, n) : 0;
        for (size_t i = 0; i < count; i++) {
            const double p = 0.5 * (vertices[i].a + vertices[i].b);
            add(&s, vertices[i].x, z_of(fmin(fmax(p, half), 1 - half)), 1);
        }
        if (count == 0)
            add(&s, values[0], 0, 1);
        choose_knots(out, &s);
    }
    const int status = vertices && s.at ? NASTL_OK : nastl_error_nomem("a quantile map");
    free(vertices);
    free(s.at);
    return status;
}
