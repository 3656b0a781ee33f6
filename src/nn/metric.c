/* metric.c: see metric.h. Classes are scored from one tally of labels against predicted
 * classes; a class the model does not know is the tally's last entry.
 *
 *   class       0 … C-1          C (unknown)
 *   support     rows labelled
 *   predicted   rows answered    0
 *   hits        both             0
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/metric.h"

#include "base/alloc.h"
#include "base/error.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ECE_BINS = 15 };

struct tally {
    size_t *support, *predicted, *hits; /* (C + 1) each, one block */
};

/* What a metric reads. */
struct answers {
    size_t n, classes;                  /* n, C; C = 0 for regression */
    const double *labels, *predictions; /* (n), (n, C) or (n) */
    struct tally tally;
};

/* ---- classes ---- */

static size_t class_of(double label, size_t classes)
{
    return label >= 0 && label < (double)classes ? (size_t)label : classes;
}

size_t nastl_most_probable(const double *p, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (p[c] > p[best])
            best = c;
    return best;
}

static int tally_init(struct tally *tally, const struct answers *answers)
{
    const size_t classes = answers->classes;
    tally->support = nastl_alloc_zero(3 * (classes + 1), sizeof *tally->support);
    if (!tally->support)
        return nastl_error_nomem("a tally of classes");
    tally->predicted = tally->support + classes + 1;
    tally->hits = tally->predicted + classes + 1;
    for (size_t i = 0; i < answers->n; i++) {
        const size_t truth = class_of(answers->labels[i], classes);
        const size_t answer =
            nastl_most_probable(answers->predictions + i * classes, classes);
        tally->support[truth]++;
        tally->predicted[answer]++;
        tally->hits[truth] += truth == answer;
    }
    return NASTL_OK;
}

static int accuracy(double *out, const struct answers *a)
{
    size_t hits = 0;
    for (size_t c = 0; c < a->classes; c++)
        hits += a->tally.hits[c];
    *out = (double)hits / (double)a->n;
    return NASTL_OK;
}

/* Mean recall over the classes that occur among the labels. */
static int balanced_accuracy(double *out, const struct answers *a)
{
    double sum = 0;
    size_t present = 0;
    for (size_t c = 0; c <= a->classes; c++) {
        if (a->tally.support[c] == 0)
            continue;
        sum += (double)a->tally.hits[c] / (double)a->tally.support[c];
        present++;
    }
    *out = sum / (double)present;
    return NASTL_OK;
}

/* F1 of a class = 2 hits / (support + predicted); mean over the classes that occur among
 * labels or predictions. */
static int macro_f1(double *out, const struct answers *a)
{
    double sum = 0;
    size_t present = 0;
    for (size_t c = 0; c <= a->classes; c++) {
        const size_t either = a->tally.support[c] + a->tally.predicted[c];
        if (either == 0)
            continue;
        sum += 2.0 * (double)a->tally.hits[c] / (double)either;
        present++;
    }
    *out = sum / (double)present;
    return NASTL_OK;
}

/* ---- ranks ---- */

struct ranked {
    double score;
    bool positive;
};

static int by_score(const void *a, const void *b)
{
    const double x = ((const struct ranked *)a)->score;
    const double y = ((const struct ranked *)b)->score;
    return (x > y) - (x < y);
}

/* Area under the curve by ranks (Mann and Whitney 1947), ties share their mean rank:
 * (sum of the positives' ranks - P (P + 1) / 2) / (P (n - P)). Sorts `rows`. */
static double area_of(struct ranked *rows, size_t n, size_t positives)
{
    qsort(rows, n, sizeof *rows, by_score);
    double ranks = 0;
    for (size_t first = 0, end; first < n; first = end) {
        size_t hits = 0;
        for (end = first; end < n && rows[end].score == rows[first].score; end++)
            hits += rows[end].positive;
        ranks += (double)hits * 0.5 * (double)(first + 1 + end);
    }
    const double p = (double)positives, rest = (double)(n - positives);
    return (ranks - 0.5 * p * (p + 1)) / (p * rest);
}

