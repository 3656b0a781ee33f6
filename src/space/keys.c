/* keys.c: the tables behind keys.h.
 *
 * A default is what a newcomer would choose without a search: a small network that trains
 * on anything. search_spaces/README.md shows the same tables; a test compares them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "space/keys.h"

#include <string.h>

#define WORDS(...)                                                                       \
    (const char *const[])                                                                \
    {                                                                                    \
        __VA_ARGS__, NULL                                                                \
    }

/* ---- families ---------------------------------------------------------------------- */

static const struct nastl_key mlp_keys[] = {
    {"layers", NASTL_KEY_INT, 1, 8, .fallback = "2", .help = "Number of hidden layers."},
    {"width", NASTL_KEY_INT, 1, 2048, .fallback = "64", .per_layer = true,
     .help = "Neurons of a hidden layer."},
    {"activation", NASTL_KEY_WORD, .words = WORDS("relu", "gelu", "silu", "selu", "mish"),
     .fallback = "relu", .help = "Nonlinearity after each hidden layer."},
    {"activation_share", NASTL_KEY_WORD, .words = WORDS("fixed", "learned"),
     .fallback = "fixed",
     .help = "Whether each neuron learns how much of the nonlinearity it takes."},
    {"normalization", NASTL_KEY_WORD, .words = WORDS("none", "layer", "batch"),
     .fallback = "none", .help = "Normalisation before each nonlinearity."},
    {"dropout", NASTL_KEY_FLOAT, 0, 0.9, .fallback = "0",
     .help = "Share of a hidden layer's outputs that is zeroed while training."},
    {"parametrization", NASTL_KEY_WORD, .words = WORDS("standard", "ntk"),
     .fallback = "standard",
     .help = "Whether weights are learnt as they are, or as numbers of size 1 that are "
             "divided by the root of the layer's inputs (neural tangent kernel)."},
    {"initialization", NASTL_KEY_WORD, .words = WORDS("standard", "data"),
     .fallback = "standard",
     .help = "Whether weights and biases are drawn alone, or also fitted to the training "
             "rows: each neuron to a variance of 1."},
    {NULL},
};

static const struct nastl_key resnet_keys[] = {
    {"blocks", NASTL_KEY_INT, 1, 8, .fallback = "2",
     .help = "Number of blocks beside the stream."},
    {"width", NASTL_KEY_INT, 1, 2048, .fallback = "64", .help = "Width of the stream."},
    {"expansion", NASTL_KEY_FLOAT, 1, 4, .fallback = "2",
     .help = "Hidden neurons of a block for each of the stream, to a multiple of 8."},
    {"dropout", NASTL_KEY_FLOAT, 0, 0.9, .fallback = "0",
     .help = "Share of a block's hidden outputs that is zeroed while training."},
    {NULL},
};

static const struct nastl_key tabm_keys[] = {
    {"members", NASTL_KEY_INT, 1, 128, .fallback = "32",
     .help = "Networks that share their weights and are averaged."},
    {"kind", NASTL_KEY_WORD, .words = WORDS("mini", "full"), .fallback = "mini",
     .help = "What a member has of its own: scales of the inputs, or of every layer."},
    {"layers", NASTL_KEY_INT, 1, 8, .fallback = "2", .help = "Number of hidden layers."},
    {"width", NASTL_KEY_INT, 1, 2048, .fallback = "64",
     .help = "Neurons of a hidden layer."},
    {"dropout", NASTL_KEY_FLOAT, 0, 0.9, .fallback = "0",
     .help = "Share of a hidden layer's outputs that is zeroed while training."},
    {NULL},
};

static const struct nastl_key ft_transformer_keys[] = {
    {"blocks", NASTL_KEY_INT, 1, 8, .fallback = "3",
     .help = "Blocks of attention and a feed-forward network."},
    {"token_width", NASTL_KEY_INT, 1, 1024, .fallback = "64",
     .help = "Numbers that stand for a column."},
    {"heads", NASTL_KEY_INT, 1, 64, .fallback = "8",
     .help = "Heads of attention; they must divide `token_width`."},
    {"ffn_expansion", NASTL_KEY_FLOAT, 0.1, 8, .fallback = "1.33",
     .help = "Hidden neurons of the feed-forward network for each of the token, rounded "
             "to a multiple of 8 in all."},
    {"activation", NASTL_KEY_WORD, .words = WORDS("reglu", "gelu"), .fallback = "reglu",
     .help = "Nonlinearity of the feed-forward network; reglu has a gate beside it."},
    {"attention_dropout", NASTL_KEY_FLOAT, 0, 0.9, .fallback = "0.2",
     .help = "Share of the attention that is zeroed while training."},
    {"ffn_dropout", NASTL_KEY_FLOAT, 0, 0.9, .fallback = "0.1",
     .help = "Share of the feed-forward network's hidden outputs that is zeroed while "
             "training."},
    {NULL},
};

