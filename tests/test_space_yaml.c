/* test_space_yaml.c: spaces from files: what is read, and what each malformed file is
 * answered.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "space_toy.h"

#include <dirent.h>
#include <math.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define FIXTURES     TESTS_SOURCE "/fixtures/spaces"
#define SPACES       TESTS_SOURCE "/../search_spaces"

static const struct nastl_dim *dim_of(const struct nastl_space *space, const char *key)
{
    for (size_t i = 0; i < nastl_space_dims(space); i++)
        if (strcmp(nastl_space_dim(space, i)->key, key) == 0)
            return nastl_space_dim(space, i);
    return NULL;
}

static char *read_text(const char *path)
{
    char *text = NULL;
    size_t length;
    if (nastl_file_read(&text, &length, path, 1 << 20) < 0)
        fail_msg("%s", nastl_error_last());
    return text;
}

/* ---- malformed files --------------------------------------------------------------- */

/* Each file of fixtures/spaces, and its sentence after the file's name. */
static const struct {
    const char *name, *sentence;
} malformed[] = {
    {"choice_is_scalar",
     ":3:24: key 'mlp.activation': nothing to choose from; write choice: [a, b]"},
    {"choice_of_wrong_type", ":3:30: key 'training.batch_size': 'big' is no whole "
                             "number; accepted: whole numbers from 1 to 65536"},
    {"choice_twice",
     ":3:35: key 'training.batch_size': '128' stands there twice; keep one"},
    {"constraint_is_map",
     ":3:5: key 'constraints': no expression; write one such as \"parameters <= 20000\""},
    {"constraint_layer_too_high",
     ":6:6: key 'constraints': 'width.2' is unknown; did you mean 'width'?"},
    {"constraint_no_condition", ":3:12: key 'constraints': a condition is wanted here; "
                                "compare the value, as in layers <= 4"},
    {"constraint_open_parenthesis",
     ":3:22: key 'constraints': a ')' is missing; close the parenthesis"},
    {"constraint_single_equals",
     ":3:13: key 'constraints': '=' is no operator; equality is written =="},
    {"constraint_unknown_name",
     ":4:6: key 'constraints': 'paramters' is unknown; did you mean 'parameters'?"},
    {"constraint_unknown_word", ":3:19: key 'constraints': 'tanh' is no activation; "
                                "there is relu, gelu, silu, selu, mish"},
    {"constraints_no_list",
     ":2:14: key 'constraints': no list; write each expression below it after a dash"},
    {"duplicate_key", ":4:3: key 'layers': stands in line 3 already; keep one"},
    {"empty", ":1:1: empty; write key: value lines"},
    {"empty_choice",
     ":3:24: key 'mlp.activation': nothing to choose from; write choice: [a, b]"},
    {"empty_range",
     ":3:16: key 'mlp.width': the range [128, 16] is empty; write the lower end first"},
    {"float_for_int", ":3:19: key 'mlp.layers': float is of the wrong type; accepted: a "
                      "value, {choice: [a, b]} or {int: [low, high]}"},
    {"float_is_nan", ":3:18: key 'training.learning_rate': '.nan' is no number; "
                     "accepted: numbers from 1e-08 to 1"},
    {"float_too_large",
     ":3:26: key 'mlp.dropout': '1.5' is out of range; accepted: numbers from 0 to 0.9"},
    {"int_and_choice",
     ":3:17: key 'mlp.layers': int stands beside choice; keep one of them"},
    {"int_for_words", ":3:21: key 'mlp.activation': int is of the wrong type; accepted: "
                      "a word or {choice: [a, b]}"},
    {"int_is_fraction", ":3:11: key 'mlp.layers': '2.5' is no whole number; accepted: "
                        "whole numbers from 1 to 8"},
    {"ensemble_of_many", ":2:24: key 'ensemble': '64' is out of range; accepted: whole "
                         "numbers from 1 to 32"},
    {"int_is_quoted", ":3:11: key 'mlp.layers': '2' in quotes is no number; accepted: "
                      "whole numbers from 1 to 8"},
    {"int_is_word", ":3:11: key 'mlp.layers': 'many' is no whole number; accepted: whole "
                    "numbers from 1 to 8"},
    {"int_too_large",
     ":3:21: key 'mlp.layers': '9' is out of range; accepted: whole numbers from 1 to 8"},
    {"later_embedding",
     ":3:22: key 'input.numeric_embedding': 'fourier' is unknown; accepted: none, "
     "piecewise_linear, periodic, pbld"},
    {"later_strategy",
     ":3:43: key 'transfer.strategy': 'bss' is unknown; accepted: scratch, pooled, "
     "fine_tune, head_first, linear_probe, gradual_unfreeze, discriminative, l2_sp, "
     "delta, distill"},
    {"list_for_one", ":3:12: key 'mlp.dropout': a list is no value; accepted: a value, "
                     "{choice: [a, b]} or {float: [low, high]}"},
    {"list_too_short",
     ":4:10: key 'mlp.width': 2 values for at most 3 layers; give one a layer"},
    {"log_of_zero", ":3:42: key 'training.weight_decay': scale log wants a range above "
                    "0; raise its lower end, or write scale: linear"},
    {"name_is_list", ":2:7: key 'name': no text; write a short name"},
    {"nested_choice", ":3:25: key 'mlp.activation': no single value; accepted: relu, "
                      "gelu, silu, selu, mish"},
    {"newer_schema", ":1:9: key 'schema': unknown; accepted: nas-tl/space/v1"},
    {"no_schema", ":1:1: key 'schema': missing; write schema: nas-tl/space/v1"},
    {"no_value", ":3:12: key 'mlp.dropout': no value; accepted: a value, {choice: [a, "
                 "b]} or {float: [low, high]}"},
    {"not_yaml", ":4:3: did not find expected ',' or '}' while parsing a flow mapping "
                 "from line 3; correct the YAML"},
    {"other_schema", ":1:9: key 'schema': unknown; accepted: nas-tl/space/v1"},
    {"per_block", ":3:31: key 'mlp.width': no such per; accepted: layer"},
    {"per_without_layers",
     ":3:36: key 'training.batch_size': it has one value in a candidate; leave per out"},
    {"range_of_three", ":3:16: key 'mlp.width': no range; write int: [low, high]"},
    {"root_is_list",
     ":1:1: no space; write key: value lines, first schema: nas-tl/space/v1"},
    {"root_is_text",
     ":1:1: no space; write key: value lines, first schema: nas-tl/space/v1"},
    {"scale_of_choice",
     ":3:36: key 'mlp.width': scale does not go with choice; leave it out"},
    {"section_is_empty",
     ":2:10: key 'training': no section; write its keys below it, key: value"},
    {"section_is_scalar",
     ":2:6: key 'mlp': no section; write its keys below it, key: value"},
    {"step_does_not_fit", ":3:33: key 'mlp.width': step 100 does not fit; accepted: one "
                          "that divides the range's length, 240"},
    {"step_is_fraction",
     ":3:32: key 'mlp.width': no step; accepted: a whole number above 0"},
    {"step_of_zero", ":3:36: key 'mlp.dropout': no step; accepted: a number above 0"},
    {"unknown_family",
     ":2:24: key 'family': 'forest' is unknown; accepted: mlp, resnet, tabm, "
     "ft_transformer"},
    {"unknown_family_section", ":2:1: key 'forest': unknown; Accepted: schema, name, "
                               "family, mlp, resnet, tabm, ft_transformer, input, "
                               "training, transfer, ensemble, constraints"},
    {"unknown_key", ":4:3: key 'dropuot': unknown; did you mean 'dropout'? Accepted: "
                    "layers, width, activation, activation_share, normalization, "
                    "dropout, parametrization, initialization"},
    {"unknown_normalizer", ":3:15: key 'transfer.normalizer': 'joint' is unknown; "
                           "accepted: source, target, both"},
    {"unknown_option", ":3:26: key 'scales': unknown; did you mean 'scale'? Accepted: "
                       "choice, int, float, scale, step, per, when"},
    {"unknown_scale", ":3:33: key 'mlp.width': no such scale; accepted: linear, log"},
    {"unknown_section",
     ":2:1: key 'trainig': unknown; did you mean 'training'? Accepted: schema, name, "
     "family, mlp, resnet, tabm, ft_transformer, input, training, transfer, ensemble, "
     "constraints"},
    {"when_circular", ":3:36: key 'mlp.dropout': its condition depends on itself; name "
                      "other keys in when"},
    {"when_is_list",
     ":3:36: key 'mlp.dropout': when is no expression; write one such as \"layers > 1\""},
    {"when_measured", ":3:37: key 'mlp.dropout': 'parameters' is measured after a "
                      "candidate is chosen; a condition names keys of the space alone"},
    {"when_of_family",
     ":2:31: key 'family': every candidate has a family; leave when out"},
    {"when_of_its_layers",
     ":3:31: key 'mlp.layers': its condition depends on itself; name other keys in when"},
    {"when_unknown_key",
     ":3:37: key 'mlp.dropout': 'layer' is unknown; did you mean 'layers'?"},
    {"when_unreadable", ":3:46: key 'mlp.dropout': a value is missing; write a number, a "
                        "name or a parenthesis"},
    {"word_is_number", ":3:15: key 'mlp.activation': '3' is unknown; accepted: relu, "
                       "gelu, silu, selu, mish"},
    {"word_misspelt", ":3:31: key 'mlp.activation': 'gelo' is unknown (did you mean "
                      "'gelu'?); accepted: relu, gelu, silu, selu, mish"},
};

