/* model_file.c: models in HDF5, as docs/model-format.md describes. Files come from
 * strangers: the tensors' shapes are those of the graph that the candidate gives, and
 * nothing is allocated for them before they are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/model.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <nastl/version.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char model_schema[] = "nas-tl/model/v1";

/* "GROUP/NAME"; the caller frees *out. */
static int path_in(char **out, const char *group, const char *name)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_strbuf_addf(&buf, "%s/%s", strcmp(group, "/") == 0 ? "" : group, name);
    return nastl_strbuf_take(out, &buf);
}

/* ---- saving ---- */

static int candidate_text(char **out, const struct nastl_candidate *candidate)
{
    json_t *object = nastl_candidate_json(candidate);
    if (!object)
        return nastl_error_nomem("a candidate");
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_json_write(&buf, object, 0);
    json_decref(object);
    return nastl_strbuf_take(out, &buf);
}

static int save_attributes(const struct nastl_model *model, struct nastl_h5 *file,
                           const char *group)
{
    const char *family = nastl_candidate_text(&model->candidate, "family", "mlp");
    const char *task = nastl_task_name(model->layout->task);
    char *candidate;
    TRY(nastl_h5_set_text(file, group, "schema", model_schema));
    TRY(nastl_h5_set_text(file, group, "version", NASTL_VERSION));
    TRY(nastl_h5_set_text(file, group, "family", family));
    TRY(nastl_h5_set_text(file, group, "task", task));
    TRY(candidate_text(&candidate, &model->candidate));
    const int status = nastl_h5_set_text(file, group, "candidate", candidate);
    free(candidate);
    return status;
}

/* One part below the group: what saves it knows how. */
static int save_layout(const struct nastl_model *model, struct nastl_h5 *file,
                       const char *path)
{
    return nastl_layout_save(model->layout, file, path);
}

static int save_statistics(const struct nastl_model *model, struct nastl_h5 *file,
                           const char *path)
{
    return nastl_prep_save(model->prep, file, path);
}

static int save_label(const struct nastl_model *model, struct nastl_h5 *file,
                      const char *path)
{
    if (model->layout->task != NASTL_TASK_REGRESSION)
        return NASTL_OK;
    return nastl_label_save(&model->label, file, path);
}

static int load_layout(struct nastl_model *model, struct nastl_h5 *file, const char *path)
{
    return nastl_layout_load(&model->layout, file, path);
}

static int load_statistics(struct nastl_model *model, struct nastl_h5 *file,
                           const char *path)
{
    return nastl_prep_load(&model->prep, model->layout, file, path);
}

static int load_label(struct nastl_model *model, struct nastl_h5 *file, const char *path)
{
    if (model->layout->task != NASTL_TASK_REGRESSION)
        return NASTL_OK;
    return nastl_label_load(&model->label, file, path);
}

static int save_calibration(const struct nastl_model *model, struct nastl_h5 *file,
                            const char *path)
{
    if (model->calibration.rows == 0)
        return NASTL_OK;
    return nastl_calibration_save(&model->calibration, model->layout->task, file, path);
}

/* A model that was trained without validation rows, or by an earlier version, has none.
 */
static int load_calibration(struct nastl_model *model, struct nastl_h5 *file,
                            const char *path)
{
    if (!nastl_h5_has(file, path))
        return NASTL_OK;
    return nastl_calibration_load(&model->calibration, model->layout->task, file, path);
}

/* The parts in the order in which they are read. */
static const struct part {
    const char *name;
    int (*save)(const struct nastl_model *model, struct nastl_h5 *file, const char *path);
    int (*load)(struct nastl_model *model, struct nastl_h5 *file, const char *path);
} parts[] = {
    {"preprocessing/layout", save_layout, load_layout},
    {"preprocessing/statistics", save_statistics, load_statistics},
    {"label", save_label, load_label},
    {"calibration", save_calibration, load_calibration},
};
enum { PARTS = sizeof parts / sizeof *parts };

