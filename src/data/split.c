/* split.c: see split.h. Rows are put in an order, which is then cut; groups are dealt out
 * one by one, the largest first, each to the share that lacks its rows most (as
 * scikit-learn's StratifiedGroupKFold, with fractions).
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/split.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- orders ------------------------------------------------------------------------ */

/* A row, or a group of rows, with what it is sorted by. */
struct item {
    double key;
    int32_t second, index;
};

static int by_key(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->second != y->second)
        return x->second < y->second ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static void sort_items(struct item *items, size_t count)
{
    if (count)
        qsort(items, count, sizeof *items, by_key);
}

static void start_rng(struct nastl_rng *rng, const struct nastl_division *d)
{
    nastl_rng_init(rng, d->seed, d->trial, NASTL_RNG_SPLIT);
}

static int32_t stratum_of(const struct nastl_division *d, size_t row)
{
    return d->stratum ? d->stratum[row] : 0;
}

/* The rows, stratum by stratum, as items whose key is the stratum. */
static struct item *rows_by_stratum(const struct nastl_division *d)
{
    struct item *items = nastl_alloc(d->count, sizeof *items);
    for (size_t i = 0; items && i < d->count; i++)
        items[i] = (struct item){stratum_of(d, i), 0, (int32_t)i};
    if (items)
        sort_items(items, d->count);
    return items;
}

/* The i-th of a stratum's n rows, after shuffling, stands at (i + 1/2) / n. */
static void place_stratum(struct item *items, size_t count, int32_t *scratch,
                          struct nastl_rng *rng)
{
    const int32_t stratum = (int32_t)items[0].key;
    for (size_t i = 0; i < count; i++)
        scratch[i] = items[i].index;
    nastl_rng_shuffle(rng, scratch, count);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct item){((double)i + 0.5) / (double)count, stratum, scratch[i]};
}

int nastl_stratified_order(int32_t *order, const struct nastl_division *d)
{
    struct nastl_rng rng;
    start_rng(&rng, d);
    struct item *items = rows_by_stratum(d);
    if (!items)
        return nastl_error_nomem("a split");
    for (size_t from = 0, to; from < d->count; from = to) {
        for (to = from + 1; to < d->count && items[to].key == items[from].key;)
            to++;
        place_stratum(items + from, to - from, order, &rng);
    }
    sort_items(items, d->count);
    for (size_t i = 0; i < d->count; i++)
        order[i] = items[i].index;
    free(items);
    return NASTL_OK;
}

static int time_order(int32_t *order, const struct nastl_division *d)
{
    struct item *items = nastl_alloc(d->count, sizeof *items);
    if (!items)
        return nastl_error_nomem("a split");
    for (size_t i = 0; i < d->count; i++)
        items[i] = (struct item){d->time[i], 0, (int32_t)i};
    sort_items(items, d->count);
    for (size_t i = 0; i < d->count; i++)
        order[i] = items[i].index;
    free(items);
    return NASTL_OK;
}

/* ---- cuts -------------------------------------------------------------------------- */

static size_t wanted(const double *fractions, size_t shares)
{
    size_t count = 0;
    for (size_t s = 0; s < shares; s++)
        count += fractions[s] > 0;
    return count;
}

/* Where the shares of a sequence of n end: at the rounded sums of the fractions, moved so
 * that none that is wanted is empty. */
static void make_cuts(size_t *cuts, size_t n, const double *fractions, size_t shares)
{
    size_t from = 0, later = wanted(fractions, shares);
    double sum = 0;
    for (size_t s = 0; s < shares; s++) {
        sum += fractions[s];
        size_t end = (size_t)fmin(floor(sum * (double)n + 0.5), (double)n);
        if (fractions[s] > 0)
            later--;
        const size_t least = from + (fractions[s] > 0);
        end = end < least ? least : end;
        end = end + later > n ? n - (later < n ? later : n) : end;
        cuts[s] = from = end < from ? from : end;
    }
}

