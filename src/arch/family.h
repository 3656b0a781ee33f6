/* family.h: the families that arch.c lists; each stands in a file of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_FAMILY_H
#define ARCH_FAMILY_H

#include "arch/arch.h"

extern const struct nastl_family nastl_family_mlp, nastl_family_resnet, nastl_family_tabm,
    nastl_family_ft_transformer;

/* The input and its numeric embedding, by the "input" keys: where a family starts. *at is
 * the node to read. */
int nastl_arch_input(size_t *at, struct nastl_graph *graph,
                     const struct nastl_candidate *candidate);

/* Values of a candidate with a check. NASTL_EINVAL names the key and what is accepted. */
int nastl_arch_whole(size_t *out, const struct nastl_candidate *candidate,
                     const char *key, size_t fallback, size_t low, size_t high);
int nastl_arch_number(double *out, const struct nastl_candidate *candidate,
                      const char *key, double fallback, double low, double high);
int nastl_arch_fraction(double *out, const struct nastl_candidate *candidate,
                        const char *key, double fallback); /* in [0, 1) */
/* The index of a text among `names` (NULL at the end). */
int nastl_arch_choice(int *out, const struct nastl_candidate *candidate, const char *key,
                      const char *const *names, int fallback);

#endif
