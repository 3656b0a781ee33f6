/* locate.c: where the model is that a user means by MODEL: FILE.h5[:/GROUP] or
 * STUDY[:TRIAL]. A path may hold colons: what exists decides.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/alloc.h"
#include "base/error.h"
#include "io/file.h"
#include "io/h5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a trial of a study ------------------------------------------------------------ */

/* "0, 4, 17": the trials whose weights are kept, for a message. */
static void name_trials(struct nastl_strbuf *buf, char *const *names, size_t count)
{
    enum { MOST = 20 };
    for (size_t i = 0; i < count && i < MOST; i++)
        nastl_strbuf_addf(buf, "%s%s", i ? ", " : "", names[i]);
    if (count > MOST)
        nastl_strbuf_addf(buf, " and %zu more", count - MOST);
}

static int no_such_trial(const char *study, const char *trial, char *const *names,
                         size_t count)
{
    struct nastl_strbuf there;
    nastl_strbuf_init(&there);
    name_trials(&there, names, count);
    const char *text = nastl_strbuf_text(&there);
    const int status = nastl_error(
        NASTL_ENOENT, "%s:%s: no weights are kept of this trial; %s%s", study, trial,
        count ? "give one of " : "none are kept, go on with the search",
        text ? text : "those kept");
    nastl_strbuf_finish(&there);
    return status;
}

/* NASTL_ENOENT where /trials is missing: then none are kept. */
static int kept_trials(char ***names, size_t *count, const char *file)
{
    struct nastl_h5 *weights;
    TRY(nastl_h5_open(&weights, file));
    const int status = nastl_h5_children(weights, "/trials", names, count);
    nastl_h5_close(weights);
    return status;
}

static int check_kept(const char *file, const char *study, const char *trial)
{
    char **names = NULL;
    size_t count = 0, i = 0;
    if (!nastl_file_exists(file))
        return nastl_error(NASTL_ENOENT,
                           "%s: it has no weights.h5; go on with the search (--resume)",
                           study);
    int status = kept_trials(&names, &count, file);
    if (status < 0 && status != NASTL_ENOENT)
        return status;
    while (i < count && strcmp(names[i], trial) != 0)
        i++;
    status = i < count ? NASTL_OK : no_such_trial(study, trial, names, count);
    nastl_h5_free_strings(names, count);
    return status;
}

static int trial_group(char **out, const char *trial)
{
    struct nastl_strbuf group;
    nastl_strbuf_init(&group);
    nastl_strbuf_addf(&group, "/trials/%s", trial);
    return nastl_strbuf_take(out, &group);
}

static int locate_trial(char **file, char **group, const char *study, const char *trial)
{
    TRY(nastl_file_join(file, study, "weights.h5"));
    int status = trial_group(group, trial);
    if (status == NASTL_OK) {
        status = check_kept(*file, study, trial);
        if (status < 0)
            free(*group);
    }
    if (status < 0)
        free(*file);
    return status;
}

/* ---- what a study delivers --------------------------------------------------------- */

static int delivered_trial(long long *out, const char *study)
{
    char *path;
    json_t *doc;
    TRY(nastl_file_join(&path, study, "pareto.json"));
    const int status = nastl_json_read(&doc, path);
    free(path);
    if (status == NASTL_ENOENT)
        return nastl_error(NASTL_ENOENT,
                           "%s: it has no pareto.json; go on with the search (--resume)",
                           study);
    TRY(status);
    const json_t *trial = json_object_get(json_object_get(doc, "deliver"), "trial");
    const bool there = json_is_integer(trial);
    *out = there ? (long long)json_integer_value(trial) : -1;
    json_decref(doc);
    if (!there)
        return nastl_error(
            NASTL_ENOENT,
            "%s: it delivers no model, for no trial is complete; go on with "
            "the search (--resume)",
            study);
    return NASTL_OK;
}

static int locate_delivered(char **file, char **group, const char *study)
{
    long long number;
    char trial[32];
    TRY(delivered_trial(&number, study));
    snprintf(trial, sizeof trial, "%lld", number);
    return locate_trial(file, group, study, trial);
}

/* ---- files ------------------------------------------------------------------------- */

static int locate_group(char **file, char **group, const char *path, const char *name)
{
    *file = nastl_strdup(path);
    *group = nastl_strdup(name);
    if (*file && *group)
        return NASTL_OK;
    free(*file);
    free(*group);
    return nastl_error_nomem(path);
}

static bool is_model(struct nastl_h5 *file, const char *group)
{
    char *schema = NULL;
    const int status = nastl_h5_get_text(file, group, "schema", &schema);
    free(schema);
    return status == NASTL_OK;
}

/* "/MEMBER" where the file holds that member alone and it is a model, else "/". */
static int only_model(char **group, struct nastl_h5 *file)
{
    char **names = NULL;
    struct nastl_strbuf name;
    size_t count = 0;
    TRY(nastl_h5_children(file, "/", &names, &count));
    nastl_strbuf_init(&name);
    nastl_strbuf_addf(&name, "/%s", count == 1 ? names[0] : "");
    nastl_h5_free_strings(names, count);
    TRY(nastl_strbuf_take(group, &name));
    if (is_model(file, *group))
        return NASTL_OK;
    (*group)[1] = '\0';
    return NASTL_OK;
}

/* A file without a group: the model that it is, or the only one in it, as in source.h5.
 */
static int locate_file(char **file, char **group, const char *path)
{
    struct nastl_h5 *models;
    char *name = NULL;
    TRY(nastl_h5_open(&models, path));
    int status = is_model(models, "/") ? NASTL_OK : only_model(&name, models);
    nastl_h5_close(models);
    if (status == NASTL_OK)
        status = locate_group(file, group, path, name ? name : "/");
    free(name);
    return status;
}

/* `place` is a file or folder that exists; `rest` is what stands behind its colon, NULL
 * without one. */
static int locate_in(char **file, char **group, const char *place, const char *rest)
{
    if (!nastl_file_is_folder(place))
        return rest && *rest ? locate_group(file, group, place, rest)
                             : locate_file(file, group, place);
    const int there = nastl_study_probe(place);
    if (there <= 0)
        return there < 0 ? there : nastl_study_missing(place);
    return rest ? locate_trial(file, group, place, rest)
                : locate_delivered(file, group, place);
}

int nastl_study_model(char **file, char **group, const char *model)
{
    if (nastl_file_exists(model))
        return locate_in(file, group, model, NULL);
    for (const char *colon = strrchr(model, ':'); colon;
         colon = memrchr(model, ':', (size_t)(colon - model))) {
        char *place = nastl_strndup(model, (size_t)(colon - model));
        if (!place)
            return nastl_error_nomem(model);
        const bool there = *place && nastl_file_exists(place);
        const int status = there ? locate_in(file, group, place, colon + 1) : NASTL_OK;
        free(place);
        if (there)
            return status;
    }
    return nastl_error(
        NASTL_ENOENT, "%s: no such file or study; give FILE.h5[:/GROUP] or STUDY[:TRIAL]",
        model);
}
