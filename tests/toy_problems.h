/* toy_problems.h: mathematical functions on spaces: what searchers are tested with. A
 * network's keys stand for the variables of a function, as numbers in [0, 1].
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TOY_PROBLEMS_H
#define TESTS_TOY_PROBLEMS_H

#include "space/space.h"

enum { TOY_MOST_OBJECTIVES = 4 };

struct toy_problem {
    const char *name;
    const char *yaml;
    size_t objectives; /* all minimised */
    void (*evaluate)(double *values, const struct nastl_space *space,
                     const struct nastl_point *point);
    double reference[TOY_MOST_OBJECTIVES];
    double enough; /* the volume that 300 trials of any searcher reach */
    double best;   /* the volume of the best known front, about */
};

enum { TOY_SPHERE, TOY_BRANIN, TOY_ZDT1, TOY_NETWORK };

/* Ended by one whose name is NULL. */
extern const struct toy_problem toy_problems[];

#endif
