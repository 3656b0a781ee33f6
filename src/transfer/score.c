/* score.c: see score.h. D features, N rows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "transfer/score.h"

#include "base/alloc.h"
#include "base/cholesky.h"
#include "base/error.h"
#include "base/stat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { QUANTILE_CLASSES = 10, ITERATIONS_MOST = 100 };

/* The ratio of the variances has settled; a variance that is none. */
static const double SETTLED = 1e-6, TINY = 1e-12;

static int check(const struct nastl_features *features)
{
    for (size_t i = 0; i < features->rows * features->width; i++)
        if (!isfinite(features->values[i]))
            return nastl_error(NASTL_ENUMERIC,
                               "features of row %zu are not finite; take another source",
                               i / features->width);
    return features->rows > 1 && features->width > 0
               ? NASTL_OK
               : nastl_error(NASTL_EINVAL, "features: %zu rows of %zu cannot be scored",
                             features->rows, features->width);
}

/* out (D, D), lower triangle: sum over rows of (f - shift)(f - shift)^T. */
static void add_products(double *out, const struct nastl_features *features,
                         const double *shift, double *row)
{
    const size_t width = features->width;
    memset(out, 0, width * width * sizeof *out);
    for (size_t n = 0; n < features->rows; n++) {
        for (size_t d = 0; d < width; d++)
            row[d] = features->values[n * width + d] - shift[d];
        for (size_t i = 0; i < width; i++)
            for (size_t j = 0; j <= i; j++)
                out[i * width + j] += row[i] * row[j];
    }
}

/* ---- H-score -------------------------------------------------------------------------
 */

struct h_room {
    double *covariance; /* (D, D) */
    double *mean, *row; /* (D) */
    double *means;      /* (C, D) of the classes, about the mean */
    size_t *class_of;   /* (N) */
    size_t *count;      /* (C) */
    double *sorted;     /* (N) */
    size_t classes;
};

static void find_mean(double *mean, const struct nastl_features *features)
{
    memset(mean, 0, features->width * sizeof *mean);
    for (size_t n = 0; n < features->rows; n++)
        for (size_t d = 0; d < features->width; d++)
            mean[d] += features->values[n * features->width + d] / (double)features->rows;
}

/* The covariance moves towards mu I, mu its mean variance, by the share that is expected
 * to err least:
 *
 *   share = min(1, (sum |x|^4 / N - |S|^2) / (N |S - mu I|^2)),   |.| Frobenius' norm
 *
 * Ibrahim et al. multiply the spread between classes by 1 - share, too; then features
 * whose variances are alike, and so shrink all the way, score 0 whatever they tell. */
static void shrink(double *covariance, const struct nastl_features *features,
                   double *mean)
{
    const size_t width = features->width, rows = features->rows;
    double trace = 0, square = 0, fourth = 0;
    for (size_t i = 0; i < width; i++) {
        trace += covariance[i * width + i];
        for (size_t j = 0; j <= i; j++)
            square += (i == j ? 1 : 2) * pow(covariance[i * width + j], 2);
    }
    for (size_t n = 0; n < rows; n++) {
        double length = 0;
        for (size_t d = 0; d < width; d++)
            length += pow(features->values[n * width + d] - mean[d], 2);
        fourth += length * length / (double)rows;
    }
    const double mu = trace / (double)width;
    const double spread = square - (double)width * mu * mu;
    const double error = (fourth - square) / (double)rows;
    const double share = spread > TINY * square ? fmin(1, fmax(0, error / spread)) : 1;
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j <= i; j++)
            covariance[i * width + j] = (1 - share) * covariance[i * width + j] +
                                        (i == j ? share * mu + TINY * (mu + 1) : 0);
}

/* Numbers by quantiles; classes as they are. */
static void classify(const struct h_room *room, const struct nastl_features *features)
{
    for (size_t n = 0; n < features->rows; n++)
        room->sorted[n] = features->label[n];
    nastl_stat_sort(room->sorted, features->rows);
    for (size_t n = 0; n < features->rows; n++) {
        size_t c = 0;
        if (features->classes)
            c = (size_t)features->label[n];
        else
            while (c + 1 < QUANTILE_CLASSES &&
                   features->label[n] >
                       nastl_stat_quantile(room->sorted, features->rows,
                                           (double)(c + 1) / QUANTILE_CLASSES))
                c++;
        room->class_of[n] = c;
        room->count[c]++;
    }
}

