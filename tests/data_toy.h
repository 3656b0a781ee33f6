/* data_toy.h: small tables and datasets for the tests of data.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DATA_TOY_H
#define TESTS_DATA_TOY_H

#include "check.h"

#include "base/opt.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "data/prep.h"

#include <math.h>

/* ---- warnings, one a line ---- */

static inline void toy_log_line(enum nastl_log_level level, const char *message,
                                void *payload)
{
    struct nastl_strbuf *buf = payload;
    (void)level;
    nastl_strbuf_addf(buf, "%s\n", message);
}

struct toy_log {
    struct nastl_strbuf text;
    struct nastl_log log;
};

static inline const struct nastl_log *toy_log_start(struct toy_log *toy)
{
    nastl_strbuf_init(&toy->text);
    toy->log = (struct nastl_log){toy_log_line, &toy->text};
    return &toy->log;
}

/* What was said, freed at the next call: "" for nothing. */
static inline void toy_log_check(struct toy_log *toy, const char *part)
{
    const char *text = nastl_strbuf_text(&toy->text);
    if (part ? !strstr(text, part) : *text != '\0') {
        print_error("warnings: '%s', expected '%s'\n", text, part ? part : "");
        fail();
    }
    nastl_strbuf_finish(&toy->text);
}

/* ---- files and what is asked of them ---- */

static inline const char *toy_write(void **state, const char *name, const char *text)
{
    const char *path = scratch(state, name);
    scratch_write(path, text, strlen(text));
    return path;
}

/* Parameters that ask for one target file; `items` holds its name. */
static inline struct nastl_dataset_params toy_params(char **items, const char *path,
                                                     const char *label)
{
    items[0] = (char *)(uintptr_t)path;
    return (struct nastl_dataset_params){.target = {items, 1}, .label = label, .seed = 1};
}

/* Rows i of a, b, text, site, group and label, seeded; `n` of them. */
static inline const char *toy_rows(void **state, const char *name, size_t n,
                                   uint64_t seed)
{
    static const char *const texts[] = {"red", "green", "blue", ""};
    struct nastl_strbuf buf;
    struct nastl_rng rng;
    nastl_strbuf_init(&buf);
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    nastl_strbuf_add(&buf, "id,a,b,text,site,group,time,class,value\n");
    for (size_t i = 0; i < n; i++) {
        const uint64_t kind = nastl_rng_below(&rng, 10);
        nastl_strbuf_addf(&buf, "%zu,%.4f,", i, nastl_rng_normal(&rng));
        if (nastl_rng_below(&rng, 5))
            nastl_strbuf_addf(&buf, "%d", (int)nastl_rng_below(&rng, 30));
        nastl_strbuf_addf(
            &buf, ",%s,%s,g%d,%d,%s,%.3f\n", texts[nastl_rng_below(&rng, 4)],
            nastl_rng_below(&rng, 2) ? "north" : "south", (int)nastl_rng_below(&rng, 25),
            (int)nastl_rng_below(&rng, 5000),
            kind < 6   ? "low"
            : kind < 9 ? "mid"
                       : "high",
            exp(nastl_rng_normal(&rng)));
    }
    const char *path = scratch(state, name);
    scratch_write(path, buf.text, buf.length);
    nastl_strbuf_finish(&buf);
    return path;
}

static inline const struct nastl_feature *toy_feature(const struct nastl_dataset *dataset,
                                                      const char *name)
{
    for (size_t i = 0; i < dataset->feature_count; i++)
        if (strcmp(dataset->features[i].name, name) == 0)
            return &dataset->features[i];
    return NULL;
}

#endif
