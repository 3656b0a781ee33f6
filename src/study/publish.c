/* publish.c: the files that are made from the ledger: pareto.json, pareto.csv and
 * trials.csv, each written beside its place and renamed.
 *
 * The columns param.KEY stand in an order in which every candidate has its own keys in
 * their order: going through the trials by number, a key that is new is put behind the
 * one before it in its candidate.
 *
 *   trial 0   family  mlp.layers  mlp.width.0               training.batch_size
 *   trial 1   family  mlp.layers  mlp.width.0  mlp.width.1  training.batch_size
 *   columns   family  mlp.layers  mlp.width.0  mlp.width.1  training.batch_size
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "io/csv.h"
#include "io/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- columns ----------------------------------------------------------------------- */

static int insert_key(struct nastl_list *keys, struct nastl_strmap *known, size_t at,
                      const char *key)
{
    TRY(nastl_list_add(keys, key, strlen(key)));
    char *added = keys->items[keys->count - 1];
    memmove(keys->items + at + 1, keys->items + at,
            (keys->count - 1 - at) * sizeof *keys->items);
    keys->items[at] = added;
    return nastl_strmap_set(known, key, strlen(key), 1);
}

static size_t index_of(const struct nastl_list *keys, const char *key)
{
    size_t i = 0;
    while (i < keys->count && strcmp(keys->items[i], key) != 0)
        i++;
    return i;
}

static int add_keys(struct nastl_list *keys, struct nastl_strmap *known,
                    const struct nastl_candidate *candidate)
{
    for (size_t i = 0; i < candidate->count; i++) {
        const char *key = candidate->settings[i].key;
        if (nastl_strmap_get(known, key, strlen(key), 0))
            continue;
        const size_t at = i == 0 ? 0 : index_of(keys, candidate->settings[i - 1].key) + 1;
        TRY(insert_key(keys, known, at, key));
    }
    return NASTL_OK;
}

static int all_keys(struct nastl_list *keys, const struct nastl_trial *trials,
                    size_t count)
{
    struct nastl_strmap known;
    nastl_strmap_init(&known);
    int status = NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < count; i++)
        status = add_keys(keys, &known, &trials[i].candidate);
    nastl_strmap_finish(&known);
    return status;
}

/* Metrics of the test scores of front members, by first appearance. */
static int all_metrics(struct nastl_list *metrics, const json_t *front)
{
    size_t i;
    json_t *member, *score;
    const char *name;
    json_array_foreach (front, i, member) {
        json_object_foreach (json_object_get(member, "test"), name, score) {
            if (!nastl_list_has(metrics, name))
                TRY(nastl_list_add(metrics, name, strlen(name)));
        }
    }
    return NASTL_OK;
}

/* ---- rows -------------------------------------------------------------------------- */

struct sheet {
    const struct nastl_study *study;
    struct nastl_list keys, metrics;
    const json_t *deliver; /* of pareto.csv; NULL: no columns for it */
    struct nastl_strbuf text;
};

static void put_names(struct nastl_strbuf *buf, const char *prefix, const char *name)
{
    char column[256];
    snprintf(column, sizeof column, "%s%s", prefix, name);
    nastl_csv_put(buf, column, 0);
}

static void put_header(struct sheet *sheet)
{
    struct nastl_strbuf *buf = &sheet->text;
    nastl_strbuf_add(buf, "trial,state,family");
    for (size_t k = 0; k < sheet->keys.count; k++)
        put_names(buf, "param.", sheet->keys.items[k]);
    for (size_t j = 0; j < sheet->study->objectives; j++)
        put_names(buf, "value.", sheet->study->objective[j]->name);
    for (size_t j = 0; j < sheet->study->objectives; j++)
        put_names(buf, "error.", sheet->study->objective[j]->name);
    nastl_strbuf_add(buf, ",reason,seconds");
    for (size_t k = 0; k < sheet->metrics.count; k++)
        put_names(buf, "test.", sheet->metrics.items[k]);
    if (sheet->deliver)
        nastl_strbuf_add(buf, ",gain,gain.low,gain.high");
    nastl_strbuf_add(buf, "\n");
}

static void put_setting(struct nastl_strbuf *buf, const struct nastl_setting *setting)
{
    if (!setting)
        nastl_csv_put(buf, "", 0);
    else if (setting->text)
        nastl_csv_put(buf, setting->text, 0);
    else
        nastl_csv_put_number(buf, setting->number, 0);
}

static void put_tests(struct sheet *sheet, const struct nastl_trial *trial)
{
    const json_t *test = json_object_get(trial->details, "test");
    for (size_t k = 0; k < sheet->metrics.count; k++) {
        const json_t *score = json_object_get(test, sheet->metrics.items[k]);
        if (json_is_number(score))
            nastl_csv_put_number(&sheet->text, json_number_value(score), 0);
        else
            nastl_csv_put(&sheet->text, "", 0);
    }
}

/* Of the delivered member alone: the others' was not measured. */
static void put_gain(struct sheet *sheet, const struct nastl_trial *trial)
{
    const json_t *interval = json_object_get(sheet->deliver, "interval");
    const json_t *numbers[] = {json_object_get(sheet->deliver, "gain"),
                               json_array_get(interval, 0), json_array_get(interval, 1)};
    const json_t *number = json_object_get(sheet->deliver, "trial");
    const bool is_delivered = json_integer_value(number) == (json_int_t)trial->number;
    for (size_t i = 0; i < 3; i++)
        if (is_delivered && json_is_number(numbers[i]))
            nastl_csv_put_number(&sheet->text, json_number_value(numbers[i]), 0);
        else
            nastl_csv_put(&sheet->text, "", 0);
}