static void find_class_means(const struct h_room *room,
                             const struct nastl_features *features)
{
    const size_t width = features->width;
    for (size_t n = 0; n < features->rows; n++) {
        const size_t c = room->class_of[n];
        for (size_t d = 0; d < width; d++)
            room->means[c * width + d] +=
                (features->values[n * width + d] - room->mean[d]) /
                (double)room->count[c];
    }
}

/* sum over classes of share (L^-1 mean)^2 = tr(cov(f)^-1 cov(E[f | class])) */
static int between_classes(double *out, const struct h_room *room,
                           const struct nastl_features *features)
{
    const size_t width = features->width;
    *out = 0;
    if (!nastl_cholesky(room->covariance, width))
        return nastl_error(NASTL_ENUMERIC, "features: their covariance has no inverse");
    for (size_t c = 0; c < room->classes; c++) {
        double *mean = room->means + c * width;
        nastl_cholesky_forward(room->covariance, mean, width);
        for (size_t d = 0; d < width; d++)
            *out += mean[d] * mean[d] * (double)room->count[c] / (double)features->rows;
    }
    return NASTL_OK;
}

static int score_h(double *out, const struct h_room *room,
                   const struct nastl_features *features)
{
    const size_t numbers = features->width * features->width;
    find_mean(room->mean, features);
    add_products(room->covariance, features, room->mean, room->row);
    for (size_t i = 0; i < numbers; i++)
        room->covariance[i] /= (double)features->rows;
    classify(room, features);
    find_class_means(room, features);
    shrink(room->covariance, features, room->mean);
    return between_classes(out, room, features);
}

int nastl_score_h(double *out, const struct nastl_features *features)
{
    const size_t width = features->width, rows = features->rows;
    struct h_room room = {.classes =
                              features->classes ? features->classes : QUANTILE_CLASSES};
    TRY(check(features));
    room.covariance = nastl_alloc(width, width * sizeof *room.covariance);
    room.mean = nastl_alloc(width, sizeof *room.mean);
    room.row = nastl_alloc(width, sizeof *room.row);
    room.means = nastl_alloc_zero(room.classes, width * sizeof *room.means);
    room.class_of = nastl_alloc(rows, sizeof *room.class_of);
    room.count = nastl_alloc_zero(room.classes, sizeof *room.count);
    room.sorted = nastl_alloc(rows, sizeof *room.sorted);
    const bool is_complete = room.covariance && room.mean && room.row && room.means &&
                             room.class_of && room.count && room.sorted;
    const int status =
        is_complete ? score_h(out, &room, features) : nastl_error_nomem("an H-score");
    free(room.covariance);
    free(room.mean);
    free(room.row);
    free(room.means);
    free(room.class_of);
    free(room.count);
    free(room.sorted);
    return status;
}

/* ---- LogME ----------------------------------------------------------------------------
 *
 * y = F w + noise, w ~ N(0, I / alpha), noise ~ N(0, I / beta):
 *
 *   A = alpha I + beta F^T F,   m = beta A^-1 F^T y,   gamma = D - alpha tr A^-1
 *   alpha = gamma / |m|^2,      beta = (N - gamma) / |F m - y|^2
 *
 * again and again, raise the evidence
 *
 *   D/2 ln alpha + N/2 ln beta - beta/2 |F m - y|^2 - alpha/2 |m|^2 - 1/2 ln |A|
 *     - N/2 ln 2 pi
 */

struct evidence_room {
    double *products; /* (D, D) F^T F */
    double *a;        /* (D, D) */
    double *fy, *m;   /* (D) F^T y; m */
    double *column;   /* (D) */
};

struct fit {
    double alpha, beta;
    double gamma, weights, residual; /* |m|^2, |F m - y|^2 */
    double log_determinant;
};

/* tr A^-1 = |L^-1|^2 */
static double inverse_trace(const double *l, double *column, size_t n)
{
    double trace = 0;
    for (size_t i = 0; i < n; i++) {
        memset(column, 0, n * sizeof *column);
        column[i] = 1;
        nastl_cholesky_forward(l, column, n);
        for (size_t j = i; j < n; j++)
            trace += column[j] * column[j];
    }
    return trace;
}

