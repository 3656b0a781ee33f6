/* study_list.c: `nas-tl study list`: the studies in a folder and its children, one line
 * each. A ledger that cannot be read is listed with the reason.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/error.h"
#include "base/opt.h"
#include "base/texttable.h"
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- folders ----------------------------------------------------------------------- */

static int add_if_study(struct nastl_list *folders, const char *path)
{
    const int there = nastl_study_probe(path);
    return there > 0 ? nastl_list_add(folders, path, strlen(path)) : there;
}

static int add_child(struct nastl_list *folders, const char *folder, const char *name)
{
    char *path;
    if (*name == '.')
        return NASTL_OK;
    TRY(nastl_file_join(&path, strcmp(folder, ".") == 0 ? NULL : folder, name));
    const int status = add_if_study(folders, path);
    free(path);
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int find_studies(struct nastl_list *folders, const char *folder)
{
    DIR *handle = opendir(folder);
    if (!handle)
        return nastl_error(NASTL_ENOENT, "%s: %s; give a folder", folder,
                           strerrordesc_np(errno));
    int status = add_if_study(folders, folder);
    const size_t own = folders->count;
    const struct dirent *entry;
    while (status == NASTL_OK && (entry = readdir(handle)))
        status = add_child(folders, folder, entry->d_name);
    closedir(handle);
    if (folders->count > own)
        qsort(folders->items + own, folders->count - own, sizeof *folders->items,
              by_text);
    return status;
}

/* ---- one study --------------------------------------------------------------------- */

/* When it was last written to, UTC, without fractions of a second. */
static int put_when(json_t *entry, struct nastl_study *study)
{
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(&row, study->db,
                         "SELECT max(coalesce(datetime_complete, datetime_start)) "
                         "FROM trials"));
    int status = nastl_db_step(row);
    const char *last = status > 0 ? nastl_db_text(row, 0) : NULL;
    char when[20];
    snprintf(when, sizeof when, "%.19s", last ? last : study->created);
    nastl_db_end(row);
    return status < 0 ? status : nastl_json_set(entry, "when", nastl_json_text(when));
}

static int put_state(json_t *entry, struct nastl_study *study)
{
    char *stop;
    TRY(nastl_study_get_fact(study, "stop", &stop));
    const bool cut = stop && strcmp(stop, "interrupted") == 0;
    const int status = nastl_json_set(entry, "state",
                                      json_string(cut    ? stop
                                                  : stop ? "finished"
                                                         : "unfinished"));
    free(stop);
    return status;
}

static int put_figures(json_t *entry, struct nastl_study *study,
                       const struct nastl_trial *trials, size_t count)
{
    size_t *front, members;
    TRY(nastl_study_front(study, trials, count, &front, &members));
    const double best = members ? trials[front[0]].values[0] : NAN;
    free(front);
    TRY(nastl_json_set(entry, "trials", json_integer((json_int_t)count)));
    TRY(nastl_json_set(entry, "front", json_integer((json_int_t)members)));
    TRY(nastl_json_set(entry, "objective", json_string(study->objective[0]->name)));
    return nastl_json_set(entry, "best", nastl_json_number(best));
}

static int describe_open(json_t *entry, struct nastl_study *study)
{
    struct nastl_trial *trials;
    size_t count;
    TRY(nastl_json_set(entry, "name", nastl_json_text(study->name)));
    TRY(put_state(entry, study));
    TRY(nastl_study_load(study, &trials, &count, false));
    const int status = put_figures(entry, study, trials, count);
    nastl_study_free_trials(trials, count);
    TRY(status);
    return put_when(entry, study);
}

/* Only a lack of memory is an error here; everything else is told in the entry. */
static int describe(json_t *entry, const char *folder)
{
    struct nastl_study *study;
    TRY(nastl_json_set(entry, "folder", nastl_json_text(folder)));
    int status = nastl_study_look(&study, folder);
    if (status == NASTL_OK) {
        status = describe_open(entry, study);
        nastl_study_close(study);
    }
    if (status == NASTL_OK || status == NASTL_ENOMEM)
        return status;
    TRY(nastl_json_set(entry, "state", json_string("unreadable")));
    return nastl_json_set(entry, "reason", nastl_json_text(nastl_error_last()));
}

static int describe_all(json_t *list, const struct nastl_list *folders)
{
    for (size_t i = 0; i < folders->count; i++) {
        json_t *entry = json_object();
        TRY(nastl_json_append(list, entry));
        TRY(describe(entry, folders->items[i]));
    }
    return NASTL_OK;
}

/* ---- the list ---------------------------------------------------------------------- */

static void add_whole(struct nastl_texttable *table, const json_t *value)
{
    if (json_is_integer(value))
        nastl_texttable_addf(table, "%lld", (long long)json_integer_value(value));
    else
        nastl_texttable_add(table, "-");
}

static void add_text(struct nastl_texttable *table, const json_t *value)
{
    const char *text = json_string_value(value);
    nastl_texttable_add(table, text ? text : "-");
}

/* To the minute. */
static void add_when(struct nastl_texttable *table, const json_t *value)
{
    const char *text = json_string_value(value);
    nastl_texttable_addf(table, "%.16s", text ? text : "-");
}

static void add_best(struct nastl_texttable *table, const json_t *entry)
{
    char text[32];
    const char *objective = json_string_value(json_object_get(entry, "objective"));
    const json_t *best = json_object_get(entry, "best");
    if (!objective || !json_is_number(best)) {
        nastl_texttable_add(table, "-");
        return;
    }
    nastl_study_figure(text, objective, json_number_value(best));
    nastl_texttable_addf(table, "%s %s", objective, text);
}

static void fill(struct nastl_texttable *table, const json_t *list)
{
    static const char *const titles[] = {"folder", "state", "trials",
                                         "front",  "best",  "when (UTC)"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        nastl_texttable_add(table, titles[i]);
    size_t i;
    json_t *entry;
    json_array_foreach (list, i, entry) {
        add_text(table, json_object_get(entry, "folder"));
        add_text(table, json_object_get(entry, "state"));
        add_whole(table, json_object_get(entry, "trials"));
        add_whole(table, json_object_get(entry, "front"));
        add_best(table, entry);
        add_when(table, json_object_get(entry, "when"));
    }
}

static int put_table(struct nastl_strbuf *buf, const json_t *list)
{
    struct nastl_texttable table;
    nastl_texttable_init(&table, "llrrll");
    fill(&table, list);
    const int status = nastl_texttable_write(buf, &table, NASTL_SHOW_WIDTH);
    nastl_texttable_finish(&table);
    return status;
}

static int render(char **out, const json_t *list, const char *folder, bool json)
{
    struct nastl_strbuf buf;
    int status = NASTL_OK;
    nastl_strbuf_init(&buf);
    if (json) {
        nastl_json_write(&buf, list, 2);
        nastl_strbuf_add(&buf, "\n");
    } else if (json_array_size(list) == 0) {
        nastl_strbuf_addf(&buf, "no studies in %s\n", folder);
    } else {
        status = put_table(&buf, list);
    }
    if (status == NASTL_OK)
        return nastl_strbuf_take(out, &buf);
    nastl_strbuf_finish(&buf);
    return status;
}

int nastl_study_list(char **out, const char *folder, bool json)
{
    struct nastl_list folders = {0};
    json_t *list = json_array();
    int status = list ? find_studies(&folders, folder) : nastl_error_nomem(folder);
    if (status == NASTL_OK)
        status = describe_all(list, &folders);
    if (status == NASTL_OK)
        status = render(out, list, folder, json);
    json_decref(list);
    nastl_list_finish(&folders);
    return status;
}
