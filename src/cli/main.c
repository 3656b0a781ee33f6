/* main.c: finds the command, runs it, and turns its status into one line and an exit
 * code. SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct command command_search, command_train, command_predict,
    command_evaluate, command_describe, command_convert, command_split, command_generate,
    command_list, command_show, command_report, command_hardware;

const struct command *const commands[] = {
    &command_search,
    &command_train,
    &command_predict,
    &command_evaluate,
    &command_describe,
    &command_convert,
    &command_split,
    &command_generate,
    &command_list,
    &command_show,
    &command_report,
    &command_hardware,
    NULL,
};

static int report(int status)
{
    talk_end();
    if (status < 0)
        fprintf(stderr, "nas-tl: error: %s\n", nastl_error_last());
    return nastl_error_exit_code(status);
}

/* How many words of the command line name this command: 0 if they do not. */
static int words_of(const struct command *command, int argc, char **argv)
{
    char two[64];
    if (strcmp(command->name, argv[1]) == 0)
        return 1;
    if (argc < 3)
        return 0;
    snprintf(two, sizeof two, "%s %s", argv[1], argv[2]);
    return strcmp(command->name, two) == 0 ? 2 : 0;
}

/* "data" and "study" have commands below them. */
static bool is_family(const char *word)
{
    const size_t length = strlen(word);
    for (const struct command *const *at = commands; *at; at++)
        if (strncmp((*at)->name, word, length) == 0 && (*at)->name[length] == ' ')
            return true;
    return false;
}

static const char *members_of(char *out, size_t size, const char *word)
{
    size_t length = 0;
    out[0] = '\0';
    for (const struct command *const *at = commands; *at && length < size; at++) {
        const char *space = strchr((*at)->name, ' ');
        const bool belongs =
            word ? space && strncmp((*at)->name, word, strlen(word)) == 0 : true;
        if (belongs)
            length += (size_t)snprintf(out + length, size - length, "%s%s",
                                       length ? ", " : "", (*at)->name);
    }
    return out;
}

static int unknown_command(const char *word)
{
    char list[256], text[512];
    if (is_family(word))
        snprintf(text, sizeof text, "%s: needs to know what to do; give one of: %s", word,
                 members_of(list, sizeof list, word));
    else
        snprintf(text, sizeof text, "%s: unknown command; give one of: %s", word,
                 members_of(list, sizeof list, NULL));
    return nastl_error_set(NASTL_EINVAL, text);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct args args = {.command = command};
    int status = args_parse(&args, argc, argv);
    if (status == NASTL_OK && args.help)
        help_command(command);
    else if (status == NASTL_OK)
        status = command->run(&args);
    args_finish(&args);
    return status;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
           strcmp(word, "help") == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || is_help(argv[1])) {
        help_all();
        return argc < 2 ? 2 : 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("nas-tl %s\n", NASTL_VERSION);
        return 0;
    }
    for (const struct command *const *at = commands; *at; at++) {
        const int words = words_of(*at, argc, argv);
        if (words)
            return report(run(*at, argc - words, argv + words));
    }
    return report(unknown_command(argv[1]));
}
