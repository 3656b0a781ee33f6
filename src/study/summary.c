/* summary.c: a front as a table for people, made from pareto.json alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/error.h"
#include "base/texttable.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- figures ----------------------------------------------------------------------- */

/* 43120 -> "43.1k". */
static void large_text(char out[32], double value)
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T"};
    size_t i = 0;
    while (fabs(value) >= 999.5 && i + 1 < sizeof prefixes / sizeof *prefixes) {
        value /= 1000;
        i++;
    }
    snprintf(out, 32, "%.3g%s", value, prefixes[i]);
}

void nastl_study_figure(char out[32], const char *objective, double value)
{
    const struct nastl_objective *known = nastl_objective_find(objective);
    const bool score = known ? known->source == NASTL_FROM_SCORES : value != rint(value);
    if (score && fabs(value) < 100)
        snprintf(out, 32, "%.4f", value);
    else if (!score && fabs(value) >= 1e4)
        large_text(out, value);
    else
        snprintf(out, 32, "%.4g", value);
}

/* ---- the gain ---------------------------------------------------------------------- */

static const json_t *delivered_candidate(const json_t *doc)
{
    size_t i;
    json_t *member;
    const json_t *trial = json_object_get(json_object_get(doc, "deliver"), "trial");
    json_array_foreach (json_object_get(doc, "front"), i, member)
        if (json_equal(json_object_get(member, "trial"), trial))
            return json_object_get(member, "candidate");
    return NULL;
}

void nastl_study_gain_text(struct nastl_strbuf *buf, const json_t *pareto_json)
{
    const json_t *deliver = json_object_get(pareto_json, "deliver");
    const json_t *interval = json_object_get(deliver, "interval");
    const json_t *first = json_array_get(json_object_get(pareto_json, "objectives"), 0);
    const char *strategy = nastl_json_text_at(delivered_candidate(pareto_json),
                                              "transfer.strategy", "scratch");
    const json_t *numbers[] = {json_object_get(deliver, "gain"),
                               json_array_get(interval, 0), json_array_get(interval, 1)};
    const char *name = nastl_json_text_at(first, "name", "");
    char text[3][32];
    if (strcmp(strategy, "scratch") == 0) {
        nastl_strbuf_add(buf, "trained from scratch");
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        if (!json_is_number(numbers[i])) {
            nastl_strbuf_add(buf, "gain over scratch not known");
            return;
        }
        nastl_study_figure(text[i], name, json_number_value(numbers[i]));
    }
    nastl_strbuf_addf(buf, "gain over scratch %s, 95 %% interval %s to %s", text[0],
                      text[1], text[2]);
}

/* ---- shapes ------------------------------------------------------------------------ */

static const json_t *setting_of(const json_t *candidate, const char *family,
                                const char *key)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s", family, key);
    return json_object_get(candidate, name);
}

/* The number of a setting, or `missing`. */
static double number_of(const json_t *candidate, const char *family, const char *key,
                        double missing)
{
    const json_t *value = setting_of(candidate, family, key);
    return json_is_number(value) ? json_number_value(value) : missing;
}

static double width_of(const json_t *candidate, const char *family, int layer)
{
    char key[32];
    snprintf(key, sizeof key, "width.%d", layer);
    return number_of(candidate, family, key, -1);
}

/* "64/32/16", or "3 x 64" where all layers share a width. */
static void put_layers(struct nastl_strbuf *buf, const json_t *candidate,
                       const char *family)
{
    const double depth = number_of(candidate, family, "layers",
                                   number_of(candidate, family, "blocks", NAN));
    const double first = width_of(candidate, family, 0);
    bool same = true;
    int layers = 0;
    while (layers < 64 && width_of(candidate, family, layers) >= 0)
        same = width_of(candidate, family, layers++) == first && same;
    const double one =
        number_of(candidate, family, "width",
                  number_of(candidate, family, "token_width", layers ? first : -1));
    if (same && isfinite(depth))
        nastl_strbuf_addf(buf, "%g x ", depth);
    if (one >= 0 && same)
        nastl_strbuf_addf(buf, "%g", one);
    for (int i = 0; !same && i < layers; i++)
        nastl_strbuf_addf(buf, "%s%g", i ? "/" : "", width_of(candidate, family, i));
}