static void each_malformed_file_gives_its_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(malformed); i++) {
        char path[512], sentence[512];
        snprintf(path, sizeof path, FIXTURES "/%s.yaml", malformed[i].name);
        snprintf(sentence, sizeof sentence, "%s.yaml%s", malformed[i].name,
                 malformed[i].sentence);
        char *text = read_text(path);
        struct nastl_space *space = NULL;
        snprintf(path, sizeof path, "%s.yaml", malformed[i].name);
        assert_int_equal(nastl_space_parse(&space, text, strlen(text), path),
                         NASTL_EFORMAT);
        assert_string_equal(nastl_error_last(), sentence);
        assert_null(space);
        free(text);
    }
}

static void each_malformed_file_is_tested(void **state)
{
    (void)state;
    DIR *folder = opendir(FIXTURES);
    assert_non_null(folder);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += strstr(entry->d_name, ".yaml") != NULL;
    closedir(folder);
    assert_int_equal(count, COUNT(malformed));
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct nastl_space *space = NULL;
    assert_int_equal(nastl_space_read(&space, FIXTURES "/none.yaml"), NASTL_ENOENT);
    assert_non_null(strstr(nastl_error_last(), "none.yaml"));
    assert_null(space);
}

static void reading_names_the_path(void **state)
{
    (void)state;
    struct nastl_space *space = NULL;
    assert_int_equal(nastl_space_read(&space, FIXTURES "/no_schema.yaml"), NASTL_EFORMAT);
    const char *expected = FIXTURES "/no_schema.yaml:1:1: ";
    assert_memory_equal(nastl_error_last(), expected, strlen(expected));
}

