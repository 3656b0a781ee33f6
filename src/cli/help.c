/* help.c: --help, from the same tables that the options are read by.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 30, HELP_WIDTH = 79 };

/* "[--label COLUMN]" stays in one piece. */
static int word_length(const char *text)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
    return end ? (int)(end - text) + 1 : (int)strcspn(text, " ");
}

/* Prints words from `column` on, wrapped; later lines begin at `indent`. */
static void print_words(const char *text, int column, int indent)
{
    bool is_first = true;
    while (*text) {
        const int word = word_length(text);
        if (!is_first && column + 1 + word > HELP_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (!is_first) {
            column += printf(" ");
        }
        column += printf("%.*s", word, text);
        text += word + (text[word] == ' ');
        is_first = false;
    }
    putchar('\n');
}

/* Prints words in the column of help. */
static void print_help(const char *text, int column)
{
    if (column >= HELP_COLUMN) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", HELP_COLUMN - column, "");
    print_words(text, HELP_COLUMN, HELP_COLUMN);
}

static int print_name(const struct nastl_opt *option)
{
    int width = printf("  --");
    for (const char *at = option->key; *at; at++, width++)
        putchar(*at == '_' ? '-' : *at);
    if (option->metavar)
        width += printf(" %s%s", option->metavar,
                        option->type == NASTL_OPT_REPEAT ? "..." : "");
    return width;
}

/* "one of auto, random; default auto" */
static void print_choices(const struct nastl_opt *option)
{
    char line[256];
    size_t length = (size_t)snprintf(line, sizeof line, "one of");
    for (const char *const *at = option->choices; *at && length < sizeof line; at++)
        length += (size_t)snprintf(line + length, sizeof line - length, "%s %s",
                                   at == option->choices ? "" : ",", *at);
    if (option->fallback && length < sizeof line)
        snprintf(line + length, sizeof line - length, "; default %s", option->fallback);
    print_help(line, 0);
}

/* A default that the help does not tell; 0 stands for a choice that the help explains. */
static bool has_plain_default(const struct nastl_opt *option)
{
    return option->fallback && !option->choices && option->type != NASTL_OPT_BOOL &&
           strcmp(option->fallback, "0") != 0 && !strstr(option->help, "default");
}

static void print_option(const struct nastl_opt *option)
{
    char text[512];
    const bool plain = has_plain_default(option);
    snprintf(text, sizeof text, "%s%s%s", option->help, plain ? "; default " : "",
             plain ? option->fallback : "");
    print_help(text, print_name(option));
    if (option->choices)
        print_choices(option);
}

static void print_usage(const struct command *command)
{
    char text[256];
    snprintf(text, sizeof text, "%s%s%s", command->name, *command->usage ? " " : "",
             command->usage);
    printf("\nUsage: nas-tl ");
    print_words(text, 14, 14);
    putchar('\n');
}

static void print_presets(void)
{
    printf("\nPresets:\n");
    const struct nastl_preset *preset;
    for (size_t i = 0; (preset = nastl_preset_at(i)); i++) {
        const int column = printf("  %s", preset->name);
        print_help(preset->description, column);
    }
}

void help_command(const struct command *command)
{
    const int named = printf("nas-tl %s: ", command->name);
    print_words(command->summary, named, 4);
    print_usage(command);
    printf("Options:\n");
    for (const struct nastl_opt *at = command->options; at && at->key; at++)
        print_option(at);
    if (strcmp(command->name, "search") == 0)
        printf(
            "  --config FILE.yaml          options from a file, under the same names\n");
    printf("  --json                      one JSON document on standard output\n"
           "  --quiet                     print errors only\n"
           "  --help                      print this\n");
    if (strcmp(command->name, "train") == 0)
        print_presets();
    if (command->examples)
        printf("\nExamples:\n%s", command->examples);
}

void help_all(void)
{
    print_words(
        "nas-tl: architecture search with transfer learning for tabular network data", 0,
        4);
    printf("\nUsage: nas-tl COMMAND [options]\n\nCommands:\n");
    for (const struct command *const *at = commands; *at; at++) {
        const int column = printf("  %-16s ", (*at)->name);
        print_words((*at)->summary, column, column);
    }
    putchar('\n');
    print_words("`nas-tl COMMAND --help` tells the options and gives examples; `nas-tl "
                "search` without any runs on generated data of cellular networks. "
                "`nas-tl --version` prints the version.",
                0, 0);
}
