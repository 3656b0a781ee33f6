/* markdown.c: pareto.json as a report for people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include "base/error.h"
#include "base/strbuf.h"
#include "base/texttable.h"
#include "io/file.h"
#include "io/json.h"
#include "study/study.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading the document ---------------------------------------------------------- */

/* A scalar as JSON writes it, texts without quotes, null as "-". */
static void put_scalar(struct nastl_strbuf *buf, const json_t *value)
{
    if (json_is_string(value))
        nastl_strbuf_add(buf, json_string_value(value));
    else if (!value || json_is_null(value))
        nastl_strbuf_add(buf, "-");
    else
        nastl_json_write(buf, value, 0);
}

static void add_scalar(struct nastl_texttable *table, const json_t *value)
{
    struct nastl_strbuf text;
    nastl_strbuf_init(&text);
    put_scalar(&text, value);
    nastl_texttable_add(table, nastl_strbuf_text(&text));
    nastl_strbuf_finish(&text);
}

/* Appends a table and finishes it. */
static int put_table(struct nastl_strbuf *buf, struct nastl_texttable *table)
{
    nastl_strbuf_add(buf, "\n");
    const int status = nastl_texttable_markdown(buf, table);
    nastl_texttable_finish(table);
    return status;
}

/* Appends what a renderer of the front makes; takes `text` over. */
static void put_taken(struct nastl_strbuf *buf, const char *before, char *text,
                      const char *after)
{
    if (*text)
        nastl_strbuf_addf(buf, "%s", before);
    nastl_strbuf_add(buf, text);
    if (*text)
        nastl_strbuf_addf(buf, "%s", after);
    free(text);
}

/* ---- what was asked ---------------------------------------------------------------- */

static void add_pair(struct nastl_texttable *table, const char *name, const json_t *value)
{
    nastl_texttable_add(table, name);
    add_scalar(table, value);
}

static void add_objectives(struct nastl_texttable *table, const json_t *doc)
{
    size_t j;
    json_t *objective;
    struct nastl_strbuf text;
    nastl_strbuf_init(&text);
    json_array_foreach (json_object_get(doc, "objectives"), j, objective) {
        const char *unit = nastl_json_text_at(objective, "unit", "1");
        nastl_strbuf_addf(&text, "%s%s %s", j ? ", " : "",
                          nastl_json_text_at(objective, "direction", ""),
                          nastl_json_text_at(objective, "name", ""));
        if (strcmp(unit, "1") != 0)
            nastl_strbuf_addf(&text, " in %s", unit);
    }
    nastl_texttable_add(table, "objectives");
    nastl_texttable_add(table, nastl_strbuf_text(&text));
    nastl_strbuf_finish(&text);
}

static int put_asked(struct nastl_strbuf *buf, const json_t *doc)
{
    const json_t *data = json_object_get(doc, "data");
    const json_t *rows = json_object_get(data, "rows");
    struct nastl_texttable table;
    nastl_strbuf_add(buf, "\n## What was asked\n");
    nastl_texttable_init(&table, "ll");
    nastl_texttable_add(&table, "what");
    nastl_texttable_add(&table, "value");
    add_pair(&table, "task", json_object_get(doc, "task"));
    add_pair(&table, "target", json_object_get(data, "target"));
    add_pair(&table, "source", json_object_get(data, "source"));
    add_pair(&table, "source rows", json_object_get(rows, "source"));
    add_pair(&table, "training rows", json_object_get(rows, "train"));
    add_pair(&table, "validation rows", json_object_get(rows, "valid"));
    add_pair(&table, "test rows", json_object_get(rows, "test"));
    add_pair(&table, "features", json_object_get(data, "features"));
    if (nastl_json_whole_at(data, "classes"))
        add_pair(&table, "classes", json_object_get(data, "classes"));
    add_objectives(&table, doc);
    add_pair(&table, "space", json_object_get(doc, "space"));
    add_pair(&table, "seed", json_object_get(doc, "seed"));
    return put_table(buf, &table);
}

static void add_score(struct nastl_texttable *table, const json_t *value)
{
    if (json_is_number(value))
        nastl_texttable_addf(table, "%.3f", json_number_value(value));
    else
        nastl_texttable_add(table, "-");
}

/* Several sources are ranked, and not all of them need be taken from. */
static int put_sources(struct nastl_strbuf *buf, const json_t *doc)
{
    static const char *const titles[] = {"source", "rows", "H-score", "LogME", "used"};
    size_t at;
    json_t *one;
    const json_t *sources = json_object_get(json_object_get(doc, "data"), "sources");
    struct nastl_texttable table;
    if (json_array_size(sources) == 0)
        return NASTL_OK;
    nastl_strbuf_add(buf, "\n## The sources, the best first\n");
    nastl_texttable_init(&table, "lrrrl");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        nastl_texttable_add(&table, titles[i]);
    json_array_foreach (sources, at, one) {
        add_pair(&table, nastl_json_text_at(one, "name", ""),
                 json_object_get(one, "rows"));
        add_score(&table, json_object_get(one, "h_score"));
        add_score(&table, json_object_get(one, "logme"));
        const bool used = json_is_true(json_object_get(one, "used"));
        nastl_texttable_add(&table, used ? "yes" : "no: untrained networks tell as much");
    }
    return put_table(buf, &table);
}