/* ---- what is read ------------------------------------------------------------------ */

static void every_form_of_a_value_is_read(void **state)
{
    (void)state;
    struct nastl_space *space = toy_space(RICH_SPACE);
    assert_non_null(space);
    assert_string_equal(nastl_space_name(space), "rich");
    const struct nastl_dim *layers = dim_of(space, "mlp.layers");
    assert_int_equal(layers->kind, NASTL_DIM_CHOICE);
    assert_int_equal(layers->count, 3);
    assert_true(layers->choices[1].number == 3 && !layers->choices[1].text);
    const struct nastl_dim *width = dim_of(space, "mlp.width.7");
    assert_int_equal(width->kind, NASTL_DIM_INT);
    assert_true(width->low == 1 && width->high == 2048 && width->log && !width->fixed);
    assert_null(dim_of(space, "mlp.width.8"));
    assert_null(dim_of(space, "mlp.width"));
    const struct nastl_dim *dropout = dim_of(space, "mlp.dropout");
    assert_int_equal(dropout->kind, NASTL_DIM_FLOAT);
    assert_true(dropout->step == 0.1 && !dropout->log);
    assert_string_equal(dim_of(space, "mlp.activation")->choices[0].text, "silu");
    assert_true(dim_of(space, "training.patience")->fixed);
    nastl_space_destroy(space);
}