static int divide_rows(uint8_t *share, const struct nastl_division *d,
                       const double *fractions, size_t shares)
{
    size_t cuts[NASTL_SHARES];
    int32_t *order = nastl_alloc(d->count, sizeof *order);
    if (!order)
        return nastl_error_nomem("a split");
    const int status = d->time ? time_order(order, d) : nastl_stratified_order(order, d);
    make_cuts(cuts, d->count, fractions, shares);
    for (size_t i = 0, s = 0; status == NASTL_OK && i < d->count; i++) {
        while (s + 1 < shares && i >= cuts[s])
            s++;
        share[order[i]] = (uint8_t)s;
    }
    free(order);
    return status;
}

/* ---- groups ------------------------------------------------------------------------ */

struct groups {
    size_t count;       /* G */
    int32_t *rows;      /* (n) rows, group after group */
    size_t *start;      /* (G + 1) where a group's rows begin */
    struct item *items; /* (G) in the order in which they are dealt out */
};

static void finish_groups(struct groups *g)
{
    free(g->rows);
    free(g->start);
    free(g->items);
}

static int list_groups(struct groups *g, const struct nastl_division *d)
{
    g->rows = nastl_alloc(d->count, sizeof *g->rows);
    g->start = nastl_alloc(d->count + 1, sizeof *g->start);
    struct item *items = nastl_alloc(d->count, sizeof *items);
    if (!g->rows || !g->start || !items) {
        free(items);
        return nastl_error_nomem("a split");
    }
    for (size_t i = 0; i < d->count; i++)
        items[i] = (struct item){d->group[i], 0, (int32_t)i};
    sort_items(items, d->count);
    for (size_t i = 0; i < d->count; i++) {
        if (i == 0 || items[i].key != items[i - 1].key)
            g->start[g->count++] = i;
        g->rows[i] = items[i].index;
    }
    g->start[g->count] = d->count;
    free(items);
    return NASTL_OK;
}

static double first_time(const struct groups *g, size_t group,
                         const struct nastl_division *d)
{
    double first = INFINITY;
    for (size_t i = g->start[group]; i < g->start[group + 1]; i++)
        first = fmin(first, d->time[g->rows[i]]);
    return first;
}

/* In time by their first row; else the largest first, equal ones at random. */
static int order_groups(struct groups *g, const struct nastl_division *d)
{
    struct nastl_rng rng;
    start_rng(&rng, d);
    g->items = nastl_alloc(g->count, sizeof *g->items);
    if (!g->items)
        return nastl_error_nomem("a split");
    for (size_t i = 0; i < g->count; i++) {
        const double size = (double)(g->start[i + 1] - g->start[i]);
        const double key = d->time ? first_time(g, i, d) : -size;
        g->items[i] = (struct item){key, (int32_t)(nastl_rng_u32(&rng) >> 1), (int32_t)i};
    }
    sort_items(g->items, g->count);
    return NASTL_OK;
}

static void give(uint8_t *share, const struct groups *g, size_t group, size_t to)
{
    for (size_t i = g->start[group]; i < g->start[group + 1]; i++)
        share[g->rows[i]] = (uint8_t)to;
}

/* In time: a group belongs where its middle row falls, but leaves enough groups for the
 * shares that follow, and moves on only once a share has one. */
static void deal_in_time(uint8_t *share, const struct groups *g, size_t n,
                         const double *fractions, size_t shares)
{
    size_t before = 0, s = 0, in_share = 0;
    double end = fractions[0];
    for (size_t i = 0; i < g->count; i++) {
        const size_t group = (size_t)g->items[i].index;
        const size_t size = g->start[group + 1] - g->start[group];
        const double middle = ((double)before + 0.5 * (double)size) / (double)n;
        const size_t left = g->count - i;
        while (s + 1 < shares &&
               ((in_share || !(fractions[s] > 0)) &&
                (middle >= end || left <= wanted(fractions + s + 1, shares - s - 1)))) {
            end += fractions[++s];
            in_share = 0;
        }
        give(share, g, group, s);
        in_share++;
        before += size;
    }
}