static double area_of_class(struct ranked *rows, const struct answers *a, size_t class)
{
    for (size_t i = 0; i < a->n; i++) {
        rows[i].score = a->predictions[i * a->classes + class];
        rows[i].positive = class_of(a->labels[i], a->classes) == class;
    }
    return area_of(rows, a->n, a->tally.support[class]);
}

/* Needs rows of every class, and two classes at least. */
static bool has_area(const struct answers *a)
{
    for (size_t c = 0; c < a->classes; c++)
        if (a->tally.support[c] == 0 || a->tally.support[c] == a->n)
            return false;
    return true;
}

/* Two classes: the second one's. More: mean of each class against the rest. */
static int auc(double *out, const struct answers *a)
{
    *out = NAN;
    if (!has_area(a))
        return NASTL_OK;
    struct ranked *rows = nastl_alloc(a->n, sizeof *rows);
    if (!rows)
        return nastl_error_nomem("ranks for the area under the curve");
    double sum = 0;
    const size_t first = a->classes == 2 ? 1 : 0;
    for (size_t c = first; c < a->classes; c++)
        sum += area_of_class(rows, a, c);
    *out = sum / (double)(a->classes - first);
    free(rows);
    return NASTL_OK;
}

/* ---- probabilities ---- */

static double clipped(double p)
{
    return fmin(fmax(p, DBL_EPSILON), 1 - DBL_EPSILON);
}

/* Mean of -log p[label], rows clipped to [eps, 1 - eps] and then made to sum to 1. */
static int log_loss(double *out, const struct answers *a)
{
    double loss = 0;
    for (size_t i = 0; i < a->n; i++) {
        const double *p = a->predictions + i * a->classes;
        const size_t truth = class_of(a->labels[i], a->classes);
        double sum = 0;
        for (size_t c = 0; c < a->classes; c++)
            sum += clipped(p[c]);
        loss -= log(truth < a->classes ? clipped(p[truth]) / sum : DBL_EPSILON);
    }
    *out = loss / (double)a->n;
    return NASTL_OK;
}

/* Bin m holds m / 15 < confidence <= (m + 1) / 15. */
static size_t bin_of(double confidence)
{
    const double bin = ceil(confidence * ECE_BINS) - 1;
    return (size_t)fmin(fmax(bin, 0), ECE_BINS - 1);
}

/* Sum over the bins of |hits - sum of confidences| / n. */
static int ece(double *out, const struct answers *a)
{
    double gap[ECE_BINS] = {0};
    for (size_t i = 0; i < a->n; i++) {
        const double *p = a->predictions + i * a->classes;
        const size_t answer = nastl_most_probable(p, a->classes);
        const bool hit = class_of(a->labels[i], a->classes) == answer;
        gap[bin_of(p[answer])] += hit - p[answer];
    }
    double sum = 0;
    for (size_t m = 0; m < ECE_BINS; m++)
        sum += fabs(gap[m]);
    *out = sum / (double)a->n;
    return NASTL_OK;
}

/* ---- values ---- */

static double squared_error(const struct answers *a)
{
    double sum = 0;
    for (size_t i = 0; i < a->n; i++) {
        const double error = a->labels[i] - a->predictions[i];
        sum += error * error;
    }
    return sum;
}

static double mean_label(const struct answers *a)
{
    double sum = 0;
    for (size_t i = 0; i < a->n; i++)
        sum += a->labels[i];
    return sum / (double)a->n;
}

static int rmse(double *out, const struct answers *a)
{
    *out = sqrt(squared_error(a) / (double)a->n);
    return NASTL_OK;
}

static int mae(double *out, const struct answers *a)
{
    double sum = 0;
    for (size_t i = 0; i < a->n; i++)
        sum += fabs(a->labels[i] - a->predictions[i]);
    *out = sum / (double)a->n;
    return NASTL_OK;
}

/* The mean's magnitude counts, so that less stays better where labels are negative. */
static int nmae(double *out, const struct answers *a)
{
    const double mean = fabs(mean_label(a));
    TRY(mae(out, a));
    *out = mean > 0 ? *out / mean : NAN;
    return NASTL_OK;
}

