/* match.c: see match.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "transfer/match.h"

#include "base/error.h"
#include "base/strmap.h"

#include <string.h>

/* One of the two networks. */
struct side {
    const struct nastl_graph *graph;
    const struct nastl_layout *layout;
};

static int index_add(struct nastl_strmap *map, const char *text, size_t at)
{
    return nastl_strmap_set(map, text, strlen(text), (int64_t)at);
}

static long index_find(const struct nastl_strmap *map, const char *text)
{
    return (long)nastl_strmap_get(map, text, strlen(text), -1);
}

static int index_texts(struct nastl_strmap *map, char *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY(index_add(map, items[i], i));
    return NASTL_OK;
}

/* `of[i]`: where in `from` the text to[i] stands, or -1. */
static int match_texts(long *of, char *const *to, size_t to_count, char *const *from,
                       size_t from_count)
{
    struct nastl_strmap map;
    nastl_strmap_init(&map);
    const int status = index_texts(&map, from, from_count);
    for (size_t i = 0; i < to_count && status == NASTL_OK; i++)
        of[i] = index_find(&map, to[i]);
    nastl_strmap_finish(&map);
    return status;
}

/* ---- inputs ---- */

static void match_numbers(struct nastl_match *match,
                          const struct nastl_layout_feature *to,
                          const struct nastl_layout_feature *from)
{
    match->input[to->at] = (long)from->at;
    if (to->indicator >= 0 && from->indicator >= 0)
        match->input[to->indicator] = from->indicator;
}

/* Codes: 0 unseen, 1 … the levels, then missing. */
static int match_codes(struct nastl_code_match *codes,
                       const struct nastl_layout_feature *to,
                       const struct nastl_layout_feature *from)
{
    codes->column = (long)from->at;
    codes->code[0] = 0;
    TRY(match_texts(codes->code + 1, to->levels, to->level_count, from->levels,
                    from->level_count));
    for (size_t i = 1; i <= to->level_count; i++)
        codes->code[i] += codes->code[i] >= 0;
    if (to->missing_level && from->missing_level)
        codes->code[to->level_count + 1] = (long)from->level_count + 1;
    return NASTL_OK;
}

/* The columns by which two encodings of the same kind enter. */
static void match_encoding(struct nastl_match *match, const struct nastl_encoding *to,
                           const struct nastl_encoding *from, const long *code)
{
    for (size_t i = 0; i < to->width; i++) {
        const long at = to->embedded ? (long)i : code[i];
        if (at >= 0 && (size_t)at < from->width)
            match->input[to->at + i] = (long)from->at + at;
    }
}

static int match_feature(struct nastl_match *match, const struct side *to,
                         const struct nastl_layout_feature *feature,
                         const struct side *from, const struct nastl_layout_feature *twin)
{
    if (feature->kind != twin->kind)
        return NASTL_OK;
    if (feature->kind == NASTL_NUMERIC) {
        match_numbers(match, feature, twin);
        return NASTL_OK;
    }
    const struct nastl_encoding *encoding = &to->graph->encodings[feature->at];
    const struct nastl_encoding *source = &from->graph->encodings[twin->at];
    if (encoding->embedded != source->embedded)
        return NASTL_OK;
    struct nastl_code_match *codes = &match->codes[feature->at];
    TRY(match_codes(codes, feature, twin));
    match_encoding(match, encoding, source, codes->code);
    return NASTL_OK;
}

static int index_features(struct nastl_strmap *map, const struct nastl_layout *layout)
{
    for (size_t i = 0; i < layout->feature_count; i++)
        TRY(index_add(map, layout->features[i].name, i));
    return NASTL_OK;
}

static int match_features(struct nastl_match *match, const struct side *to,
                          const struct side *from)
{
    struct nastl_strmap map;
    nastl_strmap_init(&map);
    int status = index_features(&map, from->layout);
    for (size_t i = 0; i < to->layout->feature_count && status == NASTL_OK; i++) {
        const struct nastl_layout_feature *feature = &to->layout->features[i];
        const long twin = index_find(&map, feature->name);
        if (twin >= 0)
            status =
                match_feature(match, to, feature, from, &from->layout->features[twin]);
    }
    nastl_strmap_finish(&map);
    return status;
}

/* ---- outputs ---- */

static int match_outputs(struct nastl_match *match, const struct nastl_layout *to,
                         const struct nastl_layout *from)
{
    if (to->task != from->task)
        return NASTL_OK;
    if (to->task == NASTL_TASK_MULTICLASS)
        return match_texts(match->output, to->classes, to->class_count, from->classes,
                           from->class_count);
    bool same = true;
    for (size_t c = 0; c < to->class_count; c++)
        same = same && strcmp(to->classes[c], from->classes[c]) == 0;
    match->output[0] = same ? 0 : -1;
    return NASTL_OK;
}

/* ---- both ---- */

static long *none_of(struct nastl_arena *memory, size_t count)
{
    long *of = nastl_arena_alloc(memory, count ? count : 1, sizeof *of);
    for (size_t i = 0; i < count && of; i++)
        of[i] = -1;
    return of;
}

/* Nothing matches yet. */
static int prepare(struct nastl_match *match, const struct nastl_graph *graph)
{
    const struct nastl_shape *shape = &graph->shape;
    const size_t columns = shape->categorical;
    nastl_arena_init(&match->memory);
    match->input = none_of(&match->memory, graph->nodes[0].width);
    match->output = none_of(&match->memory, shape->outputs);
    match->codes =
        nastl_arena_alloc(&match->memory, columns ? columns : 1, sizeof *match->codes);
    bool complete = match->input && match->output && match->codes;
    for (size_t k = 0; k < columns && complete; k++) {
        match->codes[k].column = -1;
        match->codes[k].code = none_of(&match->memory, shape->cardinality[k]);
        complete = match->codes[k].code != NULL;
    }
    return complete ? NASTL_OK : nastl_error_nomem("a match of columns");
}

int nastl_match_init(struct nastl_match *out, const struct nastl_graph *graph,
                     const struct nastl_layout *layout,
                     const struct nastl_graph *source_graph,
                     const struct nastl_layout *source_layout)
{
    const struct side to = {graph, layout}, from = {source_graph, source_layout};
    TRY(prepare(out, graph));
    TRY(match_features(out, &to, &from));
    return match_outputs(out, layout, source_layout);
}

void nastl_match_finish(struct nastl_match *match)
{
    nastl_arena_finish(&match->memory);
}