static void lists_fix_a_value_for_each_layer(void **state)
{
    (void)state;
    struct nastl_space *space =
        toy_space(TOY_SCHEMA "mlp: {layers: 3, width: [9, 5, 7]}");
    assert_non_null(space);
    assert_int_equal(nastl_space_searched(space), 0);
    struct nastl_point *point;
    struct nastl_candidate candidate;
    assert_int_equal(nastl_point_create(&point, space), NASTL_OK);
    assert_int_equal(nastl_point_candidate(&candidate, space, point), NASTL_OK);
    assert_true(nastl_candidate_number(&candidate, "mlp.width.0", 0) == 9);
    assert_true(nastl_candidate_number(&candidate, "mlp.width.1", 0) == 5);
    assert_true(nastl_candidate_number(&candidate, "mlp.width.2", 0) == 7);
    nastl_candidate_finish(&candidate);
    nastl_point_destroy(point);
    nastl_space_destroy(space);
}

static void the_name_is_the_stem_of_the_file(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"spaces/wide.yaml", "wide"}, {"wide", "wide"},  {"a.b/.hidden", ".hidden"},
        {"a/b.c.yaml", "b.c"},        {"a.yaml/b", "b"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct nastl_space *space;
        assert_int_equal(
            nastl_space_parse(&space, TOY_SCHEMA, strlen(TOY_SCHEMA), cases[i][0]),
            NASTL_OK);
        assert_string_equal(nastl_space_name(space), cases[i][1]);
        nastl_space_destroy(space);
    }
}

/* The order of sections and keys in the file says nothing: the same draws. */
static void the_order_in_the_file_does_not_matter(void **state)
{
    (void)state;
    struct nastl_space *spaces[2] = {
        toy_space(TOY_SCHEMA "mlp:\n  layers: {int: [1, 4]}\n"
                             "  width: {int: [8, 64], per: layer}\n"
                             "training: {batch_size: {choice: [32, 64]}}\n"),
        toy_space("training: {batch_size: {choice: [32, 64]}}\n"
                  "mlp:\n  width: {per: layer, int: [8, 64]}\n"
                  "  layers: {int: [1, 4]}\n" TOY_SCHEMA),
    };
    uint64_t hash[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct nastl_point *point;
        struct nastl_rng rng;
        nastl_rng_init(&rng, 3, 0, NASTL_RNG_TEST);
        assert_int_equal(nastl_point_create(&point, spaces[i]), NASTL_OK);
        for (int draw = 0; draw < 50; draw++) {
            nastl_space_sample(spaces[i], &rng, point);
            hash[i] = hash[i] * 31 + nastl_point_hash(spaces[i], point);
        }
        nastl_point_destroy(point);
        nastl_space_destroy(spaces[i]);
    }
    assert_true(hash[0] == hash[1]);
}

/* ---- the spaces that come along ---------------------------------------------------- */

static void the_default_space_is_the_file(void **state)
{
    (void)state;
    struct nastl_space *embedded, *read;
    assert_int_equal(nastl_space_default(&embedded), NASTL_OK);
    assert_int_equal(nastl_space_read(&read, SPACES "/default.yaml"), NASTL_OK);
    assert_string_equal(nastl_space_name(embedded), "default");
    assert_int_equal(nastl_space_dims(embedded), nastl_space_dims(read));
    for (size_t i = 0; i < nastl_space_dims(read); i++) {
        const struct nastl_dim *a = nastl_space_dim(embedded, i);
        const struct nastl_dim *b = nastl_space_dim(read, i);
        assert_string_equal(a->key, b->key);
        assert_true(a->kind == b->kind && a->low == b->low && a->high == b->high);
    }
    nastl_space_destroy(embedded);
    nastl_space_destroy(read);
}

static void the_space_for_real_data_is_as_promised(void **state)
{
    (void)state;
    struct nastl_space *space;
    assert_int_equal(nastl_space_read(&space, SPACES "/mlp.yaml"), NASTL_OK);
    assert_true(dim_of(space, "mlp.layers")->high == 4);
    assert_true(dim_of(space, "mlp.width.3")->step == 16);
    assert_true(dim_of(space, "training.label_transform")->fixed);
    assert_int_equal(nastl_space_constraints(space), 1);
    assert_string_equal(nastl_space_constraint_text(space, 0), "parameters <= 200000");
    nastl_space_destroy(space);
}

/* ---- the vocabulary ---------------------------------------------------------------- */

typedef void (*visitor)(const char *path, const struct nastl_key *key, void *payload);

static void visit_section(const struct nastl_section *section, visitor visit,
                          void *payload)
{
    for (const struct nastl_key *key = section->keys; key->name; key++) {
        char path[128];
        snprintf(path, sizeof path, "%s.%s", section->name, key->name);
        visit(path, key, payload);
    }
}