static void put_row(struct sheet *sheet, const struct nastl_trial *trial)
{
    struct nastl_strbuf *buf = &sheet->text;
    nastl_csv_put_number(buf, (double)trial->number, 1);
    nastl_csv_put(buf, nastl_state_name(trial->state), 0);
    nastl_csv_put(buf, nastl_candidate_text(&trial->candidate, "family", ""), 0);
    for (size_t k = 0; k < sheet->keys.count; k++)
        put_setting(buf, nastl_candidate_find(&trial->candidate, sheet->keys.items[k]));
    for (size_t j = 0; j < sheet->study->objectives; j++)
        nastl_csv_put_number(buf, trial->values[j], 0);
    for (size_t j = 0; j < sheet->study->objectives; j++)
        nastl_csv_put_number(buf, trial->errors[j], 0);
    nastl_csv_put(buf, trial->reason, 0);
    if (trial->state == NASTL_STATE_RUNNING)
        nastl_csv_put(buf, "", 0);
    else
        nastl_csv_put_number(buf, trial->seconds, 0);
    put_tests(sheet, trial);
    if (sheet->deliver)
        put_gain(sheet, trial);
    nastl_strbuf_add(buf, "\n");
}

/* ---- files ------------------------------------------------------------------------- */

static int save_text(const struct nastl_study *study, const char *name,
                     const struct nastl_strbuf *text)
{
    char *path;
    if (!nastl_strbuf_text(text))
        return nastl_error_nomem(name);
    TRY(nastl_file_join(&path, study->folder, name));
    const int status = nastl_file_write(path, text->text, text->length);
    free(path);
    return status;
}

static int save_trials(struct sheet *sheet, const struct nastl_trial *trials,
                       size_t count)
{
    TRY(all_keys(&sheet->keys, trials, count));
    put_header(sheet);
    for (size_t i = 0; i < count; i++)
        put_row(sheet, &trials[i]);
    return save_text(sheet->study, "trials.csv", &sheet->text);
}

static const struct nastl_trial *find_trial(const struct nastl_trial *trials,
                                            size_t count, const json_t *member)
{
    const json_int_t number = json_integer_value(json_object_get(member, "trial"));
    size_t i = 0;
    while (i + 1 < count && (json_int_t)trials[i].number != number)
        i++;
    return &trials[i];
}

/* After save_trials(): the columns of the keys are the same. */
static int save_front(struct sheet *sheet, const struct nastl_trial *trials, size_t count,
                      const json_t *doc)
{
    size_t i;
    json_t *member;
    const json_t *front = json_object_get(doc, "front");
    sheet->deliver = json_object_get(doc, "deliver");
    TRY(all_metrics(&sheet->metrics, front));
    nastl_strbuf_clear(&sheet->text);
    put_header(sheet);
    json_array_foreach (front, i, member)
        put_row(sheet, find_trial(trials, count, member));
    return save_text(sheet->study, "pareto.csv", &sheet->text);
}

static int save_sheets(const struct nastl_study *study, const struct nastl_trial *trials,
                       size_t count, const json_t *doc)
{
    struct sheet sheet = {.study = study};
    nastl_strbuf_init(&sheet.text);
    int status = save_trials(&sheet, trials, count);
    if (status == NASTL_OK)
        status = save_front(&sheet, trials, count, doc);
    nastl_list_finish(&sheet.keys);
    nastl_list_finish(&sheet.metrics);
    nastl_strbuf_finish(&sheet.text);
    return status;
}

static int save_document(const struct nastl_study *study, const json_t *doc)
{
    char *path;
    TRY(nastl_file_join(&path, study->folder, "pareto.json"));
    const int status = nastl_json_save(doc, path);
    free(path);
    return status;
}

static int keep_head(struct nastl_study *study, const json_t *head)
{
    struct nastl_strbuf text;
    nastl_strbuf_init(&text);
    nastl_json_write(&text, head, 0);
    const int status = nastl_strbuf_text(&text)
                           ? nastl_study_set_fact(study, "head", text.text)
                           : nastl_error_nomem("pareto.json");
    nastl_strbuf_finish(&text);
    return status;
}

static int save_files(struct nastl_study *study, const json_t *head)
{
    struct nastl_trial *trials;
    size_t count;
    json_t *doc = NULL;
    TRY(nastl_study_trials(study, &trials, &count));
    int status = nastl_study_document(&doc, study, head, trials, count);
    if (status == NASTL_OK)
        status = save_sheets(study, trials, count, doc);
    if (status == NASTL_OK)
        status = save_document(study, doc);
    json_decref(doc);
    nastl_study_free_trials(trials, count);
    return status;
}

/* The ledger says that a study has stopped when all its files say so: who dies in between
 * publishes again. */
int nastl_study_publish(struct nastl_study *study, const json_t *head)
{
    TRY(nastl_study_set_fact(study, "stop", NULL));
    TRY(keep_head(study, head));
    TRY(save_files(study, head));
    return nastl_study_set_fact(study, "stop",
                                json_string_value(json_object_get(head, "stop")));
}
