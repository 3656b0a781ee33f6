/* model.h: trained models: a network with its preprocessing, saved in HDF5.
 *
 * A model file is a group with attributes and one float32 dataset a tensor; the layout is
 * in docs/model-format.md, enough to rebuild the model with h5py and NumPy. A loaded
 * model belongs to one thread at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_MODEL_H
#define NASTL_MODEL_H

#include <stdbool.h>

#include <nastl/data.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nastl_model;

/* Loads the model in `group` of an HDF5 file ("/" or NULL: the root). The caller owns
 * *out. */
NASTL_API int nastl_model_load(struct nastl_model **out, const char *path,
                               const char *group);
NASTL_API void nastl_model_destroy(struct nastl_model *model);
NASTL_API enum nastl_task nastl_model_task(const struct nastl_model *model);

/* Keeps the first `members` members of an ensemble (a TabM, or several networks): its
 * answers are their average from now on, at their cost. A model of n members that is cut
 * so is a model of fewer in every respect but how sure it is: its temperature and its
 * intervals stay those of all. NASTL_EINVAL: the model has no members, or not
 * so many; it is as before.
 */
NASTL_API int nastl_model_keep_members(struct nastl_model *model, size_t members);

/* What rows that a model's weights have not seen say about how sure it may be. Its
 * probabilities are calibrated by one temperature (Guo et al. 2017), which changes no
 * order. A model of values has conformal intervals (Vovk et al. 2005). Of a model that
 * `train` wrote they are split-conformal: an interval of share 0.9 holds the label of a
 * new row with a probability of at least 0.9 if rows are exchangeable, but for labels
 * beyond the range that predictions are clamped to, and for what the choice of the epoch
 * by the same rows makes of it. Of a model that a search delivers, the weights are
 * trained on these rows as well, and what is known is from its split or folds (with
 * folds, the jackknife of Barber et al. 2021): the share is held as far as weights
 * trained on some rows more predict no worse; the guarantee of CV+ takes the models of
 * all folds. Rows of another domain are not exchangeable with those of this one. */

/* The share of labels that the intervals are to hold which nastl_model_predict() writes:
 * 0.8, 0.9 (unless chosen) or 0.95. NASTL_EINVAL: another share, or a model without
 * intervals. */
NASTL_API int nastl_model_choose_interval(struct nastl_model *model, double share);

/* `nas-tl predict`: applies the model to the rows of DATA and writes CSV to `out` ("-":
 * standard output), a line a row, in the order of the rows: for classes `prediction`, the
 * first of the most probable ones, and `probability.CLASS` for each class; for regression
 * `prediction`, a value of the label after its scale and transform, and the ends of its
 * interval, `low` and `high`, where the model has intervals. Numbers are the
 * shortest that read back as the same double. Labels are not needed; columns are found by
 * name. NASTL_EEXIST if `out` is there and not `force`; NASTL_ENUMERIC if an output is
 * not finite: nothing is written then. */
NASTL_API int nastl_model_predict(struct nastl_model *model, const char *data,
                                  const char *folder, const char *out, bool force,
                                  const struct nastl_log *log);

/* `nas-tl evaluate`: every metric of the task on labelled rows, as text for people or one
 * JSON document {"rows": N, "task": …, "scores": {…}}; where the model has intervals,
 * with "intervals": [{"level": 0.8, "coverage": …, "width": …}, …]: the share of labels
 * that they hold, and their mean width. `label` NULL: the column that the model was
 * trained for; the model's scale and transform of the label apply. Rows without a label
 * are left out and classes that the model does not know count as wrong, each with one
 * warning; a score that cannot be computed is null, with a warning that says why. The
 * caller frees *out. */
NASTL_API int nastl_model_evaluate(char **out, struct nastl_model *model,
                                   const char *data, const char *folder,
                                   const char *label, bool json,
                                   const struct nastl_log *log);

#ifdef __cplusplus
}
#endif
#endif