/* What each share still lacks of each stratum, as a part of the stratum. */
struct lack {
    double *of;  /* (shares, strata) */
    double *one; /* (strata) 1 / rows of the stratum */
    size_t strata;
};

static int make_lack(struct lack *lack, const struct nastl_division *d,
                     const double *fractions, size_t shares)
{
    lack->strata = 1;
    for (size_t i = 0; i < d->count; i++)
        if ((size_t)stratum_of(d, i) >= lack->strata)
            lack->strata = (size_t)stratum_of(d, i) + 1;
    lack->one = nastl_alloc_zero(lack->strata, sizeof *lack->one);
    lack->of = nastl_alloc(shares * lack->strata, sizeof *lack->of);
    if (!lack->one || !lack->of)
        return nastl_error_nomem("a split");
    for (size_t i = 0; i < d->count; i++)
        lack->one[stratum_of(d, i)] += 1;
    for (size_t c = 0; c < lack->strata; c++)
        lack->one[c] = lack->one[c] > 0 ? 1 / lack->one[c] : 0;
    for (size_t s = 0; s < shares; s++)
        for (size_t c = 0; c < lack->strata; c++)
            lack->of[s * lack->strata + c] = fractions[s];
    return NASTL_OK;
}

static size_t neediest(const struct lack *lack, const struct nastl_division *d,
                       const struct groups *g, size_t group, const bool *open,
                       size_t shares)
{
    size_t best = 0;
    double most = -INFINITY;
    for (size_t s = 0; s < shares; s++) {
        double need = 0;
        for (size_t i = g->start[group]; i < g->start[group + 1]; i++) {
            const size_t c = (size_t)stratum_of(d, (size_t)g->rows[i]);
            need += lack->of[s * lack->strata + c];
        }
        if (open[s] && need > most) {
            most = need;
            best = s;
        }
    }
    return best;
}

/* The shares that may take the next group: the empty ones, once there are only as many
 * groups left as empty shares. */
static void open_shares(bool *open, const size_t *taken, const double *fractions,
                        size_t shares, size_t left)
{
    size_t empty = 0;
    for (size_t s = 0; s < shares; s++)
        empty += fractions[s] > 0 && !taken[s];
    for (size_t s = 0; s < shares; s++)
        open[s] = fractions[s] > 0 && (left > empty || empty == 0 || !taken[s]);
}

static void deal_by_need(uint8_t *share, const struct groups *g,
                         const struct nastl_division *d, struct lack *lack,
                         const double *fractions, size_t shares)
{
    bool open[NASTL_SHARES];
    size_t taken[NASTL_SHARES] = {0};
    for (size_t i = 0; i < g->count; i++) {
        const size_t group = (size_t)g->items[i].index;
        open_shares(open, taken, fractions, shares, g->count - i);
        const size_t s = neediest(lack, d, g, group, open, shares);
        give(share, g, group, s);
        taken[s]++;
        for (size_t k = g->start[group]; k < g->start[group + 1]; k++) {
            const size_t c = (size_t)stratum_of(d, (size_t)g->rows[k]);
            lack->of[s * lack->strata + c] -= lack->one[c];
        }
    }
}

static int divide_groups(uint8_t *share, const struct nastl_division *d,
                         const double *fractions, size_t shares)
{
    struct groups g = {0};
    struct lack lack = {0};
    int status = list_groups(&g, d);
    if (status == NASTL_OK)
        status = order_groups(&g, d);
    if (status == NASTL_OK && !d->time)
        status = make_lack(&lack, d, fractions, shares);
    if (status == NASTL_OK && d->time)
        deal_in_time(share, &g, d->count, fractions, shares);
    else if (status == NASTL_OK)
        deal_by_need(share, &g, d, &lack, fractions, shares);
    free(lack.one);
    free(lack.of);
    finish_groups(&g);
    return status;
}

int nastl_divide(uint8_t *share, const struct nastl_division *division,
                 const double *fractions, size_t shares)
{
    return division->group ? divide_groups(share, division, fractions, shares)
                           : divide_rows(share, division, fractions, shares);
}
