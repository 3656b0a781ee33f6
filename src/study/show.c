/* show.c: `nas-tl study show`: what the ledger holds now, for people or as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- lines ------------------------------------------------------------------------- */

static void put_asked(struct nastl_strbuf *buf, const json_t *doc)
{
    const json_t *data = json_object_get(doc, "data");
    const char *source = nastl_json_text_at(data, "source", NULL);
    nastl_strbuf_addf(buf, "task        %s, space %s, seed %lld\n",
                      nastl_json_text_at(doc, "task", "not known yet"),
                      nastl_json_text_at(doc, "space", "not known yet"),
                      nastl_json_whole_at(doc, "seed"));
    nastl_strbuf_addf(buf, "target      %s\n",
                      nastl_json_text_at(data, "target", "not known yet"));
    if (source)
        nastl_strbuf_addf(buf, "source      %s\n", source);
}

static void put_data(struct nastl_strbuf *buf, const json_t *doc)
{
    const json_t *data = json_object_get(doc, "data");
    const json_t *rows = json_object_get(data, "rows");
    if (!rows)
        return;
    nastl_strbuf_addf(buf, "rows        ");
    if (nastl_json_whole_at(rows, "source"))
        nastl_strbuf_addf(buf, "source %lld, ", nastl_json_whole_at(rows, "source"));
    nastl_strbuf_addf(
        buf, "train %lld, valid %lld, test %lld; %lld features",
        nastl_json_whole_at(rows, "train"), nastl_json_whole_at(rows, "valid"),
        nastl_json_whole_at(rows, "test"), nastl_json_whole_at(data, "features"));
    if (nastl_json_whole_at(data, "classes"))
        nastl_strbuf_addf(buf, ", %lld classes", nastl_json_whole_at(data, "classes"));
    nastl_strbuf_add(buf, "\n");
}

static void put_objectives(struct nastl_strbuf *buf, const json_t *doc)
{
    size_t j;
    json_t *objective;
    nastl_strbuf_add(buf, "objectives  ");
    json_array_foreach (json_object_get(doc, "objectives"), j, objective) {
        const char *unit = nastl_json_text_at(objective, "unit", "1");
        const bool bare = strcmp(unit, "1") == 0 || strcmp(unit, "label's unit") == 0;
        nastl_strbuf_addf(buf, "%s%.3s %s%s%s", j ? ", " : "",
                          nastl_json_text_at(objective, "direction", ""),
                          nastl_json_text_at(objective, "name", ""), bare ? "" : " ",
                          bare ? "" : unit);
    }
    nastl_strbuf_add(buf, "\n");
}

static void put_counts(struct nastl_strbuf *buf, const json_t *doc, size_t running)
{
    const char *name;
    json_t *count;
    size_t written = 0;
    nastl_strbuf_add(buf, "trials      ");
    json_object_foreach (json_object_get(doc, "trials"), name, count) {
        if (written == 0 || json_integer_value(count) > 0)
            nastl_strbuf_addf(buf, "%s%lld %s", written++ ? ", " : "",
                              (long long)json_integer_value(count), name);
    }
    if (running)
        nastl_strbuf_addf(buf, ", %zu running", running);
    nastl_strbuf_add(buf, "\n");
}

static void put_end(struct nastl_strbuf *buf, const json_t *doc, const char *stop)
{
    const json_t *seconds = json_object_get(doc, "seconds");
    if (!stop) {
        nastl_strbuf_add(buf, "ended       not yet; if no search is running, --resume "
                              "goes on with it\n");
        return;
    }
    nastl_strbuf_addf(buf, "ended       %s", stop);
    if (json_is_number(seconds))
        nastl_strbuf_addf(buf, ", after %.1f s", json_number_value(seconds));
    nastl_strbuf_add(buf, "\n");
}

/* Words on lines of the terminal's width; a longer word has a line of its own. */
static void put_wrapped(struct nastl_strbuf *buf, const char *text)
{
    size_t column = 0;
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        const size_t length = strcspn(text, " ");
        const bool fits = column + 1 + length <= NASTL_SHOW_WIDTH;
        if (column)
            nastl_strbuf_add(buf, fits ? " " : "\n");
        nastl_strbuf_add_bytes(buf, text, length);
        column = column && fits ? column + 1 + length : length;
        text += length;
    }
    nastl_strbuf_add(buf, "\n");
}

