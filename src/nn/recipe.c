/* recipe.c: the "training" keys of a candidate.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/train.h"

#include <string.h>

static size_t whole(const struct nastl_candidate *candidate, const char *key,
                    double fallback)
{
    const double value = nastl_candidate_number(candidate, key, fallback);
    return value >= 0.0 && value < 1e15 ? (size_t)value : (size_t)fallback;
}

static bool is_word(const struct nastl_candidate *candidate, const char *key,
                    const char *word)
{
    return strcmp(nastl_candidate_text(candidate, key, ""), word) == 0;
}

static enum nastl_schedule schedule_of(const struct nastl_candidate *candidate,
                                       const char *key)
{
    const int found =
        nastl_schedule_from_name(nastl_candidate_text(candidate, key, "constant"));
    return found < 0 ? NASTL_SCHEDULE_CONSTANT : (enum nastl_schedule)found;
}

void nastl_recipe_of(struct nastl_recipe *out, const struct nastl_candidate *candidate)
{
    *out = (struct nastl_recipe){
        .learning_rate =
            nastl_candidate_number(candidate, "training.learning_rate", 1e-3),
        .weight_decay = nastl_candidate_number(candidate, "training.weight_decay", 1e-4),
        .beta1 = nastl_candidate_number(candidate, "training.beta1", 0.9),
        .beta2 = nastl_candidate_number(candidate, "training.beta2", 0.999),
        .batch_size = whole(candidate, "training.batch_size", 256.0),
        .max_epochs = whole(candidate, "training.max_epochs", 100.0),
        .patience = whole(candidate, "training.patience", 16.0),
        .judged = is_word(candidate, "training.kept", "judged"),
        .keeps_last = is_word(candidate, "training.ties", "last"),
        .score_window = whole(candidate, "training.score_window", 1.0),
        .clip = nastl_candidate_number(candidate, "training.clip", 1.0),
        .schedule = schedule_of(candidate, "training.schedule"),
        .dropout_schedule = schedule_of(candidate, "training.dropout_schedule"),
        .decay_schedule = schedule_of(candidate, "training.weight_decay_schedule"),
        .decays_all = is_word(candidate, "training.decayed", "all_but_biases"),
        .bias_rate = nastl_candidate_number(candidate, "training.bias_rate", 1.0),
        .front_rate = nastl_candidate_number(candidate, "training.front_rate", 1.0),
        .embedding_rate =
            nastl_candidate_number(candidate, "training.embedding_rate", 1.0),
        .share_rate = nastl_candidate_number(candidate, "training.share_rate", 1.0),
        .warmup_epochs = whole(candidate, "training.warmup_epochs", 0.0),
        .label_smoothing =
            nastl_candidate_number(candidate, "training.label_smoothing", 0.0),
        .balanced = is_word(candidate, "training.class_weights", "balanced"),
        .huber = is_word(candidate, "training.loss", "huber"),
        .weight_average = whole(candidate, "training.weight_average", 0.0),
    };
}
