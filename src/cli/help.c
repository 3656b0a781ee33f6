/* help.c: --help, from the same tables that the options are read by.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 30, HELP_WIDTH = 88 };

/* Prints words from the help column on, wrapped. */
static void print_wrapped(const char *text, int column)
{
    for (; column < HELP_COLUMN; column++)
        putchar(' ');
    while (*text) {
        const int word = (int)strcspn(text, " ");
        if (column + word > HELP_WIDTH && column > HELP_COLUMN) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        column += printf("%.*s%s", word, text, text[word] ? " " : "");
        text += word + (text[word] == ' ');
    }
    putchar('\n');
}

static int print_name(const struct nastl_opt *option)
{
    int width = printf("  --");
    for (const char *at = option->key; *at; at++, width++)
        putchar(*at == '_' ? '-' : *at);
    if (option->metavar)
        width += printf(" %s", option->metavar);
    return width;
}

static void print_choices(const struct nastl_opt *option)
{
    char line[256];
    size_t length = (size_t)snprintf(line, sizeof line, "one of");
    for (const char *const *at = option->choices; *at && length < sizeof line; at++)
        length += (size_t)snprintf(line + length, sizeof line - length, "%s %s",
                                   at == option->choices ? "" : ",", *at);
    if (option->fallback && length < sizeof line)
        snprintf(line + length, sizeof line - length, "; default %s", option->fallback);
    print_wrapped(line, 0);
}

static void print_option(const struct nastl_opt *option)
{
    int column = print_name(option);
    if (column >= HELP_COLUMN - 1) {
        putchar('\n');
        column = 0;
    }
    print_wrapped(option->help, column);
    if (option->choices)
        print_choices(option);
}

void help_command(const struct command *command)
{
    printf("nas-tl %s: %s\n\nUsage: nas-tl %s %s\n\n", command->name, command->summary,
           command->name, command->usage);
    if (command->options) {
        printf("Options:\n");
        for (const struct nastl_opt *at = command->options; at->key; at++)
            print_option(at);
    }
    if (strcmp(command->name, "search") == 0)
        printf(
            "  --config FILE.yaml          options from a file, under the same names\n");
    printf("  --json                      one JSON document on standard output\n"
           "  --quiet                     print errors only\n"
           "  --help                      print this\n");
    if (command->examples)
        printf("\nExamples:\n%s", command->examples);
}

void help_all(void)
{
    printf(
        "nas-tl: architecture search with transfer learning for tabular network data\n\n"
        "Usage: nas-tl COMMAND [options]\n\nCommands:\n");
    for (const struct command *const *at = commands; *at; at++)
        printf("  %-16s %s\n", (*at)->name, (*at)->summary);
    printf(
        "\n`nas-tl COMMAND --help` tells the options and gives examples; `nas-tl search` "
        "without any runs\non generated data of cellular networks. `nas-tl --version` "
        "prints "
        "the version.\n");
}