static int save_parts(const struct nastl_model *model, struct nastl_h5 *file,
                      const char *group)
{
    for (size_t i = 0; i < PARTS; i++) {
        char *path;
        TRY(path_in(&path, group, parts[i].name));
        const int status = parts[i].save(model, file, path);
        free(path);
        TRY(status);
    }
    return NASTL_OK;
}

static int save_tensors(const struct nastl_net *net, struct nastl_h5 *file,
                        const char *group)
{
    for (size_t i = 0; i < nastl_net_tensor_count(net); i++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(net, i);
        char *path;
        TRY(path_in(&path, group, tensor->name));
        const int status =
            nastl_h5_put_floats(file, path, tensor->data, tensor->rank, tensor->shape);
        free(path);
        TRY(status);
    }
    return NASTL_OK;
}

int nastl_model_save(const struct nastl_model *model, struct nastl_h5 *file,
                     const char *group)
{
    TRY(nastl_h5_group(file, group));
    TRY(save_attributes(model, file, group));
    TRY(save_parts(model, file, group));
    return save_tensors(model->net, file, group);
}

/* ---- reading ---- */

/* Where a model is being read from, and the model so far. */
struct source {
    struct nastl_h5 *file;
    const char *group;
    struct nastl_model *model;
};

/* "FILE:GROUP: WHY" before the sentence of a part that does not know the file. */
static int in_file(const struct source *from, int status)
{
    return nastl_error_prefix(status, "%s:%s", nastl_h5_file_path(from->file),
                              from->group);
}

static int refuse(const struct source *from, const char *why)
{
    return nastl_error(NASTL_EFORMAT, "%s:%s: %s", nastl_h5_file_path(from->file),
                       from->group, why);
}

static int check_schema(const struct source *from)
{
    char *schema = NULL;
    const int status = nastl_h5_get_text(from->file, from->group, "schema", &schema);
    if (status == NASTL_ENOENT && nastl_h5_has(from->file, from->group))
        return refuse(from,
                      "is no model: it has no attribute 'schema'; name the group of "
                      "a model");
    TRY(status);
    const bool known = strcmp(schema, model_schema) == 0;
    const int unknown = known
                            ? NASTL_OK
                            : nastl_error(NASTL_EFORMAT,
                                          "%s:%s: schema '%s' is not known; this version "
                                          "reads %s",
                                          nastl_h5_file_path(from->file), from->group,
                                          schema, model_schema);
    free(schema);
    return unknown;
}

static int parse_candidate(struct nastl_candidate *out, const struct source *from,
                           const char *text)
{
    json_t *object;
    int status = nastl_json_parse(&object, text, "candidate");
    if (status == NASTL_OK) {
        status = nastl_candidate_from_json(out, object);
        json_decref(object);
    }
    return status < 0 ? in_file(from, status) : NASTL_OK;
}

static int read_candidate(const struct source *from)
{
    char *text;
    TRY(nastl_h5_get_text(from->file, from->group, "candidate", &text));
    const int status = parse_candidate(&from->model->candidate, from, text);
    free(text);
    return status;
}

/* The attribute is for people and other readers; the layout counts. */
static int check_task(const struct source *from)
{
    const struct nastl_layout *layout = from->model->layout;
    const size_t classes = layout->class_count;
    char *task;
    TRY(nastl_h5_get_text(from->file, from->group, "task", &task));
    const bool same = strcmp(task, nastl_task_name(layout->task)) == 0;
    free(task);
    if (!same)
        return refuse(from, "attribute 'task' is not that of the preprocessing; make the "
                            "model again");
    const bool fits = layout->task == NASTL_TASK_BINARY       ? classes == 2
                      : layout->task == NASTL_TASK_MULTICLASS ? classes >= 2
                                                              : classes == 0;
    if (layout->task == NASTL_TASK_AUTO || !fits)
        return refuse(from, "the classes do not fit the task; make the model again");
    return NASTL_OK;
}

/* Some sentences name the group alone. */
static int name_file(const struct source *from, int status)
{
    const char *path = nastl_h5_file_path(from->file);
    if (status == NASTL_OK || status == NASTL_ENOMEM ||
        strncmp(nastl_error_last(), path, strlen(path)) == 0)
        return status;
    return nastl_error_prefix(status, "%s", path);
}