/* ---- the front --------------------------------------------------------------------- */

static int put_front(struct nastl_strbuf *buf, const json_t *doc)
{
    char *text;
    const size_t members = json_array_size(json_object_get(doc, "front"));
    nastl_strbuf_add(buf, "\n## The front\n");
    if (!members) {
        nastl_strbuf_add(buf, "\nIt is empty: no trial is complete.\n");
        return NASTL_OK;
    }
    TRY(nastl_study_front_markdown(&text, doc));
    put_taken(buf, "\n", text, "");
    nastl_strbuf_add(buf, "\nD: delivered, K: knee, ±: one standard error. Scores are "
                          "those of the validation rows; the test rows never rank.\n");
    TRY(nastl_study_front_plot(&text, doc));
    put_taken(buf, "\n```\n", text, "```\n");
    const json_t *deliver = json_object_get(doc, "deliver");
    nastl_strbuf_addf(
        buf, "\nDelivered is trial %lld: %s. D: ", nastl_json_whole_at(deliver, "trial"),
        nastl_json_text_at(deliver, "reason", ""));
    nastl_study_gain_text(buf, doc);
    nastl_strbuf_addf(buf, ". The knee is trial %lld.", nastl_json_whole_at(doc, "knee"));
    nastl_strbuf_add(buf, " The front's hypervolume is ");
    put_scalar(buf, json_object_get(doc, "hypervolume"));
    nastl_strbuf_add(buf, " against the reference point ");
    put_scalar(buf, json_object_get(doc, "reference_point"));
    nastl_strbuf_add(buf, ".\n");
    return NASTL_OK;
}

/* ---- members ----------------------------------------------------------------------- */

static void add_figure(struct nastl_texttable *table, const char *name,
                       const json_t *value)
{
    char text[32];
    if (!json_is_number(value)) {
        add_scalar(table, value);
        return;
    }
    nastl_study_figure(text, name, json_number_value(value));
    nastl_texttable_add(table, text);
}

/* Every metric on validation and on test rows. */
static int put_scores(struct nastl_strbuf *buf, const json_t *member)
{
    const char *name;
    json_t *value;
    const json_t *test = json_object_get(member, "test");
    struct nastl_texttable table;
    nastl_texttable_init(&table, "lrr");
    nastl_texttable_add(&table, "score");
    nastl_texttable_add(&table, "validation");
    nastl_texttable_add(&table, "test");
    json_object_foreach (json_object_get(member, "valid"), name, value) {
        nastl_texttable_add(&table, name);
        add_figure(&table, name, value);
        add_figure(&table, name, json_object_get(test, name));
    }
    return put_table(buf, &table);
}

static int put_costs(struct nastl_strbuf *buf, const json_t *member)
{
    const char *name;
    json_t *value;
    struct nastl_texttable table;
    nastl_texttable_init(&table, "lrl");
    nastl_texttable_add(&table, "cost");
    nastl_texttable_add(&table, "value");
    nastl_texttable_add(&table, "unit");
    json_object_foreach (json_object_get(member, "cost"), name, value) {
        const struct nastl_objective *known = nastl_objective_find(name);
        nastl_texttable_add(&table, name);
        add_figure(&table, name, value);
        nastl_texttable_add(&table, known && strcmp(known->unit, "1") ? known->unit : "");
    }
    return put_table(buf, &table);
}

static int put_pairs(struct nastl_strbuf *buf, json_t *pairs, const char *title)
{
    const char *name;
    json_t *value;
    struct nastl_texttable table;
    nastl_texttable_init(&table, "ll");
    nastl_texttable_add(&table, title);
    nastl_texttable_add(&table, "value");
    json_object_foreach (pairs, name, value)
        add_pair(&table, name, value);
    return put_table(buf, &table);
}

static void put_start(struct nastl_strbuf *buf, const json_t *member)
{
    const json_t *warm = json_object_get(member, "warm_start");
    const json_t *matched = json_object_get(warm, "matched");
    if (!json_is_object(warm)) {
        const char *strategy = nastl_json_text_at(json_object_get(member, "candidate"),
                                                  "transfer.strategy", "scratch");
        nastl_strbuf_add(buf, strcmp(strategy, "scratch") == 0
                                  ? "\nTrained from scratch."
                                  : "\nTrained on rows of the source and the target.");
        return;
    }
    nastl_strbuf_addf(buf, "\nStarted from %s by %s",
                      nastl_json_text_at(warm, "from", "-"),
                      nastl_json_text_at(warm, "strategy", "-"));
    if (json_is_number(matched))
        nastl_strbuf_addf(buf, ", with %.0f %% of its weights from there",
                          100 * json_number_value(matched));
    nastl_strbuf_add(buf, ".");
}