static int r2(double *out, const struct answers *a)
{
    const double mean = mean_label(a), residual = squared_error(a);
    double total = 0;
    for (size_t i = 0; i < a->n; i++)
        total += (a->labels[i] - mean) * (a->labels[i] - mean);
    if (a->n < 2)
        *out = NAN;
    else if (total > 0)
        *out = 1 - residual / total;
    else
        *out = residual > 0 ? 0 : 1;
    return NASTL_OK;
}

/* ---- the table ---- */

struct metric {
    const char *name;
    bool maximized;
    bool of_classes; /* false: of values */
    int (*score)(double *out, const struct answers *answers);
};

static const struct metric metrics[] = {
    [NASTL_METRIC_ACCURACY] = {"accuracy", true, true, accuracy},
    [NASTL_METRIC_BALANCED_ACCURACY] = {"balanced_accuracy", true, true,
                                        balanced_accuracy},
    [NASTL_METRIC_MACRO_F1] = {"macro_f1", true, true, macro_f1},
    [NASTL_METRIC_AUC] = {"auc", true, true, auc},
    [NASTL_METRIC_LOG_LOSS] = {"log_loss", false, true, log_loss},
    [NASTL_METRIC_ECE] = {"ece", false, true, ece},
    [NASTL_METRIC_RMSE] = {"rmse", false, false, rmse},
    [NASTL_METRIC_MAE] = {"mae", false, false, mae},
    [NASTL_METRIC_NMAE] = {"nmae", false, false, nmae},
    [NASTL_METRIC_R2] = {"r2", true, false, r2},
};
static_assert(sizeof metrics / sizeof *metrics == NASTL_METRIC_COUNT,
              "every metric has an entry");

const char *nastl_metric_name(enum nastl_metric metric)
{
    assert(metric < NASTL_METRIC_COUNT);
    return metrics[metric].name;
}

int nastl_metric_from_name(const char *name)
{
    for (int i = 0; i < NASTL_METRIC_COUNT; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return i;
    return -1;
}

bool nastl_metric_maximized(enum nastl_metric metric)
{
    assert(metric < NASTL_METRIC_COUNT);
    return metrics[metric].maximized;
}

bool nastl_metric_applies(enum nastl_metric metric, enum nastl_task task)
{
    assert(metric < NASTL_METRIC_COUNT && task != NASTL_TASK_AUTO);
    return metrics[metric].of_classes == (task != NASTL_TASK_REGRESSION);
}

/* ---- scoring ---- */

static bool all_finite(const double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* Scores the metrics first … last - 1 that apply to the task; leaves the others alone. */
static int score_range(double *out, size_t first, size_t last, enum nastl_task task,
                       struct answers *a)
{
    int status = NASTL_OK;
    const size_t width = a->classes ? a->classes : 1;
    if (!all_finite(a->predictions, a->n * width))
        return NASTL_OK;
    if (a->classes)
        TRY(tally_init(&a->tally, a));
    for (size_t i = first; i < last && status == NASTL_OK; i++)
        if (nastl_metric_applies((enum nastl_metric)i, task))
            status = metrics[i].score(&out[i - first], a);
    free(a->tally.support);
    return status;
}

static struct answers answers_of(enum nastl_task task, size_t classes,
                                 const double *labels, const double *predictions,
                                 size_t n)
{
    assert(n > 0 && (classes > 0) == (task != NASTL_TASK_REGRESSION));
    return (struct answers){n, classes, labels, predictions, {0}};
}

int nastl_scores_compute(struct nastl_scores *out, enum nastl_task task, size_t classes,
                         const double *labels, const double *predictions, size_t n)
{
    struct answers answers = answers_of(task, classes, labels, predictions, n);
    for (size_t i = 0; i < NASTL_METRIC_COUNT; i++)
        out->value[i] = NAN;
    return score_range(out->value, 0, NASTL_METRIC_COUNT, task, &answers);
}

int nastl_score_one(double *out, enum nastl_metric metric, enum nastl_task task,
                    size_t classes, const double *labels, const double *predictions,
                    size_t n)
{
    struct answers answers = answers_of(task, classes, labels, predictions, n);
    *out = NAN;
    return score_range(out, metric, (size_t)metric + 1, task, &answers);
}