void nastl_shape_text(struct nastl_strbuf *buf, const json_t *candidate)
{
    const char *family = json_string_value(json_object_get(candidate, "family"));
    if (!family)
        return;
    put_layers(buf, candidate, family);
    const char *activation =
        json_string_value(setting_of(candidate, family, "activation"));
    if (activation)
        nastl_strbuf_addf(buf, " %s", activation);
    const double members = number_of(candidate, family, "members", NAN);
    if (isfinite(members))
        nastl_strbuf_addf(buf, ", %g members", members);
}

/* ---- columns ----------------------------------------------------------------------- */

/* "DK 17": the number, and whether it is the delivered one and the knee. */
static void put_trial(struct nastl_texttable *table, const json_t *doc,
                      const json_t *member)
{
    const json_t *trial = json_object_get(member, "trial");
    const json_t *deliver = json_object_get(doc, "deliver");
    const bool delivered = json_equal(trial, json_object_get(deliver, "trial"));
    const bool knee = json_equal(trial, json_object_get(doc, "knee"));
    nastl_texttable_addf(table, "%s%s%s%lld", delivered ? "D" : "", knee ? "K" : "",
                         delivered || knee ? " " : "",
                         (long long)json_integer_value(trial));
}

/* "mlp 64/32 relu" */
static void put_network(struct nastl_texttable *table, const json_t *member)
{
    const char *family = json_string_value(json_object_get(member, "family"));
    struct nastl_strbuf shape;
    nastl_strbuf_init(&shape);
    nastl_strbuf_addf(&shape, "%s ", family ? family : "-");
    nastl_shape_text(&shape, json_object_get(member, "candidate"));
    nastl_texttable_add(table, nastl_strbuf_text(&shape));
    nastl_strbuf_finish(&shape);
}

/* Two digits say enough of an error. */
static void error_text(char out[32], const char *objective, double value)
{
    if (value < 10)
        snprintf(out, 32, "%.2g", value);
    else
        nastl_study_figure(out, objective, value);
}

/* "0.9712 ±0.004"; without a figure "-". */
static void put_figure(struct nastl_texttable *table, const char *objective,
                       const json_t *value, const json_t *error)
{
    char text[32], half[32];
    if (!json_is_number(value)) {
        nastl_texttable_add(table, "-");
        return;
    }
    nastl_study_figure(text, objective, json_number_value(value));
    if (!json_is_number(error)) {
        nastl_texttable_add(table, text);
        return;
    }
    error_text(half, objective, json_number_value(error));
    nastl_texttable_addf(table, "%s ±%s", text, half);
}

/* Only scores are shown with their errors: there is no room for more. */
static void put_value(struct nastl_texttable *table, const json_t *member,
                      const char *objective)
{
    const struct nastl_objective *known = nastl_objective_find(objective);
    const bool score = known && known->source == NASTL_FROM_SCORES;
    put_figure(
        table, objective, json_object_get(json_object_get(member, "values"), objective),
        score ? json_object_get(json_object_get(member, "errors"), objective) : NULL);
}

static void put_warm_start(struct nastl_texttable *table, const json_t *member)
{
    const json_t *warm = json_object_get(member, "warm_start");
    const char *asked = nastl_json_text_at(json_object_get(member, "candidate"),
                                           "transfer.strategy", "scratch");
    const char *strategy = nastl_json_text_at(warm, "strategy", asked);
    const json_t *matched = json_object_get(warm, "matched");
    if (strcmp(strategy, "scratch") == 0)
        nastl_texttable_add(table, "-");
    else if (json_is_number(matched))
        nastl_texttable_addf(table, "%s %.0f%%", strategy,
                             100 * json_number_value(matched));
    else
        nastl_texttable_add(table, strategy);
}

/* The first objective where it is a score of the test rows, else the first such score;
 * NULL where no member has one. */
static const char *test_metric(const json_t *doc)
{
    const json_t *member = json_array_get(json_object_get(doc, "front"), 0);
    json_t *test = json_object_get(member, "test");
    const json_t *first = json_array_get(json_object_get(doc, "objectives"), 0);
    const char *name = json_string_value(json_object_get(first, "name"));
    if (name && json_object_get(test, name))
        return name;
    void *at = json_object_iter(test);
    return at ? json_object_iter_key(at) : NULL;
}

/* ---- the table --------------------------------------------------------------------- */

enum { FIXED_COLUMNS = 4 };