static const struct nastl_section families[] = {
    {"mlp", "Hidden dense layers, one after another.", mlp_keys},
    {"resnet", "Blocks of two dense layers, each added to a stream.", resnet_keys},
    {"tabm", "Many perceptrons in one, which share weights.", tabm_keys},
    {"ft_transformer", "Attention between tokens, one for each column.",
     ft_transformer_keys},
    {NULL},
};

/* ---- what every family has --------------------------------------------------------- */

static const struct nastl_key input_keys[] = {
    {"numeric_scaling", NASTL_KEY_WORD, .words = WORDS("standard", "quantile", "robust"),
     .fallback = "standard",
     .help = "Numeric columns to mean 0 and variance 1, to a normal distribution, or by "
             "quartiles to -3 ... 3."},
    {"numeric_embedding", NASTL_KEY_WORD,
     .words = WORDS("none", "piecewise_linear", "periodic", "pbld"), .fallback = "none",
     .help = "How a numeric column becomes several inputs; pbld keeps the number itself "
             "beside cosines of it."},
    {"embedding_width", NASTL_KEY_INT, 1, 64, .fallback = "8",
     .help = "Inputs that a numeric column becomes with an embedding; with pbld 2 at "
             "least."},
    {"embedding_bins", NASTL_KEY_INT, 2, 128, .fallback = "16",
     .help = "Pieces of a piecewise_linear embedding, of the numbers of the training "
             "rows."},
    {"embedding_edges", NASTL_KEY_WORD, .words = WORDS("quantiles", "tree"),
     .fallback = "quantiles",
     .help =
         "Where the pieces meet: at quantiles, or where a decision tree of the labels "
         "cuts."},
    {"embedding_frequencies", NASTL_KEY_INT, 1, 96, .fallback = "16",
     .help = "Frequencies of a periodic or pbld embedding."},
    {"embedding_scale", NASTL_KEY_FLOAT, 0.001, 10, .fallback = "0.1",
     .help = "Size of the frequencies of a periodic or pbld embedding at the start."},
    {"front_scale", NASTL_KEY_WORD, .words = WORDS("none", "learned"), .fallback = "none",
     .help = "Whether each input of the network learns a factor of its own."},
    {NULL},
};

#define SCHEDULES WORDS("constant", "cosine", "flat_cosine", "coslog4")

static const struct nastl_key training_keys[] = {
    {"optimizer", NASTL_KEY_WORD, .words = WORDS("adamw"), .fallback = "adamw",
     .help = "How weights follow their gradients."},
    {"learning_rate", NASTL_KEY_FLOAT, 1e-8, 1, .fallback = "0.001",
     .help = "Step of the optimizer."},
    {"weight_decay", NASTL_KEY_FLOAT, 0, 1, .fallback = "0.0001",
     .help = "Pull of the weights towards 0, decoupled from the gradient."},
    {"decayed", NASTL_KEY_WORD, .words = WORDS("weights", "all_but_biases"),
     .fallback = "weights",
     .help =
         "What weight_decay pulls: layers' weights, or also embeddings, front scale and "
         "activation shares; norms never."},
    {"bias_rate", NASTL_KEY_FLOAT, 0.001, 1000, .fallback = "1",
     .help = "Learning rate of biases, as a factor of learning_rate."},
    {"front_rate", NASTL_KEY_FLOAT, 0.001, 1000, .fallback = "1",
     .help = "The same of the front scale."},
    {"embedding_rate", NASTL_KEY_FLOAT, 0.001, 1000, .fallback = "1",
     .help = "The same of numeric embeddings."},
    {"share_rate", NASTL_KEY_FLOAT, 0.001, 1000, .fallback = "1",
     .help = "The same of activation shares."},
    {"batch_size", NASTL_KEY_INT, 1, 65536, .fallback = "256",
     .help = "Rows in a step of the optimizer."},
    {"schedule", NASTL_KEY_WORD, .words = SCHEDULES, .fallback = "constant",
     .help =
         "Course of the learning rate over max_epochs; flat_cosine falls in the second "
         "half, coslog4 has four waves, each twice as long as the last."},
    {"dropout_schedule", NASTL_KEY_WORD, .words = SCHEDULES, .fallback = "constant",
     .help = "The same of all dropout."},
    {"weight_decay_schedule", NASTL_KEY_WORD, .words = SCHEDULES, .fallback = "constant",
     .help = "The same of weight_decay."},
    {"warmup_epochs", NASTL_KEY_INT, 0, 1000, .fallback = "0",
     .help = "Epochs over which the learning rate rises to its full size."},
    {"beta2", NASTL_KEY_FLOAT, 0, 0.9999, .fallback = "0.999",
     .help = "Memory of the optimizer for the size of gradients."},
    {"clip", NASTL_KEY_FLOAT, 0, 1000, .fallback = "1",
     .help = "Largest norm of the gradient; 0 for any."},
    {"loss", NASTL_KEY_WORD, .words = WORDS("squared", "huber"), .fallback = "squared",
     .help = "What a regression makes small; huber forgives errors above a standard "
             "deviation."},
    {"label_smoothing", NASTL_KEY_FLOAT, 0, 0.5, .fallback = "0",
     .help = "Share of a class label that is spread over all classes."},
    {"class_weights", NASTL_KEY_WORD, .words = WORDS("none", "balanced"),
     .fallback = "none",
     .help = "Whether every class counts the same, however many rows it has."},
    {"weight_average", NASTL_KEY_INT, 0, 32, .fallback = "0",
     .help = "Epochs whose weights are averaged, where that is better; 0 for none."},
    {"label_transform", NASTL_KEY_WORD, .words = WORDS("none", "log1p", "quantile"),
     .fallback = "none", .help = "What a regression's label is mapped by to be learnt."},
    {"max_epochs", NASTL_KEY_INT, 1, 100000, .fallback = "100",
     .help = "Passes over the training rows at most."},
    {"patience", NASTL_KEY_INT, 1, 100000, .fallback = "16",
     .help = "Epochs without a better validation loss after which training stops."},
    {"kept", NASTL_KEY_WORD, .words = WORDS("best", "judged"), .fallback = "best",
     .help =
         "The epoch that is kept: the best on validation rows; or, where these lack a "
         "class that is trained, the last."},
    {"score_window", NASTL_KEY_INT, 1, 64, .fallback = "1",
     .help = "Epochs over whose mean validation score the best one is picked."},
    {"ties", NASTL_KEY_WORD, .words = WORDS("lowest_loss", "last"),
     .fallback = "lowest_loss",
     .help = "Which of several epochs with the best validation score is kept."},
    {NULL},
};