static void visit_keys(visitor visit, void *payload)
{
    const struct nastl_section *section = nastl_vocabulary.families;
    for (; section->name; section++)
        visit_section(section, visit, payload);
    for (section = nastl_vocabulary.shared; section->name; section++)
        visit_section(section, visit, payload);
    for (const struct nastl_key *key = nastl_vocabulary.bare; key->name; key++)
        visit(key->name, key, payload);
}

/* A space that gives nothing has each key at its default, as the table says. */
static void check_default(const char *path, const struct nastl_key *key, void *payload)
{
    const struct nastl_dim *dim = dim_of(payload, path);
    assert_non_null(dim);
    assert_true(dim->fixed && dim->count == 1);
    if (key->type == NASTL_KEY_WORD) {
        assert_string_equal(dim->choices[0].text, key->fallback);
    } else {
        assert_true(dim->choices[0].number == strtod(key->fallback, NULL));
        assert_true(dim->choices[0].number >= key->low);
    }
    assert_true(key->help[strlen(key->help) - 1] == '.');
}

static void each_key_has_a_default_that_it_accepts(void **state)
{
    (void)state;
    struct nastl_strbuf text;
    nastl_strbuf_init(&text);
    nastl_strbuf_add(&text, TOY_SCHEMA "family: {choice: [");
    for (size_t i = 0; nastl_vocabulary.families[i].name; i++)
        nastl_strbuf_addf(&text, "%s%s", i ? ", " : "",
                          nastl_vocabulary.families[i].name);
    nastl_strbuf_add(&text, "]}\n");
    struct nastl_space *space = toy_space(nastl_strbuf_text(&text));
    assert_non_null(space);
    visit_keys(check_default, space);
    nastl_space_destroy(space);
    nastl_strbuf_finish(&text);
}

/* "| `mlp.layers` | whole numbers from 1 to 8 | 2 | Number of … |" of the table. */
static void describe(struct nastl_strbuf *row, const char *path,
                     const struct nastl_key *key)
{
    nastl_strbuf_addf(row, "| `%s` | ", path);
    for (const char *const *word = key->words; word && *word; word++)
        nastl_strbuf_addf(row, "%s%s", word == key->words ? "" : ", ", *word);
    if (key->type != NASTL_KEY_WORD && key->low < key->high) {
        nastl_strbuf_add(row, key->type == NASTL_KEY_INT ? "whole numbers" : "numbers");
        nastl_strbuf_add(row, " from ");
        nastl_strbuf_add_number(row, key->low);
        nastl_strbuf_add(row, " to ");
    }
    if (key->type != NASTL_KEY_WORD)
        nastl_strbuf_add_number(row, key->high);
    nastl_strbuf_addf(row, "%s | %s | %s |\n", key->per_layer ? ", `per: layer`" : "",
                      key->fallback, key->help);
}

static void check_documented(const char *path, const struct nastl_key *key, void *payload)
{
    struct nastl_strbuf row;
    nastl_strbuf_init(&row);
    describe(&row, path, key);
    if (!strstr(payload, nastl_strbuf_text(&row)))
        fail_msg("search_spaces/README.md lacks: %s", nastl_strbuf_text(&row));
    nastl_strbuf_finish(&row);
}

static void the_readme_shows_every_key_and_name(void **state)
{
    (void)state;
    char *text = read_text(SPACES "/README.md");
    visit_keys(check_documented, text);
    for (const char *const *name = nastl_space_measured_names(); *name; name++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "`%s`", *name);
        assert_non_null(strstr(text, quoted));
    }
    free(text);
}

/* An unqualified name must not mean two things in one candidate. */
static void check_unique(const char *path, const struct nastl_key *key, void *payload)
{
    (void)path;
    const struct nastl_section *family = nastl_vocabulary.families;
    for (; payload && family->name; family++)
        for (const struct nastl_key *own = family->keys; own->name; own++)
            assert_string_not_equal(own->name, key->name);
    for (const char *const *name = nastl_space_measured_names(); *name; name++)
        assert_string_not_equal(*name, key->name);
}

static void names_mean_one_thing(void **state)
{
    (void)state;
    int shared = 1;
    const struct nastl_section *section = nastl_vocabulary.shared;
    for (; section->name; section++)
        visit_section(section, check_unique, &shared);
    for (section = nastl_vocabulary.families; section->name; section++)
        visit_section(section, check_unique, NULL);
}

