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

/* `nas-tl predict`: applies the model to the rows of DATA and writes CSV to `out` ("-":
 * standard output): for classes `prediction` and one `probability.CLASS` a class, for
 * regression `prediction`. Labels are not needed. */
NASTL_API int nastl_model_predict(struct nastl_model *model, const char *data,
                                  const char *folder, const char *out, bool force,
                                  const struct nastl_log *log);

/* `nas-tl evaluate`: every metric of the task on labelled rows, as text for people or one
 * JSON document {"rows": N, "task": …, "scores": {…}}. `label` NULL: the column that the
 * model was trained for. The caller frees *out. */
NASTL_API int nastl_model_evaluate(char **out, struct nastl_model *model,
                                   const char *data, const char *folder,
                                   const char *label, bool json,
                                   const struct nastl_log *log);

#ifdef __cplusplus
}
#endif
#endif
