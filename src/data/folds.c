/* folds.c: K folds over the target's training and validation rows. Rows are dealt out
 * class by class, like cards; groups as in split.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/dataset.h"
#include "data/split.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>

enum { TRIAL_FOLDS = 1000 }; /* beyond those of dataset_part.c */

static bool takes_part(const struct nastl_dataset *dataset, size_t row)
{
    return dataset->part[row] == NASTL_PART_TRAIN ||
           dataset->part[row] == NASTL_PART_VALID;
}

static size_t class_of(const struct nastl_dataset *dataset, size_t row)
{
    return dataset->class_count ? (size_t)dataset->label[row] : 0;
}

/* One class after the other, each in a random order: row i gets fold (dealt so far) % K.
 */
static int deal_rows(int32_t *of, const struct nastl_dataset *dataset, size_t folds,
                     uint64_t seed)
{
    const size_t classes = dataset->class_count ? dataset->class_count : 1;
    int32_t *rows = nastl_alloc(dataset->rows, sizeof *rows);
    if (!rows)
        return nastl_error_nomem("the folds");
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, TRIAL_FOLDS, NASTL_RNG_SPLIT);
    size_t dealt = 0;
    for (size_t c = 0; c < classes; c++) {
        size_t n = 0;
        for (size_t i = 0; i < dataset->rows; i++)
            if (takes_part(dataset, i) && class_of(dataset, i) == c)
                rows[n++] = (int32_t)i;
        nastl_rng_shuffle(&rng, rows, n);
        for (size_t i = 0; i < n; i++)
            of[rows[i]] = (int32_t)(dealt++ % folds);
    }
    free(rows);
    return NASTL_OK;
}

/* The rows that take part, side by side as nastl_divide() wants them. */
struct chosen {
    size_t count;
    int32_t *row, *stratum, *group;
    uint8_t *share;
};

static int choose(struct chosen *c, const struct nastl_dataset *dataset)
{
    c->row = nastl_alloc(dataset->rows, sizeof *c->row);
    c->stratum = nastl_alloc(dataset->rows, sizeof *c->stratum);
    c->group = nastl_alloc(dataset->rows, sizeof *c->group);
    c->share = nastl_alloc(dataset->rows, sizeof *c->share);
    if (!c->row || !c->stratum || !c->group || !c->share)
        return nastl_error_nomem("the folds");
    for (size_t i = 0; i < dataset->rows; i++) {
        if (!takes_part(dataset, i))
            continue;
        c->row[c->count] = (int32_t)i;
        c->stratum[c->count] = (int32_t)class_of(dataset, i);
        c->group[c->count++] = dataset->group[i];
    }
    return NASTL_OK;
}

static int deal_chosen(struct chosen *c, size_t folds, uint64_t seed)
{
    double fractions[NASTL_SHARES];
    for (size_t k = 0; k < folds; k++)
        fractions[k] = 1 / (double)folds;
    const struct nastl_division division = {.count = c->count,
                                            .stratum = c->stratum,
                                            .group = c->group,
                                            .seed = seed,
                                            .trial = TRIAL_FOLDS};
    return nastl_divide(c->share, &division, fractions, folds);
}

static int deal_groups(int32_t *of, const struct nastl_dataset *dataset, size_t folds,
                       uint64_t seed)
{
    struct chosen c = {0};
    int status = choose(&c, dataset);
    if (status == NASTL_OK)
        status = deal_chosen(&c, folds, seed);
    for (size_t i = 0; status == NASTL_OK && i < c.count; i++)
        of[c.row[i]] = c.share[i];
    free(c.row);
    free(c.stratum);
    free(c.group);
    free(c.share);
    return status;
}

/* Every fold validates on something. */
static int check_folds(const int32_t *of, const struct nastl_dataset *dataset,
                       size_t folds)
{
    bool filled[NASTL_SHARES] = {false};
    size_t count = 0;
    for (size_t i = 0; i < dataset->rows; i++)
        if (of[i] >= 0 && !filled[of[i]]) {
            filled[of[i]] = true;
            count++;
        }
    if (count == folds)
        return NASTL_OK;
    return nastl_error(NASTL_EINVAL,
                       "--folds %zu: there are only %zu %s; give fewer folds", folds,
                       count, dataset->group ? "groups" : "rows");
}

int nastl_dataset_folds(int32_t **out, const struct nastl_dataset *dataset, size_t folds,
                        uint64_t seed)
{
    if (folds < 2 || folds > NASTL_SHARES)
        return nastl_error(NASTL_EINVAL, "--folds %zu: not possible; give 2 to %d", folds,
                           NASTL_SHARES);
    int32_t *of = nastl_alloc(dataset->rows, sizeof *of);
    if (!of)
        return nastl_error_nomem("the folds");
    for (size_t i = 0; i < dataset->rows; i++)
        of[i] = -1;
    int status = dataset->group ? deal_groups(of, dataset, folds, seed)
                                : deal_rows(of, dataset, folds, seed);
    if (status == NASTL_OK)
        status = check_folds(of, dataset, folds);
    if (status < 0)
        free(of);
    else
        *out = of;
    return status;
}