/* "Measured times and energy do not tell it apart from trial 4, 17." */
static void put_alike(struct nastl_strbuf *buf, const json_t *member)
{
    const json_t *alike = json_object_get(member, "indistinguishable");
    const size_t count = json_array_size(alike);
    if (count)
        nastl_strbuf_add(buf, "\nMeasured times and energy do not tell it apart from "
                              "trial ");
    for (size_t i = 0; i < count; i++)
        nastl_strbuf_addf(buf, "%lld%s",
                          (long long)json_integer_value(json_array_get(alike, i)),
                          i + 1 < count ? ", " : ".\n");
}

static int put_member(struct nastl_strbuf *buf, const json_t *doc, const json_t *member)
{
    const json_t *trial = json_object_get(member, "trial");
    const json_t *deliver = json_object_get(doc, "deliver");
    nastl_strbuf_addf(buf, "\n### Trial %lld%s%s\n", nastl_json_whole_at(member, "trial"),
                      json_equal(trial, json_object_get(deliver, "trial")) ? ", delivered"
                                                                           : "",
                      json_equal(trial, json_object_get(doc, "knee")) ? ", knee" : "");
    put_start(buf, member);
    nastl_strbuf_addf(buf, " Its weights are in %s.\n",
                      nastl_json_text_at(member, "weights", "-"));
    put_alike(buf, member);
    TRY(put_scores(buf, member));
    TRY(put_costs(buf, member));
    return put_pairs(buf, json_object_get(member, "candidate"), "parameter");
}

static int put_members(struct nastl_strbuf *buf, const json_t *doc)
{
    size_t i;
    json_t *member;
    const json_t *front = json_object_get(doc, "front");
    if (json_array_size(front))
        nastl_strbuf_add(buf, "\n## Members\n");
    json_array_foreach (front, i, member)
        TRY(put_member(buf, doc, member));
    return NASTL_OK;
}

/* ---- the rest ---------------------------------------------------------------------- */

static int put_run(struct nastl_strbuf *buf, const json_t *doc)
{
    const json_t *hardware = json_object_get(doc, "hardware");
    const json_t *energy = json_object_get(hardware, "energy");
    struct nastl_texttable table;
    nastl_strbuf_add(buf, "\n## The run\n");
    TRY(put_pairs(buf, json_object_get(doc, "trials"), "trials"));
    nastl_texttable_init(&table, "ll");
    nastl_texttable_add(&table, "run");
    nastl_texttable_add(&table, "value");
    add_pair(&table, "ended by", json_object_get(doc, "stop"));
    add_pair(&table, "seconds", json_object_get(doc, "seconds"));
    add_pair(&table, "nas-tl", json_object_get(doc, "version"));
    add_pair(&table, "processor", json_object_get(hardware, "cpu"));
    add_pair(&table, "threads", json_object_get(hardware, "threads"));
    add_pair(&table, "instruction set", json_object_get(hardware, "isa"));
    add_pair(&table, "oneDNN", json_object_get(hardware, "onednn"));
    if (json_is_true(json_object_get(energy, "available")))
        add_pair(&table, "energy", json_object_get(energy, "source"));
    else
        add_pair(&table, "energy", json_object_get(energy, "reason"));
    return put_table(buf, &table);
}

static void put_repeat(struct nastl_strbuf *buf, const char *folder)
{
    nastl_strbuf_addf(
        buf,
        "\n## To repeat it\n\n```\nnas-tl search --config %s/study.yaml\n"
        "```\n\nstudy.yaml holds everything that was asked, with the SHA-256 "
        "of each data file; trials.csv lists every trial.\n",
        folder);
}

static int put_all(struct nastl_strbuf *buf, const json_t *doc, const char *folder)
{
    nastl_strbuf_addf(buf, "# %s\n", nastl_json_text_at(doc, "study", "study"));
    TRY(put_asked(buf, doc));
    TRY(put_sources(buf, doc));
    TRY(put_front(buf, doc));
    TRY(put_members(buf, doc));
    TRY(put_run(buf, doc));
    put_repeat(buf, folder);
    return NASTL_OK;
}

int nastl_report_markdown(char **out, const char *folder)
{
    char *path;
    json_t *doc;
    struct nastl_strbuf buf;
    TRY(nastl_file_join(&path, folder, "pareto.json"));
    int status = nastl_json_read(&doc, path);
    free(path);
    TRY(status == NASTL_ENOENT ? nastl_report_missing(folder, "pareto.json") : status);
    nastl_strbuf_init(&buf);
    status = put_all(&buf, doc, folder);
    json_decref(doc);
    if (status == NASTL_OK)
        return nastl_strbuf_take(out, &buf);
    nastl_strbuf_finish(&buf);
    return status;
}
