/* cli.h: the command line: commands, their options, and how they talk to people. It
 * includes the public headers alone.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include <nastl/nastl.h>

struct args;

/* ---- commands ---- */

struct command {
    const char *name;    /* "search", "data describe" */
    const char *usage;   /* what follows the name */
    const char *summary; /* one line for the list of commands */
    const char *examples;
    const struct nastl_opt *options; /* may be NULL */
    size_t params_size;
    int positional_least, positional_most;
    /* Returns a status of the library; a negative one is reported by main. */
    int (*run)(struct args *args);
};

extern const struct command *const commands[]; /* NULL at the end */

/* ---- what was given ---- */

enum { POSITIONAL_MOST = 64, OPTIONS_MOST = 64 };

struct args {
    const struct command *command;
    void *params;             /* the command's parameter struct */
    bool given[OPTIONS_MOST]; /* by index in the command's table */
    bool json, quiet, help;
    const char *config;
    const char *positional[POSITIONAL_MOST];
    int count;
};

/* Reads the arguments after the command's name. NASTL_EINVAL names the option and the
 * nearest one. */
int args_parse(struct args *args, int argc, char **argv);
void args_finish(struct args *args);
bool args_given(const struct args *args, const char *key);

void help_command(const struct command *command);
void help_all(void);

/* ---- talking ---- */

/* Hooks that show progress and warnings on standard error, and stop on Ctrl-C and
 * SIGTERM. */
struct nastl_hooks talk_hooks(const struct args *args);
const struct nastl_log *talk_log(const struct args *args);
void talk_end(void); /* leaves the progress line */

/* Prints to standard output; NASTL_EIO where it cannot take it (a full disk). */
int print_text(const char *text);
/* Prints, and frees `text`. */
int print_and_free(char *text);
/* With --json, what a command that writes a file has to say: {"out": "FILE"}. */
int print_written(const struct args *args, const char *path);

#endif
