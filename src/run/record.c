/* record.c: see record.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/record.h"

#include <nastl/study.h>
#include <nastl/version.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "io/yaml.h"

#include <stdlib.h>
#include <string.h>

static bool is_among(const char *key, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(key, *names) == 0)
            return true;
    return false;
}

/* Where the study lies, and that it is resumed, belong to a call, not to a study. */
static bool is_of_the_call(const char *key)
{
    static const char *const names[] = {"study", "resume", NULL};
    return is_among(key, names);
}

static bool may_differ(const char *key)
{
    static const char *const names[] = {"study", "resume", "trials",
                                        "time",  "jobs",   NULL};
    return is_among(key, names);
}

/* ---- writing ------------------------------------------------------------------------
 */

static const struct nastl_list *list_of(const struct nastl_opt *option,
                                        const void *params)
{
    return (const struct nastl_list *)((const char *)params + option->offset);
}

static int put_option(struct nastl_strbuf *yaml, const struct nastl_opt *option,
                      const struct nastl_search_params *params)
{
    char *text;
    if (option->type == NASTL_OPT_LIST || option->type == NASTL_OPT_REPEAT) {
        const struct nastl_list *list = list_of(option, params);
        if (list->count)
            nastl_yaml_put_list(yaml, 0, option->key, list->items, list->count);
        return NASTL_OK;
    }
    double number;
    TRY(nastl_opt_text(&text, option, params));
    const bool is_number = option->type == NASTL_OPT_INT ||
                           option->type == NASTL_OPT_FLOAT ||
                           option->type == NASTL_OPT_DURATION;
    if (text && option->type == NASTL_OPT_BOOL)
        nastl_yaml_put_bool(yaml, 0, option->key, strcmp(text, "true") == 0);
    else if (text && is_number && nastl_number_parse(&number, text, strlen(text)))
        nastl_yaml_put_number(yaml, 0, option->key, number);
    else if (text)
        nastl_yaml_put_text(yaml, 0, option->key, text);
    free(text);
    return NASTL_OK;
}

static int put_files(struct nastl_strbuf *yaml, const struct nastl_list *files)
{
    struct nastl_list sums = {0};
    int status = NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < files->count; i++) {
        char sum[NASTL_SHA256_TEXT];
        status = nastl_file_sha256(sum, files->items[i]);
        if (status == NASTL_OK)
            status = nastl_list_add(&sums, sum, strlen(sum));
    }
    if (status == NASTL_OK && files->count) {
        nastl_yaml_put_list(yaml, 0, "files", files->items, files->count);
        nastl_yaml_put_list(yaml, 0, "sha256", sums.items, sums.count);
    }
    nastl_list_finish(&sums);
    return status;
}

static int put_record(struct nastl_strbuf *yaml, const struct nastl_search_params *params,
                      const struct nastl_list *files)
{
    nastl_yaml_put_text(yaml, 0, "schema", "nas-tl/study/v1");
    nastl_yaml_put_text(yaml, 0, "version", NASTL_VERSION);
    for (const struct nastl_opt *option = nastl_search_opts; option->key; option++)
        if (!is_of_the_call(option->key))
            TRY(put_option(yaml, option, params));
    return put_files(yaml, files);
}

static int add_model(struct nastl_list *out, const char *model)
{
    char *file, *group;
    TRY(nastl_study_model(&file, &group, model));
    const int status = nastl_list_add(out, file, strlen(file));
    free(file);
    free(group);
    return status;
}

/* The space and the model that were asked for are files like the data. */
static int all_files(struct nastl_list *out, const struct nastl_search_params *params,
                     const struct nastl_list *files)
{
    TRY(nastl_list_copy(out, files));
    if (params->space)
        TRY(nastl_list_add(out, params->space, strlen(params->space)));
    return params->warm_start ? add_model(out, params->warm_start) : NASTL_OK;
}

