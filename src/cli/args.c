/* args.c: arguments by option tables, with getopt_long.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every command knows these. */
enum { OPT_HELP = 1000, OPT_JSON, OPT_QUIET, OPT_CONFIG };
enum { COMMON = 4 };

static int complain(const char *format, const char *a, const char *b)
{
    /* The library keeps the sentence for everybody; a made-up option sets it. */
    char text[512];
    snprintf(text, sizeof text, format, a, b);
    return nastl_error_set(NASTL_EINVAL, text);
}

static size_t table_size(const struct nastl_opt *table)
{
    size_t count = 0;
    while (table && table[count].key)
        count++;
    return count;
}

static bool takes_value(const struct nastl_opt *option)
{
    return option->type != NASTL_OPT_BOOL;
}

/* "target_rows" becomes "target-rows"; the text lives until the process ends. */
static void spell(char *out, size_t size, const char *key)
{
    size_t i = 0;
    for (; key[i] && i + 1 < size; i++)
        out[i] = key[i] == '_' ? '-' : key[i];
    out[i] = '\0';
}

struct long_options {
    struct option options[OPTIONS_MOST + COMMON + 1];
    char names[OPTIONS_MOST][40];
};

static void list_options(struct long_options *out, const struct nastl_opt *table)
{
    const size_t count = table_size(table);
    struct option *at = out->options;
    for (size_t i = 0; i < count; i++) {
        spell(out->names[i], sizeof out->names[i], table[i].key);
        *at++ = (struct option){out->names[i],
                                takes_value(&table[i]) ? required_argument : no_argument,
                                NULL, (int)i};
    }
    *at++ = (struct option){"help", no_argument, NULL, OPT_HELP};
    *at++ = (struct option){"json", no_argument, NULL, OPT_JSON};
    *at++ = (struct option){"quiet", no_argument, NULL, OPT_QUIET};
    *at++ = (struct option){"config", required_argument, NULL, OPT_CONFIG};
    *at = (struct option){0};
}

static int unknown_option(const struct args *args, const char *typed)
{
    char name[64];
    const char *near;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(typed, "="), typed);
    near = strncmp(name, "--", 2) == 0
               ? nastl_opt_nearest(args->command->options, name + 2)
               : NULL;
    char hint[128];
    if (near) {
        char spelt[64];
        spell(spelt, sizeof spelt, near);
        snprintf(hint, sizeof hint, "did you mean --%s?", spelt);
    } else {
        snprintf(hint, sizeof hint, "`nas-tl %s --help` lists what there is",
                 args->command->name);
    }
    return complain("%s: unknown option; %s", name, hint);
}

static int no_value(const struct args *args, const char *key)
{
    char spelt[64], text[128];
    spell(spelt, sizeof spelt, key);
    snprintf(text, sizeof text, "--%s", spelt);
    return complain("%s: needs a value; see `nas-tl %s --help`", text,
                    args->command->name);
}

static int set_option(struct args *args, size_t i, const char *value)
{
    const struct nastl_opt *option = &args->command->options[i];
    if (takes_value(option) && !*value && option->type != NASTL_OPT_LIST)
        return no_value(args, option->key);
    /* The command line's first mention of a repeatable option replaces the default. */
    args->given[i] = true;
    return nastl_opt_set(option, args->params, takes_value(option) ? value : "true");
}

static int take_option(struct args *args, int code, const char *typed)
{
    switch (code) {
    case OPT_HELP:
        args->help = true;
        return NASTL_OK;
    case OPT_JSON:
        args->json = true;
        return NASTL_OK;
    case OPT_QUIET:
        args->quiet = true;
        return NASTL_OK;
    case OPT_CONFIG:
        args->config = optarg;
        return NASTL_OK;
    case ':':
        return complain("%s: needs a value; see `nas-tl %s --help`", typed,
                        args->command->name);
    case '?':
        return unknown_option(args, typed);
    default:
        return set_option(args, (size_t)code, optarg);
    }
}

static int take_positionals(struct args *args, int argc, char **argv)
{
    const struct command *command = args->command;
    char usage[256];
    snprintf(usage, sizeof usage, "%s%s%s", command->name, *command->usage ? " " : "",
             command->usage);
    for (int i = optind; i < argc; i++) {
        if (args->count == command->positional_most)
            return complain("%s: one argument too many; give `nas-tl %s`", argv[i],
                            usage);
        args->positional[args->count++] = argv[i];
    }
    if (args->count < command->positional_least && !args->help)
        return complain("%s: an argument is missing; give `nas-tl %s`", command->name,
                        usage);
    return NASTL_OK;
}

static int parse(struct args *args, int argc, char **argv)
{
    struct long_options list;
    list_options(&list, args->command->options);
    opterr = 0;
    optind = 1;
    for (;;) {
        const int before = optind;
        const int code = getopt_long(argc, argv, ":h", list.options, NULL);
        if (code == -1)
            break;
        const char *typed = argv[optind > before ? optind - 1 : before];
        const int status = take_option(args, code == 'h' ? OPT_HELP : code, typed);
        if (status < 0)
            return status;
    }
    if (args->config && strcmp(args->command->name, "search") != 0)
        return complain("--config: unknown option%s; it belongs to `nas-tl %s`", "",
                        "search");
    return take_positionals(args, argc, argv);
}

int args_parse(struct args *args, int argc, char **argv)
{
    const struct command *command = args->command;
    args->params = calloc(1, command->params_size ? command->params_size : 1);
    if (!args->params)
        return complain("%s: out of memory; free some%s", command->name, "");
    if (command->options) {
        const int status = nastl_opt_defaults(command->options, args->params);
        if (status < 0)
            return status;
    }
    return parse(args, argc, argv);
}

void args_finish(struct args *args)
{
    if (args->command && args->command->options && args->params)
        nastl_opt_clear(args->command->options, args->params);
    free(args->params);
}

bool args_given(const struct args *args, const char *key)
{
    const struct nastl_opt *option = nastl_opt_find(args->command->options, key);
    return option && args->given[option - args->command->options];
}
