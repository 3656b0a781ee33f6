/* train.h: training one network on prepared rows: AdamW (Loshchilov and Hutter 2019),
 * mini batches, early stopping, the best epoch kept.
 *
 * Given the same parameters and rows, the same bits come out, whatever other threads do.
 * A step allocates nothing and creates no primitive. SPDX-License-Identifier: Apache-2.0
 */
#ifndef NN_TRAIN_H
#define NN_TRAIN_H

#include "nn/guide.h"
#include "nn/net.h"

struct nastl_trainer; /* trainer.h */

enum nastl_loss {
    NASTL_LOSS_CROSS_ENTROPY,        /* y: class index */
    NASTL_LOSS_BINARY_CROSS_ENTROPY, /* y: 0 or 1, one logit */
    NASTL_LOSS_SQUARED_ERROR,        /* y: standardised value */
    NASTL_LOSS_HUBER,                /* the same; half its square up to 1, then linear */
    NASTL_LOSS_COUNT
};

enum nastl_schedule {
    NASTL_SCHEDULE_CONSTANT,
    NASTL_SCHEDULE_COSINE,      /* to 0 at the last of max_epochs */
    NASTL_SCHEDULE_FLAT_COSINE, /* constant for the first half, then so */
    NASTL_SCHEDULE_COSLOG4,     /* four waves from 0, each twice as long as the last */
    NASTL_SCHEDULE_COUNT
};
int nastl_schedule_from_name(const char *name); /* -1 if unknown */

struct nastl_recipe {
    double learning_rate; /* default 1e-3 */
    double weight_decay;  /* decoupled; no biases, no norms */
    bool decays_all; /* embeddings, front scale and shares of activations decay, too */
    double bias_rate, front_rate, embedding_rate,
        share_rate;      /* factors of the learning rate; 0: 1 */
    double beta1, beta2; /* default 0.9, 0.999 */
    size_t batch_size;   /* default 256 */
    size_t max_epochs;   /* default 100 */
    size_t patience;     /* epochs without a better score; 0: no early stopping. A guide's
                            phases before the last do not count, and are not cut */
    bool judged;         /* see training.kept: the caller decides keeps_newest by it */
    bool keeps_newest;   /* the last epoch is kept, whatever its score */
    bool keeps_last;     /* of epochs with the same score; else that of the lowest loss */
    size_t score_window; /* epochs over whose mean score the best is picked; 0: 1; of
                            averaged weights, where there are any */
    double clip;         /* largest norm of the gradient; 0: none; default 1 */
    enum nastl_schedule schedule; /* of the learning rate */
    enum nastl_schedule dropout_schedule, decay_schedule;
    size_t warmup_epochs;   /* over which the learning rate rises to its full size */
    double label_smoothing; /* classes: share of a label that goes to all; default 0 */
    bool balanced;          /* classes: each weighs the same, however many rows it has */
    bool huber;             /* regression: NASTL_LOSS_HUBER is wanted */
    size_t weight_average;  /* epochs; see nastl_train(); 0: none */
};
/* The recipe of a candidate ("training.…" keys), defaults filled in. */
void nastl_recipe_of(struct nastl_recipe *out, const struct nastl_candidate *candidate);

/* Asked after each epoch; false stops the training (an interrupt, a deadline). */
typedef bool (*nastl_epoch)(size_t epoch, double train_loss, double score, void *payload);

/* Asked before each step, and now and then while validation rows are looked at; false
 * stops the training there. The epoch that was begun does not count, and its steps leave
 * no trace, unless its weights were the best already. */
typedef bool (*nastl_poll)(void *payload);

/* Scores the validation outputs (valid_count, outputs): higher is better. */
typedef double (*nastl_score)(const float *outputs, void *payload);

/* What a training that outlives its process needs: trainer.h says how a trainer is
 * copied. `seconds` are those of the training up to now, in earlier processes too. */
struct nastl_keeper {
    /* Puts a new trainer where the training was left, if it was, and sets *seconds. */
    void (*restore)(double *seconds, struct nastl_trainer *trainer, void *payload);
    /* The trainer stands between two epochs. */
    void (*look)(struct nastl_trainer *trainer, double seconds, void *payload);
    void *payload;
};

struct nastl_train_params {
    struct nastl_recipe recipe;
    enum nastl_loss loss;
    uint64_t seed;
    uint32_t trial; /* stream of shuffles and dropout */
    const struct nastl_xy *xy;
    const float *y;       /* (xy->rows) */
    const float *weights; /* (xy->rows) how much a row counts in the training loss,
                             whose mean divides by their number; NULL: 1 */
    const int32_t *train, *valid; /* rows of xy */
    size_t train_count,
        valid_count;   /* valid_count 0: all epochs are run, the last kept */
    size_t epoch_rows; /* of `train`, drawn anew for each epoch; 0: all */
    nastl_score score; /* NULL: the validation loss, negated */
    void *score_payload;
    nastl_epoch epoch; /* may be NULL */
    void *epoch_payload;
    nastl_poll poll; /* may be NULL */
    void *poll_payload;
    const struct nastl_keeper *keeper; /* may be NULL */
    const struct nastl_guide *guide;   /* may be NULL */
};

struct nastl_train_result {
    size_t epochs, best_epoch; /* run; kept, from 1; 0: none was better than the start */
    size_t steps;
    double score;   /* of the kept epoch */
    double seconds; /* in earlier processes too */
    bool stopped;   /* by `epoch` or `poll` */
};

/* Trains `net` from the weights it has, or from where `keeper` has it, and leaves the
 * best epoch's weights in it: the loop over epochs, of which there is no other.
 *
 * weight_average n > 0: after each epoch the mean of the weights of the last n (at most
 * of the later half of them) is looked at too (Izmailov et al. 2018), and stands for the
 * epoch where it is better; without validation rows it is what is kept. Running
 * statistics are averaged as weights are; they are not gathered anew. Training goes on
 * from the weights themselves.
 *
 * Validation losses are plain: not smoothed, not weighted.
 * NASTL_ENUMERIC: the loss was not finite; the sentence names the step. */
int nastl_train(struct nastl_train_result *out, struct nastl_net *net,
                const struct nastl_train_params *params);

#endif