/* Long names in two lines: "latency_" above "p99". */
static void put_title(struct nastl_texttable *table, const char *name, const char *unit,
                      bool narrow)
{
    enum { LONG = 8 };
    const bool bare =
        !unit || strcmp(unit, "1") == 0 || strcmp(unit, "label's unit") == 0;
    const char *break_at = narrow && strlen(name) > LONG ? strchr(name, '_') : NULL;
    const int first = break_at ? (int)(break_at - name) + 1 : (int)strlen(name);
    nastl_texttable_addf(table, "%.*s%s%s%s%s", first, name, break_at ? "\n" : "",
                         name + first, bare ? "" : "\n", bare ? "" : unit);
}

static void put_header(struct nastl_texttable *table, const json_t *doc,
                       const char *metric, bool narrow)
{
    size_t j;
    json_t *objective;
    const json_t *first = json_array_get(json_object_get(doc, "objectives"), 0);
    const char *leading = json_string_value(json_object_get(first, "name"));
    const bool other = metric && !(leading && strcmp(metric, leading) == 0);
    nastl_texttable_add(table, "trial");
    nastl_texttable_add(table, "network");
    json_array_foreach (json_object_get(doc, "objectives"), j, objective) {
        const char *name = json_string_value(json_object_get(objective, "name"));
        const char *unit = json_string_value(json_object_get(objective, "unit"));
        put_title(table, name ? name : "", unit, narrow);
    }
    nastl_texttable_addf(table, "test%s%s", other ? "\n" : "", other ? metric : "");
    nastl_texttable_add(table, "warm start\nmatched");
}

static void put_row(struct nastl_texttable *table, const json_t *doc,
                    const json_t *member, const char *metric)
{
    size_t j;
    json_t *objective;
    put_trial(table, doc, member);
    put_network(table, member);
    json_array_foreach (json_object_get(doc, "objectives"), j, objective) {
        const char *name = json_string_value(json_object_get(objective, "name"));
        put_value(table, member, name ? name : "");
    }
    put_figure(table, metric ? metric : "",
               metric ? json_object_get(json_object_get(member, "test"), metric) : NULL,
               NULL);
    put_warm_start(table, member);
}

/* Trial, network, one column an objective, test, warm start. */
static void alignment(char out[FIXED_COLUMNS + NASTL_OBJECTIVES + 1], const json_t *doc)
{
    size_t objectives = json_array_size(json_object_get(doc, "objectives"));
    objectives = objectives < NASTL_OBJECTIVES ? objectives : NASTL_OBJECTIVES;
    memcpy(out, "rl", 2);
    memset(out + 2, 'r', objectives + 1);
    memcpy(out + 3 + objectives, "l", 2);
}

static void fill(struct nastl_texttable *table, const json_t *doc, bool narrow)
{
    size_t i;
    json_t *member;
    const char *metric = test_metric(doc);
    put_header(table, doc, metric, narrow);
    json_array_foreach (json_object_get(doc, "front"), i, member)
        put_row(table, doc, member, metric);
}

static bool has_mark(const json_t *doc)
{
    return json_is_integer(json_object_get(doc, "knee")) ||
           json_is_object(json_object_get(doc, "deliver"));
}

static void put_legend(struct nastl_strbuf *buf, const json_t *doc)
{
    nastl_strbuf_add(buf, "D: delivered  K: knee  ±: one standard error\n");
    if (!json_is_object(json_object_get(doc, "deliver")))
        return;
    nastl_strbuf_add(buf, "D: ");
    nastl_study_gain_text(buf, doc);
    nastl_strbuf_add(buf, "\n");
}

/* The front as a table: for a terminal, with what its marks mean, or in Markdown. */
static int write_front(char **out, const json_t *pareto_json, bool is_terminal)
{
    char align[FIXED_COLUMNS + NASTL_OBJECTIVES + 1];
    struct nastl_texttable table;
    struct nastl_strbuf buf;
    alignment(align, pareto_json);
    nastl_texttable_init(&table, align);
    nastl_strbuf_init(&buf);
    fill(&table, pareto_json, is_terminal);
    const int status = is_terminal ? nastl_texttable_write(&buf, &table, NASTL_SHOW_WIDTH)
                                   : nastl_texttable_markdown(&buf, &table);
    if (is_terminal && has_mark(pareto_json))
        put_legend(&buf, pareto_json);
    nastl_texttable_finish(&table);
    if (status == NASTL_OK)
        return nastl_strbuf_take(out, &buf);
    nastl_strbuf_finish(&buf);
    return status;
}

int nastl_study_front_table(char **out, const json_t *pareto_json)
{
    return write_front(out, pareto_json, true);
}

int nastl_study_front_markdown(char **out, const json_t *pareto_json)
{
    return write_front(out, pareto_json, false);
}
