/* bins.h: where the bins of a piecewise-linear embedding begin and end (Gorishniy et al.
 * 2022).
 *
 * A column of training rows is sorted, and cut into at most `bins` bins: in quantiles, or
 * by a tree that tells the labels apart. Edges are written to `cuts` (bins + 1) in
 * ascending order, the smallest and the largest number included; the return value says
 * how many there are. SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_BINS_H
#define NN_BINS_H

#include <stddef.h>

size_t nastl_bins_quantile(double *cuts, size_t bins, const double *sorted, size_t n);

struct nastl_labelled {
    double value; /* of the column */
    double label; /* class index, or a number */
};

/* A node of the tree: so many of the sorted numbers, and where to cut them best. */
struct nastl_bin_leaf {
    size_t first, count, cut;
    double gain;
};

/* What a tree is grown with: `leaves` (bins), `left` and `right` (classes). One class:
 * the label is a number. */
struct nastl_bin_tree {
    size_t classes;
    double *left, *right;
    struct nastl_bin_leaf *leaves;
};

/* Best first, as a regression or classification tree with `bins` leaves at most (Breiman
 * et al. 1984): each cut takes most off the squared error of the labels, or of their
 * one-hot codes, which is Gini's impurity. */
size_t nastl_bins_tree(double *cuts, size_t bins, const struct nastl_labelled *sorted,
                       size_t n, const struct nastl_bin_tree *tree);

#endif
