/* preset.c: the registry of presets: spaces in which everything is fixed, one for classes
 * and one for values, made into arrays of search_spaces/presets/ by scripts/embed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <nastl/space.h>

#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"

#include <string.h>

extern const char nastl_realmlp_classification[], nastl_realmlp_regression[];
extern const size_t nastl_realmlp_classification_size, nastl_realmlp_regression_size;

struct source {
    const char *text;
    const size_t *length;
};

/* What nastl_presets() lists, with its two spaces. */
static const struct preset {
    struct nastl_preset listed;
    struct source classes, values;
} realmlp = {
    .listed = {.name = "realmlp",
               .description =
                   "RealMLP-TD: a perceptron and a recipe that were tuned once "
                   "for many data sets (Holzmüller et al. 2024)"},
    .classes = {nastl_realmlp_classification, &nastl_realmlp_classification_size},
    .values = {nastl_realmlp_regression, &nastl_realmlp_regression_size},
};

static const struct preset *const presets[] = {&realmlp};
enum { PRESETS = sizeof presets / sizeof *presets };

const struct nastl_preset *nastl_preset_at(size_t i)
{
    return i < PRESETS ? &presets[i]->listed : NULL;
}

static int unknown(const char *name)
{
    struct nastl_strbuf list;
    nastl_strbuf_init(&list);
    for (size_t i = 0; i < PRESETS; i++)
        nastl_strbuf_addf(&list, "%s%s", i ? ", " : "", presets[i]->listed.name);
    const char *names = nastl_strbuf_text(&list);
    const int status =
        nastl_error(NASTL_EINVAL, "preset '%.100s': unknown; give one of: %s", name,
                    names ? names : presets[0]->listed.name);
    nastl_strbuf_finish(&list);
    return status;
}

int nastl_space_preset(struct nastl_space **out, const char *name, bool values)
{
    for (size_t i = 0; i < PRESETS; i++) {
        if (strcmp(presets[i]->listed.name, name) != 0)
            continue;
        const struct source *source = values ? &presets[i]->values : &presets[i]->classes;
        return nastl_space_parse(out, source->text, *source->length, name);
    }
    return unknown(name);
}
