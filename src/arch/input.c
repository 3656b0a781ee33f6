/* input.c: what stands before every family: the columns, and numeric columns perhaps as
 * several inputs each (Gorishniy et al. 2022).
 *
 *   key                           accepted                            default
 *   input.numeric_embedding       none, piecewise_linear, periodic,
 *                                 pbld                                none
 *   input.embedding_width         1 … 64, of pbld 2 … 64              8
 *   input.embedding_bins          2 … 128                             16
 *   input.embedding_edges         quantiles, tree                     quantiles
 *   input.embedding_frequencies   1 … 96                              16
 *   input.embedding_scale         0 … 100                             0.1
 *   input.front_scale             none, learned                       none
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "arch/family.h"

#include "base/error.h"

enum { NONE, PIECEWISE_LINEAR, PERIODIC, PBLD };

static const char *const embeddings[] = {"none", "piecewise_linear", "periodic", "pbld",
                                         NULL};
static const char *const edges_by[] = {"quantiles", "tree", NULL};
static const char *const front_scales[] = {"none", "learned", NULL};

static int add_embedding(size_t *at, struct nastl_graph *graph,
                         const struct nastl_candidate *candidate, int embedding)
{
    size_t width, bins, frequencies;
    int edges;
    TRY(nastl_arch_whole(&width, candidate, "input.embedding_width", 8,
                         embedding == PBLD ? 2 : 1, 64));
    if (embedding == PIECEWISE_LINEAR) {
        TRY(nastl_arch_whole(&bins, candidate, "input.embedding_bins", 16, 2, 128));
        TRY(nastl_arch_choice(&edges, candidate, "input.embedding_edges", edges_by, 0));
        *at = nastl_graph_piecewise(graph, *at, "embeddings.numeric", bins, width,
                                    edges == 1);
        return 0;
    }
    TRY(nastl_arch_whole(&frequencies, candidate, "input.embedding_frequencies", 16, 1,
                         96));
    const double scale = nastl_candidate_number(candidate, "input.embedding_scale", 0.1);
    if (!(scale >= 0.0 && scale <= 100.0))
        return nastl_error(NASTL_EINVAL,
                           "input.embedding_scale: %g cannot be built; give "
                           "a number from 0 to 100",
                           scale);
    *at = embedding == PBLD ? nastl_graph_pbld(graph, *at, "embeddings.numeric",
                                               frequencies, width, scale)
                            : nastl_graph_periodic(graph, *at, "embeddings.numeric",
                                                   frequencies, width, scale);
    return 0;
}

int nastl_arch_input(size_t *at, struct nastl_graph *graph,
                     const struct nastl_candidate *candidate)
{
    int embedding, front;
    TRY(nastl_arch_choice(&embedding, candidate, "input.numeric_embedding", embeddings,
                          NONE));
    TRY(nastl_arch_choice(&front, candidate, "input.front_scale", front_scales, 0));
    *at = nastl_graph_input(graph);
    if (embedding != NONE && graph->shape.numeric > 0)
        TRY(add_embedding(at, graph, candidate, embedding));
    if (front)
        *at = nastl_graph_front_scale(graph, *at, "front");
    return 0;
}
