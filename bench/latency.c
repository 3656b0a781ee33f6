/* latency.c: how long one row takes on one thread: nastl_net_forward_row(), each call
 * timed by itself. A contender of bench/run. SPDX-License-Identifier: Apache-2.0 */
#include <omp.h>

#include "base/clock.h"
#include "base/stat.h"
#include "contender.h"
#include "subject.h"

#include "base/error.h"

enum { CALLS_MOST = 1 << 18, ROWS = 64 };

struct timing {
    struct subject subject;
    double microseconds[CALLS_MOST];
};

static int prepare(void *payload, const char *name, const char *variant)
{
    struct timing *timing = payload;
    (void)variant;
    subject_destroy(&timing->subject);
    TRY(subject_create(&timing->subject, name, ROWS));
    return nastl_net_prepare_row(timing->subject.net);
}

static int slice(void *payload, double seconds, struct nastl_strbuf *reply)
{
    struct timing *timing = payload;
    const struct subject *subject = &timing->subject;
    const double start = nastl_clock_process_cpu();
    const int64_t end = nastl_clock_nanoseconds() + (int64_t)(seconds * 1e9);
    float out[SUBJECT_CLASSES];
    size_t calls = 0;
    int64_t before = nastl_clock_nanoseconds();
    while (calls < CALLS_MOST && before < end) {
        nastl_net_forward_row(subject->net, subject->xy.x + calls % ROWS * SUBJECT_INPUTS,
                              NULL, out);
        const int64_t after = nastl_clock_nanoseconds();
        timing->microseconds[calls++] = (double)(after - before) / 1e3;
        before = after;
    }
    reply_number(reply, "cpu", nastl_clock_process_cpu() - start);
    nastl_stat_sort(timing->microseconds, calls);
    reply_number(reply, "p50", nastl_stat_quantile(timing->microseconds, calls, 0.5));
    reply_number(reply, "p99", nastl_stat_quantile(timing->microseconds, calls, 0.99));
    return 0;
}

int main(void)
{
    static struct timing timing;
    const struct contender contender = {
        .prepare = prepare, .slice = slice, .payload = &timing};
    omp_set_num_threads(1);
    const int status = contend(&contender);
    subject_destroy(&timing.subject);
    return status;
}