/* Those of src/transfer/strategy.c, which this module may not include; a test holds both
 * lists equal. */
#define STRATEGIES                                                                       \
    WORDS("scratch", "pooled", "fine_tune", "head_first", "linear_probe",                \
          "gradual_unfreeze", "discriminative", "l2_sp", "delta", "distill")

static const struct nastl_key transfer_keys[] = {
    {"strategy", NASTL_KEY_WORD, .words = STRATEGIES, .fallback = "fine_tune",
     .help = "How the source is used; the strategies are described below."},
    {"head_epochs", NASTL_KEY_INT, 1, 1000, .fallback = "10",
     .help = "With head_first the epochs of the head alone, with gradual_unfreeze those "
             "until the next layer is trained too; in all at most half of max_epochs."},
    {"layer_decay", NASTL_KEY_FLOAT, 0.01, 1, .fallback = "0.385",
     .help = "With discriminative the learning rate of a layer, as a factor of that of "
             "the next one towards the outputs."},
    {"pull", NASTL_KEY_FLOAT, 0, 1000, .fallback = "10",
     .help = "How strongly l2_sp pulls weights to the source's, as a weight decay, and "
             "delta hidden features, as a factor of their relative squared error."},
    {"distill_share", NASTL_KEY_FLOAT, 0, 1, .fallback = "0.5",
     .help = "With distill the share of the loss that the source's predictions have; the "
             "labels have the rest."},
    {"source_weight", NASTL_KEY_FLOAT, 0.01, 0.99, .fallback = "0.5",
     .help = "With pooled the share of the loss that all rows of the source have "
             "together."},
    {"normalizer", NASTL_KEY_WORD, .words = WORDS("source", "target", "both"),
     .fallback = "target",
     .help = "Whose rows the statistics of inputs and of a regression's label come from; "
             "scratch has those of the target."},
    {NULL},
};

static const struct nastl_section shared[] = {
    {"input", "How columns become the network's inputs.", input_keys},
    {"training", "How the weights are learnt.", training_keys},
    {"transfer", "What is taken over from the source domain.", transfer_keys},
    {NULL},
};

static const struct nastl_key bare[] = {
    {"ensemble", NASTL_KEY_INT, 1, 32, .fallback = "1",
     .help = "Networks whose outputs are averaged."},
    {NULL},
};

const struct nastl_vocabulary nastl_vocabulary = {families, shared, bare};

/* ---- what is measured -------------------------------------------------------------- */

const char *const nastl_measured_names[] = {
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "auc",
    "log_loss",
    "ece",
    "rmse",
    "mae",
    "nmae",
    "r2",
    "latency",
    "latency_p99",
    "flops",
    "parameters",
    "memory",
    "energy",
    "training_time",
    "training_energy",
    NULL,
};

bool nastl_key_has_word(const struct nastl_key *key, const char *word)
{
    for (const char *const *have = key->words; have && *have; have++)
        if (strcmp(*have, word) == 0)
            return true;
    return false;
}
