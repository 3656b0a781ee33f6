/* candidate.c: lists of keys and values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "space/candidate.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "space/space_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void nastl_candidate_init(struct nastl_candidate *candidate)
{
    *candidate = (struct nastl_candidate){0};
}

static void setting_finish(struct nastl_setting *setting)
{
    free(setting->key);
    free(setting->text);
}

void nastl_candidate_finish(struct nastl_candidate *candidate)
{
    for (size_t i = 0; i < candidate->count; i++)
        setting_finish(&candidate->settings[i]);
    free(candidate->settings);
    nastl_candidate_init(candidate);
}

static struct nastl_setting *find(const struct nastl_candidate *candidate,
                                  const char *key)
{
    for (size_t i = 0; i < candidate->count; i++)
        if (strcmp(candidate->settings[i].key, key) == 0)
            return &candidate->settings[i];
    return NULL;
}

static int append(struct nastl_candidate *candidate, const struct nastl_setting *setting)
{
    struct nastl_setting *settings = nastl_alloc_resize(
        candidate->settings, candidate->count + 1, sizeof *candidate->settings);
    if (!settings)
        return nastl_error_nomem("a candidate");
    candidate->settings = settings;
    settings[candidate->count++] = *setting;
    return NASTL_OK;
}

int nastl_candidate_set(struct nastl_candidate *candidate, const char *key,
                        const char *text, double number)
{
    struct nastl_setting setting = {
        .key = nastl_strdup(key),
        .text = nastl_strdup(text),
        .number = text ? 0.0 : number,
    };
    int status = setting.key && (!text || setting.text)
                     ? NASTL_OK
                     : nastl_error_nomem("a candidate");
    struct nastl_setting *old = find(candidate, key);
    if (status == NASTL_OK && !old)
        status = append(candidate, &setting);
    if (status < 0) {
        setting_finish(&setting);
    } else if (old) {
        setting_finish(old);
        *old = setting;
    }
    return status;
}

int nastl_candidate_copy(struct nastl_candidate *out, const struct nastl_candidate *from)
{
    nastl_candidate_init(out);
    for (size_t i = 0; i < from->count; i++) {
        const struct nastl_setting *one = &from->settings[i];
        const int status = nastl_candidate_set(out, one->key, one->text, one->number);
        if (status < 0) {
            nastl_candidate_finish(out);
            return status;
        }
    }
    return NASTL_OK;
}

const struct nastl_setting *nastl_candidate_find(const struct nastl_candidate *candidate,
                                                 const char *key)
{
    return find(candidate, key);
}

double nastl_candidate_number(const struct nastl_candidate *candidate, const char *key,
                              double fallback)
{
    const struct nastl_setting *setting = find(candidate, key);
    return setting && !setting->text ? setting->number : fallback;
}

const char *nastl_candidate_text(const struct nastl_candidate *candidate, const char *key,
                                 const char *fallback)
{
    const struct nastl_setting *setting = find(candidate, key);
    return setting && setting->text ? setting->text : fallback;
}

/* ---- transfer ---------------------------------------------------------------------- */

static const char strategy_key[] = "transfer.strategy";

bool nastl_candidate_is_scratch(const struct nastl_candidate *candidate)
{
    return strcmp(nastl_candidate_text(candidate, strategy_key, "scratch"), "scratch") ==
           0;
}

static bool is_transfer(const char *key)
{
    return strncmp(key, "transfer.", strlen("transfer.")) == 0;
}

int nastl_candidate_from_scratch(struct nastl_candidate *out,
                                 const struct nastl_candidate *from)
{
    int status = NASTL_OK;
    nastl_candidate_init(out);
    for (size_t i = 0; status == NASTL_OK && i < from->count; i++) {
        const struct nastl_setting *one = &from->settings[i];
        if (!is_transfer(one->key))
            status = nastl_candidate_set(out, one->key, one->text, one->number);
    }
    if (status == NASTL_OK)
        status = nastl_candidate_set(out, strategy_key, "scratch", 0);
    if (status < 0)
        nastl_candidate_finish(out);
    return status;
}

/* ---- JSON -------------------------------------------------------------------------- */

/* Whole numbers that a double holds exactly are integers. */
static json_t *setting_json(const struct nastl_setting *setting)
{
    const double exact = 9007199254740992.0; /* 2^53 */
    if (setting->text)
        return json_string(setting->text);
    if (fabs(setting->number) <= exact && setting->number == floor(setting->number))
        return json_integer((json_int_t)setting->number);
    return nastl_json_number(setting->number);
}

json_t *nastl_candidate_json(const struct nastl_candidate *candidate)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < candidate->count; i++) {
        const struct nastl_setting *setting = &candidate->settings[i];
        if (nastl_json_set(object, setting->key, setting_json(setting)) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static int set_from_json(struct nastl_candidate *out, const char *key,
                         const json_t *value)
{
    if (json_is_string(value))
        return nastl_candidate_set(out, key, json_string_value(value), 0.0);
    if (json_is_number(value))
        return nastl_candidate_set(out, key, NULL, json_number_value(value));
    return nastl_error(NASTL_EFORMAT,
                       "candidate: '%s' is neither a text nor a number; give it one",
                       key);
}

int nastl_candidate_from_json(struct nastl_candidate *out, const json_t *object)
{
    nastl_candidate_init(out);
    if (!json_is_object(object))
        return nastl_error(NASTL_EFORMAT, "candidate: it is no JSON object; write "
                                          "{\"family\": \"mlp\", …}");
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        const int status = set_from_json(out, key, value);
        if (status < 0) {
            nastl_candidate_finish(out);
            return status;
        }
    }
    return NASTL_OK;
}

/* ---- identity ---------------------------------------------------------------------- */

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input moves
 * every bit of the output, so that sums of hashes collide no more than hashes do. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t nastl_setting_hash(const char *key, const char *text, double number)
{
    uint64_t hash = nastl_hash_text(NASTL_HASH_START, key);
    if (text)
        return mix(nastl_hash_text(nastl_hash_u64(hash, 1), text));
    number += 0.0; /* -0 becomes 0 */
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return mix(nastl_hash_u64(nastl_hash_u64(hash, 2), bits));
}

uint64_t nastl_candidate_hash(const struct nastl_candidate *candidate)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < candidate->count; i++) {
        const struct nastl_setting *setting = &candidate->settings[i];
        hash += nastl_setting_hash(setting->key, setting->text, setting->number);
    }
    return hash;
}