static int put_delivered(struct nastl_strbuf *buf, const json_t *doc)
{
    const json_t *deliver = json_object_get(doc, "deliver");
    struct nastl_strbuf text;
    nastl_strbuf_init(&text);
    nastl_strbuf_addf(&text, "Delivered is trial %lld: %s.",
                      nastl_json_whole_at(deliver, "trial"),
                      nastl_json_text_at(deliver, "reason", ""));
    const char *sentence = nastl_strbuf_text(&text);
    nastl_strbuf_add(buf, "\n");
    put_wrapped(buf, sentence ? sentence : "");
    const int status = sentence ? NASTL_OK : nastl_error_nomem("a study");
    nastl_strbuf_finish(&text);
    return status;
}

static int put_front(struct nastl_strbuf *buf, const json_t *doc)
{
    char *text;
    const json_t *volume = json_object_get(doc, "hypervolume");
    const size_t members = json_array_size(json_object_get(doc, "front"));
    nastl_strbuf_addf(buf, "front       %zu member%s, hypervolume %.6g\n", members,
                      members == 1 ? "" : "s", json_number_value(volume));
    if (!members)
        return NASTL_OK;
    TRY(nastl_study_front_table(&text, doc));
    nastl_strbuf_addf(buf, "\n%s", text);
    free(text);
    TRY(nastl_study_front_plot(&text, doc));
    nastl_strbuf_addf(buf, "%s%s", *text ? "\n" : "", text);
    free(text);
    return put_delivered(buf, doc);
}

static int put_all(struct nastl_strbuf *buf, const struct nastl_study *study,
                   const json_t *doc, const char *stop, size_t running)
{
    nastl_strbuf_addf(buf, "study       %s in %s\n", study->name, study->folder);
    put_asked(buf, doc);
    put_data(buf, doc);
    put_objectives(buf, doc);
    put_counts(buf, doc, running);
    put_end(buf, doc, stop);
    return put_front(buf, doc);
}

/* ---- the whole --------------------------------------------------------------------- */

static int as_text(char **out, const struct nastl_study *study, const json_t *doc,
                   const char *stop, size_t running)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    const int status = put_all(&buf, study, doc, stop, running);
    if (status == NASTL_OK)
        return nastl_strbuf_take(out, &buf);
    nastl_strbuf_finish(&buf);
    return status;
}

static int as_json(char **out, const json_t *doc)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_json_write(&buf, doc, 2);
    nastl_strbuf_add(&buf, "\n");
    return nastl_strbuf_take(out, &buf);
}

/* A document from the ledger as it is now, and how many trials run. */
static int document_now(json_t **out, size_t *running, struct nastl_study *study)
{
    struct nastl_trial *trials;
    size_t count;
    json_t *head = NULL;
    TRY(nastl_study_trials(study, &trials, &count));
    int status = nastl_study_head(&head, study);
    if (status == NASTL_OK)
        status = nastl_study_document(out, study, head, trials, count);
    *running = 0;
    for (size_t i = 0; i < count; i++)
        *running += trials[i].state == NASTL_STATE_RUNNING;
    json_decref(head);
    nastl_study_free_trials(trials, count);
    return status;
}

static int show(char **out, struct nastl_study *study, bool json)
{
    json_t *doc;
    char *stop = NULL;
    size_t running;
    TRY(document_now(&doc, &running, study));
    int status = json ? as_json(out, doc) : nastl_study_get_fact(study, "stop", &stop);
    if (status == NASTL_OK && !json)
        status = as_text(out, study, doc, stop, running);
    free(stop);
    json_decref(doc);
    return status;
}

int nastl_study_show(char **out, const char *folder, bool json)
{
    struct nastl_study *study;
    TRY(nastl_study_look(&study, folder));
    const int status = show(out, study, json);
    nastl_study_close(study);
    return status;
}