int nastl_record_write(const char *path, const struct nastl_search_params *params,
                       const struct nastl_list *files)
{
    struct nastl_strbuf yaml;
    struct nastl_list all = {0};
    nastl_strbuf_init(&yaml);
    int status = all_files(&all, params, files);
    if (status == NASTL_OK)
        status = put_record(&yaml, params, &all);
    const char *text = nastl_strbuf_text(&yaml);
    if (status == NASTL_OK)
        status = text ? nastl_file_write(path, text, yaml.length)
                      : nastl_error_nomem("study.yaml");
    nastl_strbuf_finish(&yaml);
    nastl_list_finish(&all);
    return status;
}

/* ---- checking -----------------------------------------------------------------------
 */

static int differs(const struct nastl_opt *option, const char *recorded,
                   const char *asked)
{
    char key[64] = {0};
    for (size_t i = 0; i + 1 < sizeof key && option->key[i]; i++)
        key[i] = option->key[i] == '_' ? '-' : option->key[i];
    return nastl_error(NASTL_EINVAL,
                       "--%s %s: the study was begun with %s; resume with "
                       "that, or begin a new study",
                       key, asked ? asked : "(none)", recorded ? recorded : "none");
}

static int check_option(const struct nastl_opt *option,
                        const struct nastl_search_params *recorded,
                        const struct nastl_search_params *asked)
{
    char *before, *now = NULL;
    TRY(nastl_opt_text(&before, option, recorded));
    int status = nastl_opt_text(&now, option, asked);
    const bool by_default = !now && strcmp(option->key, "objectives") == 0;
    if (status == NASTL_OK && !by_default &&
        strcmp(before ? before : "", now ? now : "") != 0)
        status = differs(option, before, now);
    free(before);
    free(now);
    return status;
}

static int check_options(const char *path, const struct nastl_search_params *params)
{
    struct nastl_search_params recorded = {0};
    int status = nastl_opt_defaults(nastl_search_opts, &recorded);
    if (status == NASTL_OK)
        status = nastl_search_config(&recorded, path, NULL, NULL);
    for (const struct nastl_opt *at = nastl_search_opts; status == NASTL_OK && at->key;
         at++)
        if (!may_differ(at->key))
            status = check_option(at, &recorded, params);
    nastl_opt_clear(nastl_search_opts, &recorded);
    return status;
}

static int check_file(const struct nastl_yaml_tree *tree, const struct nastl_yaml *file,
                      const struct nastl_yaml *recorded)
{
    char sum[NASTL_SHA256_TEXT];
    if (file->kind != NASTL_YAML_SCALAR || recorded->kind != NASTL_YAML_SCALAR)
        return nastl_yaml_error(tree, file, "is no file name; restore study.yaml");
    TRY(nastl_file_sha256(sum, file->text));
    if (strcmp(sum, recorded->text) != 0)
        return nastl_error(NASTL_EINVAL,
                           "%s: has changed since the study was begun; restore "
                           "it, or begin a new study",
                           file->text);
    return NASTL_OK;
}

static int check_files(const char *path)
{
    struct nastl_yaml_tree *tree;
    TRY(nastl_yaml_read(&tree, path));
    const struct nastl_yaml *files = nastl_yaml_get(nastl_yaml_root(tree), "files");
    const struct nastl_yaml *sums = nastl_yaml_get(nastl_yaml_root(tree), "sha256");
    int status = NASTL_OK;
    if (files && (!sums || sums->count != files->count))
        status = nastl_yaml_error(tree, files,
                                  "has not one sha256 a file; restore study.yaml");
    for (size_t i = 0; status == NASTL_OK && files && i < files->count; i++)
        status = check_file(tree, &files->items[i], &sums->items[i]);
    nastl_yaml_destroy(tree);
    return status;
}

int nastl_record_check(const char *path, const struct nastl_search_params *params)
{
    TRY(check_options(path, params));
    return check_files(path);
}