static int read_preprocessing(const struct source *from)
{
    for (size_t i = 0; i < PARTS; i++) {
        char *path;
        TRY(path_in(&path, from->group, parts[i].name));
        const int status = parts[i].load(from->model, from->file, path);
        free(path);
        TRY(name_file(from, status));
    }
    return check_task(from);
}

static int check_shape(const struct source *from, const struct nastl_tensor_spec *spec)
{
    char *path;
    int rank;
    size_t shape[NASTL_H5_RANK];
    TRY(path_in(&path, from->group, spec->name));
    int status = nastl_h5_shape(from->file, path, &rank, shape);
    if (status == NASTL_OK &&
        (rank != spec->rank || shape[0] != spec->shape[0] || shape[1] != spec->shape[1]))
        status = nastl_error(
            NASTL_EFORMAT,
            "%s:%s: has the shape (%zu, %zu) where the candidate needs (%zu, %zu); make "
            "the model again",
            nastl_h5_file_path(from->file), path, shape[0], shape[1], spec->shape[0],
            spec->shape[1]);
    free(path);
    return status;
}

static int build_graph(const struct source *from)
{
    struct nastl_model *model = from->model;
    const struct nastl_shape shape = nastl_model_shape(model->layout);
    const int status = nastl_arch_build(&model->graph, &model->candidate, &shape);
    if (status < 0)
        return in_file(from, status);
    for (size_t i = 0; i < model->graph->tensor_count; i++)
        TRY(check_shape(from, &model->graph->tensors[i]));
    return NASTL_OK;
}

/* Any finite number will do, but for a variance below zero. */
static bool is_sound(float number, enum nastl_role role)
{
    return isfinite(number) && (role != NASTL_ROLE_VARIANCE || number >= 0);
}

static int read_tensor(const struct source *from, size_t t)
{
    const struct nastl_tensor_spec *spec = &from->model->graph->tensors[t];
    float *data = nastl_net_tensor(from->model->net, t)->data;
    const size_t count = nastl_tensor_size(spec);
    char *path;
    TRY(path_in(&path, from->group, spec->name));
    int status = nastl_h5_get_floats(from->file, path, data, count);
    for (size_t i = 0; i < count && status == NASTL_OK; i++)
        if (!is_sound(data[i], spec->role))
            status = nastl_error(NASTL_EFORMAT,
                                 "%s:%s: number %zu is not finite or out of range; make "
                                 "the model again",
                                 nastl_h5_file_path(from->file), path, i);
    free(path);
    return status;
}

static int read_tensors(const struct source *from)
{
    struct nastl_model *model = from->model;
    TRY(nastl_net_create(&model->net, model->graph));
    for (size_t i = 0; i < nastl_net_tensor_count(model->net); i++)
        TRY(read_tensor(from, i));
    return NASTL_OK;
}

static int read_parts(const struct source *from)
{
    TRY(read_candidate(from));
    TRY(read_preprocessing(from));
    TRY(build_graph(from));
    return read_tensors(from);
}

/* What a model lacks, or a candidate that cannot be built, is a wrong file here. */
static int as_format(int status)
{
    return status == NASTL_ENOENT || status == NASTL_EINVAL ? NASTL_EFORMAT : status;
}

int nastl_model_read(struct nastl_model **out, struct nastl_h5 *file, const char *group)
{
    struct source from = {file, group && *group ? group : "/", NULL};
    TRY(check_schema(&from));
    from.model = nastl_alloc_zero(1, sizeof *from.model);
    if (!from.model)
        return nastl_error_nomem("a model");
    nastl_candidate_init(&from.model->candidate);
    const int status = as_format(read_parts(&from));
    if (status < 0) {
        nastl_model_destroy(from.model);
        return status;
    }
    *out = from.model;
    return NASTL_OK;
}

int nastl_model_load(struct nastl_model **out, const char *path, const char *group)
{
    struct nastl_h5 *file;
    TRY(nastl_h5_open(&file, path));
    const int status = nastl_model_read(out, file, group);
    nastl_h5_close(file);
    return status;
}
