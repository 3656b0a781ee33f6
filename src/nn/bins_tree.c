/* bins_tree.c: see bins.h.
 *
 * For labels as vectors y (numbers, or one-hot codes) the squared error within a set S of
 * n labels is  sum |y|^2 - |sum y|^2 / n,  so a cut into L and R gains
 *
 *   |sum_L y|^2 / n_L + |sum_R y|^2 / n_R - |sum_S y|^2 / n_S
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/bins.h"

#include "base/stat.h"

/* A leaf has at least this share of what an equal bin would have. */
static const double LEAST_SHARE = 0.25;

/* A cut that gains less than this share of the squared sums is rounding. */
static const double LEAST_GAIN = 1e-9;

static double square(const double *sums, size_t classes)
{
    double square = 0;
    for (size_t c = 0; c < classes; c++)
        square += sums[c] * sums[c];
    return square;
}

/* Adds `sign` times the label; returns by how much the squared sum grows. */
static double add_label(double *sums, size_t classes, double label, double sign)
{
    double *sum = classes > 1 ? &sums[(size_t)label] : sums;
    const double before = *sum;
    *sum += sign * (classes > 1 ? 1 : label);
    return *sum * *sum - before * before;
}

static void find_cut(struct nastl_bin_leaf *leaf, const struct nastl_bin_tree *tree,
                     const struct nastl_labelled *sorted, size_t least)
{
    const size_t classes = tree->classes, end = leaf->first + leaf->count;
    double left = 0, right;
    for (size_t c = 0; c < classes; c++)
        tree->left[c] = tree->right[c] = 0;
    for (size_t i = leaf->first; i < end; i++)
        add_label(tree->right, classes, sorted[i].label, 1);
    right = square(tree->right, classes);
    const double whole = right / (double)leaf->count;
    leaf->gain = LEAST_GAIN * whole;
    leaf->cut = 0;
    for (size_t i = leaf->first + 1; i < end; i++) {
        const size_t before = i - leaf->first, behind = end - i;
        left += add_label(tree->left, classes, sorted[i - 1].label, 1);
        right += add_label(tree->right, classes, sorted[i - 1].label, -1);
        const double gain = left / (double)before + right / (double)behind - whole;
        if (before >= least && behind >= least && sorted[i - 1].value < sorted[i].value &&
            gain > leaf->gain) {
            leaf->gain = gain;
            leaf->cut = i;
        }
    }
}

/* NULL where no leaf can be cut. */
static struct nastl_bin_leaf *best_leaf(struct nastl_bin_leaf *leaves, size_t count)
{
    struct nastl_bin_leaf *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (leaves[i].cut > 0 && (!best || leaves[i].gain > best->gain))
            best = &leaves[i];
    return best;
}

static size_t grow(const struct nastl_bin_tree *tree, size_t bins,
                   const struct nastl_labelled *sorted, size_t n)
{
    struct nastl_bin_leaf *leaves = tree->leaves, *leaf;
    const size_t least = 1 + (size_t)(LEAST_SHARE * (double)n / (double)bins);
    size_t count = 1;
    leaves[0] = (struct nastl_bin_leaf){.first = 0, .count = n};
    find_cut(&leaves[0], tree, sorted, least);
    while (count < bins && (leaf = best_leaf(leaves, count))) {
        const size_t end = leaf->first + leaf->count, cut = leaf->cut;
        leaves[count] = (struct nastl_bin_leaf){.first = cut, .count = end - cut};
        leaf->count = cut - leaf->first;
        find_cut(leaf, tree, sorted, least);
        find_cut(&leaves[count++], tree, sorted, least);
    }
    return count;
}

size_t nastl_bins_tree(double *cuts, size_t bins, const struct nastl_labelled *sorted,
                       size_t n, const struct nastl_bin_tree *tree)
{
    const size_t leaves = grow(tree, bins, sorted, n);
    size_t count = 0;
    cuts[count++] = sorted[0].value;
    for (size_t i = 0; i < leaves; i++) {
        const size_t first = tree->leaves[i].first;
        if (first > 0)
            cuts[count++] = (sorted[first - 1].value + sorted[first].value) / 2;
    }
    cuts[count++] = sorted[n - 1].value;
    nastl_stat_sort(cuts, count);
    return count;
}