/* All but alpha and beta, which are given. */
static int fit_weights(struct fit *fit, const struct evidence_room *room, size_t width,
                       double yy)
{
    for (size_t i = 0; i < width; i++) {
        for (size_t j = 0; j <= i; j++)
            room->a[i * width + j] = fit->beta * room->products[i * width + j];
        room->a[i * width + i] += fit->alpha;
        room->m[i] = fit->beta * room->fy[i];
    }
    if (!nastl_cholesky(room->a, width))
        return nastl_error(NASTL_ENUMERIC, "features: their products have no inverse");
    nastl_cholesky_solve(room->a, room->m, width);
    fit->log_determinant = nastl_cholesky_log_determinant(room->a, width);
    fit->gamma = (double)width - fit->alpha * inverse_trace(room->a, room->column, width);
    fit->weights = 0;
    fit->residual = yy;
    for (size_t i = 0; i < width; i++) {
        fit->weights += room->m[i] * room->m[i];
        fit->residual +=
            room->m[i] * (room->m[i] * room->products[i * width + i] - 2 * room->fy[i]);
        for (size_t j = 0; j < i; j++)
            fit->residual += 2 * room->m[i] * room->m[j] * room->products[i * width + j];
    }
    fit->residual = fmax(fit->residual, TINY * yy);
    return NASTL_OK;
}

static double evidence(const struct fit *fit, double rows, double width)
{
    const double turn = 6.283185307179586;
    return 0.5 *
           (width * log(fit->alpha) + rows * log(fit->beta) - fit->beta * fit->residual -
            fit->alpha * fit->weights - fit->log_determinant - rows * log(turn));
}

/* Of one label column, whose F^T y is in the room. */
static int best_evidence(double *out, const struct evidence_room *room, size_t rows,
                         size_t width, double yy)
{
    struct fit fit = {.alpha = 1, .beta = 1};
    TRY(fit_weights(&fit, room, width, yy));
    for (int i = 0; i < ITERATIONS_MOST; i++) {
        const double ratio = fit.alpha / fit.beta;
        fit.alpha = fit.gamma / fmax(fit.weights, TINY);
        fit.beta = ((double)rows - fit.gamma) / fit.residual;
        TRY(fit_weights(&fit, room, width, yy));
        if (fabs(fit.alpha / fit.beta - ratio) <= SETTLED * ratio)
            break;
    }
    *out = evidence(&fit, (double)rows, (double)width) / (double)rows;
    return NASTL_OK;
}

/* y of class c, or the number itself; returns |y|^2. */
static double project(const struct evidence_room *room,
                      const struct nastl_features *features, size_t c)
{
    double yy = 0;
    memset(room->fy, 0, features->width * sizeof *room->fy);
    for (size_t n = 0; n < features->rows; n++) {
        const double label = features->label[n];
        const double y = features->classes ? (size_t)label == c : label;
        yy += y * y;
        for (size_t d = 0; y != 0 && d < features->width; d++)
            room->fy[d] += y * features->values[n * features->width + d];
    }
    return yy;
}

/* You et al. take the plain mean over classes; one of a row or two, which a feature that
 * answers to nothing else tells for certain, then decides alone. Here classes count by
 * their rows, |y|^2. */
static int score_logme(double *out, const struct evidence_room *room,
                       const struct nastl_features *features)
{
    const size_t columns = features->classes ? features->classes : 1;
    double sum = 0, counted = 0;
    memset(room->m, 0, features->width * sizeof *room->m);
    add_products(room->products, features, room->m, room->column);
    for (size_t c = 0; c < columns; c++) {
        double one;
        const double yy = project(room, features, c);
        if (!(yy > 0))
            continue;
        TRY(best_evidence(&one, room, features->rows, features->width, yy));
        sum += one * (features->classes ? yy : 1);
        counted += features->classes ? yy : 1;
    }
    *out = counted > 0 ? sum / counted : 0;
    return NASTL_OK;
}

int nastl_score_logme(double *out, const struct nastl_features *features)
{
    const size_t width = features->width;
    TRY(check(features));
    struct evidence_room room = {
        .products = nastl_alloc(width, width * sizeof *room.products),
        .a = nastl_alloc(width, width * sizeof *room.a),
        .fy = nastl_alloc(width, sizeof *room.fy),
        .m = nastl_alloc(width, sizeof *room.m),
        .column = nastl_alloc(width, sizeof *room.column),
    };
    const bool is_complete = room.products && room.a && room.fy && room.m && room.column;
    const int status = is_complete ? score_logme(out, &room, features)
                                   : nastl_error_nomem("the evidence of features");
    free(room.products);
    free(room.a);
    free(room.fy);
    free(room.m);
    free(room.column);
    return status;
}
