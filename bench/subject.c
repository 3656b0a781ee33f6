/* subject.c: networks by name, and random rows. SPDX-License-Identifier: Apache-2.0 */
#include "subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"
#include "space/space.h"

/* An epoch of a transformer, one step, is to end within a slice. */
enum { TOKEN_ROWS = 256 };

struct size {
    unsigned layers, width, batch;
    bool tokens;  /* ft-wW */
    bool members; /* tabm-hH */
    bool preset;  /* realmlp */
};

static int parse(struct size *out, const char *name)
{
    int end = 0;
    *out = (struct size){.layers = 3, .batch = 256};
    if (sscanf(name, "mlp-h%u-b%u%n", &out->width, &out->batch, &end) == 2 && !name[end])
        return 0;
    *out = (struct size){.batch = 256};
    if (sscanf(name, "mlp-%ux%u%n", &out->layers, &out->width, &end) == 2 && !name[end])
        return 0;
    *out = (struct size){.batch = 256, .tokens = true};
    if (sscanf(name, "ft-w%u%n", &out->width, &end) == 1 && !name[end])
        return 0;
    *out = (struct size){.layers = 3, .batch = 256, .members = true};
    if (sscanf(name, "tabm-h%u%n", &out->width, &end) == 1 && !name[end])
        return 0;
    *out = (struct size){.preset = true};
    if (strcmp(name, "realmlp") == 0)
        return 0;
    return nastl_error(NASTL_ENOTSUP,
                       "'%s': no such network here; name mlp-hH-bB, mlp-LxH, ft-wW, "
                       "tabm-hH or realmlp",
                       name);
}

/* 3 blocks, 8 heads, ReGLU 4/3: the defaults. */
static int describe_transformer(struct nastl_candidate *candidate,
                                const struct size *size)
{
    TRY(nastl_candidate_set(candidate, "family", "ft_transformer", 0));
    TRY(nastl_candidate_set(candidate, "ft_transformer.attention_dropout", NULL, 0));
    TRY(nastl_candidate_set(candidate, "ft_transformer.ffn_dropout", NULL, 0));
    return nastl_candidate_set(candidate, "ft_transformer.token_width", NULL,
                               size->width);
}

static int describe_perceptron(struct nastl_candidate *candidate, const struct size *size)
{
    TRY(nastl_candidate_set(candidate, "mlp.layers", NULL, size->layers));
    return nastl_candidate_set(candidate, "mlp.width", NULL, size->width);
}

/* 32 members with scales of their own, on embeddings of 12 numbers a column. */
static int describe_ensemble(struct nastl_candidate *candidate, const struct size *size)
{
    TRY(nastl_candidate_set(candidate, "family", "tabm", 0));
    TRY(nastl_candidate_set(candidate, "input.numeric_embedding", "piecewise_linear", 0));
    TRY(nastl_candidate_set(candidate, "input.embedding_width", NULL, 12));
    TRY(nastl_candidate_set(candidate, "tabm.kind", "full", 0));
    TRY(nastl_candidate_set(candidate, "tabm.layers", NULL, size->layers));
    TRY(nastl_candidate_set(candidate, "tabm.dropout", NULL, 0.1));
    return nastl_candidate_set(candidate, "tabm.width", NULL, size->width);
}

static int describe_network(struct nastl_candidate *candidate, const struct size *size)
{
    return (size->tokens    ? describe_transformer
            : size->members ? describe_ensemble
                            : describe_perceptron)(candidate, size);
}

/* In a preset everything is fixed. */
static int describe_preset(struct nastl_candidate *candidate)
{
    struct nastl_space *space;
    struct nastl_point *point;
    struct nastl_rng rng;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    TRY(nastl_space_preset(&space, "realmlp", false));
    int status = nastl_point_create(&point, space);
    if (status == 0) {
        nastl_space_sample(space, &rng, point);
        status = nastl_point_candidate(candidate, space, point);
        nastl_point_destroy(point);
    }
    nastl_space_destroy(space);
    return status;
}

static int describe(struct nastl_candidate *candidate, const struct size *size)
{
    if (size->preset)
        return describe_preset(candidate);
    TRY(describe_network(candidate, size));
    TRY(nastl_candidate_set(candidate, "training.batch_size", NULL, size->batch));
    TRY(nastl_candidate_set(candidate, "training.weight_decay", NULL, 1e-2));
    return nastl_candidate_set(candidate, "training.clip", NULL, 0.0);
}

static int create_net(struct subject *subject, const struct size *size)
{
    struct nastl_candidate candidate;
    const struct nastl_shape shape = {.numeric = SUBJECT_INPUTS,
                                      .outputs = SUBJECT_CLASSES};
    nastl_candidate_init(&candidate);
    int status = describe(&candidate, size);
    if (status == 0) {
        nastl_recipe_of(&subject->params.recipe, &candidate);
        status = nastl_arch_build(&subject->graph, &candidate, &shape);
    }
    nastl_candidate_finish(&candidate);
    TRY(status);
    TRY(nastl_net_create(&subject->net, subject->graph));
    nastl_net_init(subject->net, 1, 0);
    return 0;
}

static int create_rows(struct subject *subject, size_t rows)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    subject->xy = (struct nastl_xy){.rows = rows, .numeric = SUBJECT_INPUTS};
    subject->xy.x = nastl_alloc(rows * SUBJECT_INPUTS, sizeof(float));
    subject->y = nastl_alloc(rows, sizeof(float));
    subject->rows = nastl_alloc(rows, sizeof *subject->rows);
    if (!subject->xy.x || !subject->y || !subject->rows)
        return nastl_error_nomem("rows to train on");
    for (size_t i = 0; i < rows * SUBJECT_INPUTS; i++)
        subject->xy.x[i] = (float)nastl_rng_normal(&rng);
    for (size_t i = 0; i < rows; i++) {
        subject->y[i] = (float)nastl_rng_below(&rng, SUBJECT_CLASSES);
        subject->rows[i] = (int32_t)i;
    }
    return 0;
}

int subject_create(struct subject *out, const char *name, size_t rows)
{
    struct size size;
    *out = (struct subject){0};
    TRY(parse(&size, name));
    int status = create_net(out, &size);
    if (status == 0)
        status = create_rows(out, size.tokens && rows > TOKEN_ROWS ? TOKEN_ROWS : rows);
    if (status < 0) {
        subject_destroy(out);
        return status;
    }
    out->params.loss = NASTL_LOSS_CROSS_ENTROPY;
    out->params.seed = 1;
    out->params.xy = &out->xy;
    out->params.y = out->y;
    out->params.train = out->rows;
    out->params.train_count = out->xy.rows;
    return 0;
}

void subject_destroy(struct subject *subject)
{
    nastl_net_destroy(subject->net);
    nastl_graph_destroy(subject->graph);
    free(subject->xy.x);
    free(subject->y);
    free(subject->rows);
    *subject = (struct subject){0};
}
