/* contender.h: a program that bench/run measures beside others. It does nothing until it
 * is told to, works for a slice of time, and says what it did:
 *
 *   driver                          program
 *                                   ready version=0.1.0
 *   prepare mlp-h64-b256 default    ok
 *   go 1                            ok work=1310720 cpu=1.0021
 *   (end of input)                  leaves
 *
 * `cpu` are the CPU seconds of the slice; the other keys are the benchmark's own. What
 * fails is answered by "error SENTENCE". SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include "base/strbuf.h"

struct contender {
    /* Makes the case ready to be run, in place of the one before. */
    int (*prepare)(void *payload, const char *name, const char *variant);
    /* Works for about `seconds` and appends " key=value" for what it did. */
    int (*slice)(void *payload, double seconds, struct nastl_strbuf *reply);
    void *payload;
    const char *version; /* for the greeting; NULL: that of nas-tl */
};

/* Answers until the input ends; returns the exit code of the program. */
int contend(const struct contender *contender);

void reply_number(struct nastl_strbuf *reply, const char *key, double value);

#endif
