/* train.c: how fast a network trains: whole epochs as nastl_train() runs them, from new
 * weights each slice, as those of a long training on random labels tell nothing.
 *
 *   bench_train                     a contender of bench/run
 *   bench_train --first-step CASE   one step, then "ok": how long it takes to get there
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <omp.h>

#include "base/clock.h"
#include "base/error.h"
#include "contender.h"
#include "nn/trainer.h"
#include "subject.h"

enum { FIRST_ROWS = 1024 }; /* for one step */

struct training {
    struct subject subject; /* zeros before the first case */
    double end;             /* of the slice, on the clock */
};

static int prepare(void *payload, const char *name, const char *variant)
{
    struct training *training = payload;
    (void)variant;
    subject_destroy(&training->subject);
    return subject_create(&training->subject, name, SUBJECT_ROWS);
}

static bool time_is_left(size_t epoch, double train_loss, double score, void *payload)
{
    const struct training *training = payload;
    (void)epoch, (void)train_loss, (void)score;
    return nastl_clock_seconds() < training->end;
}

static int slice(void *payload, double seconds, struct nastl_strbuf *reply)
{
    struct training *training = payload;
    struct subject *subject = &training->subject;
    struct nastl_train_result result;
    subject->params.epoch = time_is_left;
    subject->params.epoch_payload = training;
    subject->params.recipe.max_epochs = SIZE_MAX;
    nastl_net_init(subject->net, 1, 0);
    training->end = nastl_clock_seconds() + seconds;
    const double start = nastl_clock_process_cpu();
    TRY(nastl_train(&result, subject->net, &subject->params));
    reply_number(reply, "cpu", nastl_clock_process_cpu() - start);
    reply_number(reply, "work", (double)(result.epochs * subject->xy.rows));
    return 0;
}

static int first_step(const char *name)
{
    struct subject subject;
    struct nastl_trainer *trainer;
    double loss = 0.0;
    TRY(subject_create(&subject, name, FIRST_ROWS));
    TRY(nastl_trainer_create(&trainer, subject.net, &subject.params));
    TRY(nastl_trainer_step(trainer, subject.rows, subject.params.recipe.batch_size,
                           &loss));
    puts("ok");
    nastl_trainer_destroy(trainer);
    subject_destroy(&subject);
    return 0;
}

int main(int argc, char **argv)
{
    omp_set_num_threads(1);
    if (argc == 3 && strcmp(argv[1], "--first-step") == 0) {
        if (first_step(argv[2]) == 0)
            return 0;
        printf("error %s\n", nastl_error_last());
        return 1;
    }
    struct training training = {0};
    const struct contender contender = {
        .prepare = prepare, .slice = slice, .payload = &training};
    const int status = contend(&contender);
    subject_destroy(&training.subject);
    return status;
}