/* ---- hostile texts ----------------------------------------------------------------- */

static void nesting_bombs_are_refused(void **state)
{
    (void)state;
    enum { MOST = 100000 };
    static const char *const pieces[] = {"[", "{mlp: ", "- ", "? ", "mlp: {"};
    char *text = malloc(MOST + 64);
    assert_non_null(text);
    for (size_t i = 0; i < COUNT(pieces); i++) {
        const size_t start = (size_t)sprintf(text, TOY_SCHEMA "constraints: "),
                     each = strlen(pieces[i]);
        for (size_t at = 0; at < MOST; at++)
            text[start + at] = pieces[i][at % each];
        struct nastl_space *space = NULL;
        assert_int_equal(nastl_space_parse(&space, text, start + MOST, "bomb.yaml"),
                         NASTL_EFORMAT);
        assert_null(space);
    }
    free(text);
}

/* Bytes are changed, cut out and repeated; whatever comes of it is read or refused. */
static void mutate(char *text, size_t *length, struct nastl_rng *rng)
{
    static const char bytes[] = "{}[]:,-#'\"\n 0123456789aelny.%\t|>&*!\xff";
    const size_t at = nastl_rng_below(rng, *length);
    const size_t cut = nastl_rng_below(rng, 8);
    switch (nastl_rng_below(rng, 3)) {
    case 0:
        text[at] = bytes[nastl_rng_below(rng, sizeof bytes - 1)];
        break;
    case 1:
        if (at + cut < *length) {
            memmove(text + at, text + at + cut, *length - at - cut);
            *length -= cut;
        }
        break;
    default:
        memmove(text + at + cut, text + at, *length - at);
        *length += cut;
    }
}

static void mutated_spaces_are_read_or_refused(void **state)
{
    (void)state;
    enum { ROUNDS = 4000, ROOM = 4096 };
    static const char start[] =
        RICH_SPACE "constraints:\n  - \"width < 3 or layers < 2\"\n";
    struct nastl_rng rng;
    nastl_rng_init(&rng, 13, 0, NASTL_RNG_TEST);
    size_t taken = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char text[ROOM];
        size_t length = sizeof start - 1;
        memcpy(text, start, length);
        for (uint64_t n = 1 + nastl_rng_below(&rng, 3); n > 0; n--)
            mutate(text, &length, &rng);
        struct nastl_space *space = NULL;
        const int status = nastl_space_parse(&space, text, length, "mutant.yaml");
        assert_true(status == NASTL_OK || status == NASTL_EFORMAT);
        taken += status == NASTL_OK;
        nastl_space_destroy(space);
    }
    assert_true(taken > 100 && taken < ROUNDS);
}

static void parsing_survives_allocation_failure(void **state)
{
    (void)state;
    static const char text[] = TOY_SPACE "constraints:\n"
                                         "  - parameters <= 2000\n"
                                         "  - token_width % heads == 0\n";
    int status = NASTL_ENOMEM;
    size_t n = 0;
    while (status == NASTL_ENOMEM) {
        struct nastl_space *space = NULL;
        nastl_alloc_fail_from(++n);
        status = nastl_space_parse_with(&space, text, sizeof text - 1, "toy.yaml",
                                        &toy_vocabulary);
        nastl_alloc_fail_from(0);
        assert_true((space != NULL) == (status == NASTL_OK));
        nastl_space_destroy(space);
    }
    assert_int_equal(status, NASTL_OK);
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_malformed_file_gives_its_sentence),
        cmocka_unit_test(each_malformed_file_is_tested),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(reading_names_the_path),
        cmocka_unit_test(every_form_of_a_value_is_read),
        cmocka_unit_test(lists_fix_a_value_for_each_layer),
        cmocka_unit_test(the_name_is_the_stem_of_the_file),
        cmocka_unit_test(the_order_in_the_file_does_not_matter),
        cmocka_unit_test(the_default_space_is_the_file),
        cmocka_unit_test(the_space_for_real_data_is_as_promised),
        cmocka_unit_test(each_key_has_a_default_that_it_accepts),
        cmocka_unit_test(the_readme_shows_every_key_and_name),
        cmocka_unit_test(names_mean_one_thing),
        cmocka_unit_test(nesting_bombs_are_refused),
        cmocka_unit_test(mutated_spaces_are_read_or_refused),
        cmocka_unit_test(parsing_survives_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
