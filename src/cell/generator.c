/* generator.c: users, one after the other, and their reports as rows of a table.
 *
 *   ticks   |warm-up|....|....|....|  ...  |....|tail|      one quarter of a second each
 *   reports         ^    ^    ^               ^             one second apart
 *   labels           \__/ \__/ \__/            \__/         of the second after a report
 *
 * A user's numbers come from a stream of the user's own and from no other user: the first
 * rows of a long table are the rows of a short one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cell/generator.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/rng.h"
#include "cell/radio.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PER_SECOND = 4,           /* ticks */
    AHEAD = PER_SECOND,       /* ticks that the labels look ahead */
    WARM_UP = 2 * PER_SECOND, /* ticks until filters and handovers have settled */
    REPORTS = 40,             /* a user */
    TICKS = WARM_UP + REPORTS * PER_SECOND + AHEAD,
    MOST_USERS = 1 << 24, /* of a domain: see user_stream() */
    MOST_ROWS = 10000000
};

/* ---- columns ----------------------------------------------------------------------- */

enum {
    RSRP,
    RSRQ,
    SINR,
    CQI,
    LOAD,
    SPEED,
    SINCE_HANDOVER,
    NEIGHBOUR,
    RSRP_SLOPE = NEIGHBOUR + NASTL_CELL_NEIGHBOURS,
    DISTANCE,
    TRAVELLER,
    TERMINAL,
    DOMAIN,
    USER,
    THROUGHPUT,
    HANDOVER,
    THROUGHPUT_CLASS,
    COLUMN_COUNT
};

/* Where `texts` is given, the column is categorical and has one of these. */
static const struct {
    const char *name;
    const char *const *texts;
} columns[] = {
    [RSRP] = {"rsrp"},
    [RSRQ] = {"rsrq"},
    [SINR] = {"sinr"},
    [CQI] = {"cqi"},
    [LOAD] = {"load"},
    [SPEED] = {"speed"},
    [SINCE_HANDOVER] = {"since_handover"},
    [NEIGHBOUR] = {"neighbour1"},
    [NEIGHBOUR + 1] = {"neighbour2"},
    [NEIGHBOUR + 2] = {"neighbour3"},
    [RSRP_SLOPE] = {"rsrp_slope"},
    [DISTANCE] = {"distance"},
    [TRAVELLER] = {"user_type", (const char *const[]){"pedestrian", "cyclist", "car"}},
    [TERMINAL] = {"terminal", (const char *const[]){"sensor", "phone", "router"}},
    [DOMAIN] = {"domain"},
    [USER] = {"user"},
    [THROUGHPUT] = {"throughput"},
    [HANDOVER] = {"handover"},
    [THROUGHPUT_CLASS] = {"throughput_class",
                          (const char *const[]){"low", "medium", "high", "very_high"}},
};

/* Mbit/s from which a class begins; each class is met in both domains. */
static const double class_from[] = {0, 15, 40, 100};
enum { CLASS_COUNT = sizeof class_from / sizeof *class_from };

/* ---- one user ---------------------------------------------------------------------- */

struct trace {
    const struct nastl_cell_domain *domain;
    enum nastl_cell_traveller traveller;
    enum nastl_cell_terminal terminal;
    struct nastl_cell_tick ticks[TICKS];
};

/* One stream a user; domains share no stream. */
static void user_stream(struct nastl_rng *rng, const struct nastl_cell_domain *domain,
                        uint64_t seed, size_t user)
{
    const size_t at = (size_t)(domain - nastl_cell_domain_table);
    nastl_rng_init(rng, seed, (uint32_t)(at * MOST_USERS + user), NASTL_RNG_CELL);
}

/* An index drawn with the given shares, which add up to 1. */
static int draw_share(const double *shares, int count, struct nastl_rng *rng)
{
    double left = nastl_rng_uniform(rng);
    int i = 0;
    while (i < count - 1 && (left -= shares[i]) >= 0)
        i++;
    return i;
}

static void follow_user(struct trace *out, const struct nastl_cell_domain *domain,
                        struct nastl_rng *rng)
{
    const double tick = 1.0 / PER_SECOND;
    const struct nastl_cell_area area = nastl_cell_area_of(domain);
    struct nastl_cell_mover mover;
    struct nastl_cell_radio radio;
    out->domain = domain;
    out->traveller = draw_share(domain->travellers, NASTL_CELL_TRAVELLER_COUNT, rng);
    out->terminal = draw_share(domain->terminals, NASTL_CELL_TERMINAL_COUNT, rng);
    nastl_cell_mover_start(&mover, &area, out->traveller, domain->speed[out->traveller],
                           rng);
    nastl_cell_radio_start(&radio, domain, &mover, out->terminal, rng);
    for (int t = 0; t < TICKS; t++) {
        const double moved = nastl_cell_mover_step(&mover, &area, tick, rng);
        nastl_cell_radio_step(&out->ticks[t], &radio, &mover, moved, tick, rng);
    }
}

/* ---- one report -------------------------------------------------------------------- */

static const double load_error = 0.04;   /* sd */
static const double load_missing = 0.04; /* share of rows */
static const double distance_missing = 0.03;

/* Adding 0 turns -0 into 0. */
static double in_steps(double value, double step)
{
    return rint(value / step) * step + 0;
}

/* For steps that are a decimal fraction: 0.1 is not exact, 10 is. */
static double in_parts(double value, double parts)
{
    return rint(value * parts) / parts + 0;
}

static double within(double value, double low, double high)
{
    return fmin(fmax(value, low), high);
}

/* The value, or now and then none. */
static double sometimes(double value, double missing, struct nastl_rng *rng)
{
    return nastl_rng_uniform(rng) < missing ? NAN : value;
}

static double throughput_after(const struct nastl_cell_tick *tick)
{
    double sum = 0;
    for (int t = 1; t <= AHEAD; t++)
        sum += tick[t].rate;
    return sum / AHEAD;
}

static bool handover_after(const struct nastl_cell_tick *tick)
{
    for (int t = 1; t <= AHEAD; t++)
        if (tick[t].better || tick[t].since < tick->since)
            return true;
    return false;
}

static int class_of(double throughput)
{
    int at = 0;
    while (at + 1 < CLASS_COUNT && throughput >= class_from[at + 1])
        at++;
    return at;
}

/* Timing advance counts steps of 78.125 m at 15 kHz, of half as much at 30 kHz. */
static double timing_advance(double distance, const struct nastl_cell_domain *domain)
{
    return in_steps(distance, 78.125 * 15 / domain->subcarrier);
}

/* The numbers of a report, as coarse as 3GPP TS 36.133 and 38.133 report them. */
static void report_numbers(double *out, const struct nastl_cell_tick *tick,
                           const struct nastl_cell_domain *domain, struct nastl_rng *rng)
{
    const double load = tick->load + load_error * nastl_rng_normal(rng);
    out[RSRP] = in_steps(within(tick->rsrp, -156, -31), 1);
    out[RSRQ] = in_steps(within(tick->rsrq, -43, 20), 0.5);
    out[SINR] = in_steps(within(tick->sinr, -23, 40), 0.5);
    out[CQI] = nastl_cell_cqi(pow(10, tick->sinr / 10));
    out[LOAD] = sometimes(in_parts(within(load, 0, 1), 100), load_missing, rng);
    out[SPEED] = in_parts(tick->speed, 10);
    out[SINCE_HANDOVER] = tick->since;
    for (int n = 0; n < NASTL_CELL_NEIGHBOURS; n++)
        out[NEIGHBOUR + n] = in_steps(tick->neighbour[n], 1);
    out[RSRP_SLOPE] = in_parts(tick->rsrp - tick[-PER_SECOND].rsrp, 10);
    out[DISTANCE] =
        sometimes(timing_advance(tick->distance, domain), distance_missing, rng);
    out[THROUGHPUT] = in_parts(throughput_after(tick), 1000);
    out[HANDOVER] = handover_after(tick);
}

/* ---- the table --------------------------------------------------------------------- */

/* The code of a text, which becomes a level where it has not been one. */
static int put_text(struct nastl_column *column, size_t row, const char *text)
{
    size_t level = 0;
    while (level < column->level_count && strcmp(column->levels[level], text) != 0)
        level++;
    if (level == column->level_count) {
        column->levels[level] = nastl_strdup(text);
        if (!column->levels[level])
            return nastl_error_nomem("generated rows");
        column->level_count++;
    }
    column->code[row] = (int32_t)level;
    return NASTL_OK;
}

/* Users come in order: a user's number is the user's level. */
static int put_user(struct nastl_column *column, size_t row, const char *domain,
                    size_t user)
{
    if (user == column->level_count) {
        char text[64];
        snprintf(text, sizeof text, "%s-%zu", domain, user + 1);
        column->levels[user] = nastl_strdup(text);
        if (!column->levels[user])
            return nastl_error_nomem("generated rows");
        column->level_count++;
    }
    column->code[row] = (int32_t)user;
    return NASTL_OK;
}

static void put_numbers(struct nastl_table *table, size_t row, const double *numbers)
{
    for (int c = 0; c < COLUMN_COUNT; c++) {
        struct nastl_column *column = &table->columns[c];
        if (column->kind != NASTL_NUMERIC)
            continue;
        column->number[row] = numbers[c];
        column->missing += isnan(numbers[c]);
    }
}

static int put_report(struct nastl_table *table, size_t row, const struct trace *trace,
                      const struct nastl_cell_tick *tick, struct nastl_rng *rng)
{
    double numbers[COLUMN_COUNT];
    report_numbers(numbers, tick, trace->domain, rng);
    put_numbers(table, row, numbers);
    const int class = class_of(numbers[THROUGHPUT]);
    TRY(put_text(&table->columns[TRAVELLER], row,
                 columns[TRAVELLER].texts[trace->traveller]));
    TRY(put_text(&table->columns[TERMINAL], row,
                 columns[TERMINAL].texts[trace->terminal]));
    TRY(put_text(&table->columns[DOMAIN], row, trace->domain->name));
    TRY(put_user(&table->columns[USER], row, trace->domain->name, row / REPORTS));
    return put_text(&table->columns[THROUGHPUT_CLASS], row,
                    columns[THROUGHPUT_CLASS].texts[class]);
}

static int put_users(struct nastl_table *table, const struct nastl_cell_domain *domain,
                     uint64_t seed)
{
    struct trace *trace = nastl_alloc_zero(1, sizeof *trace);
    if (!trace)
        return nastl_error_nomem("generated rows");
    struct nastl_rng rng;
    int status = NASTL_OK;
    for (size_t row = 0; row < table->rows && status == NASTL_OK; row++) {
        const size_t report = row % REPORTS;
        if (report == 0) {
            user_stream(&rng, domain, seed, row / REPORTS);
            follow_user(trace, domain, &rng);
        }
        status = put_report(table, row, trace,
                            &trace->ticks[WARM_UP + report * PER_SECOND], &rng);
    }
    free(trace);
    return status;
}

static bool is_text(int column)
{
    return columns[column].texts || column == DOMAIN || column == USER;
}

/* Levels at most: of the users one each, of other texts a handful. */
static int create_column(struct nastl_column *out, int column, size_t rows)
{
    const size_t most = column == USER ? rows / REPORTS + 1 : 8;
    out->name = nastl_strdup(columns[column].name);
    out->kind = is_text(column) ? NASTL_CATEGORICAL : NASTL_NUMERIC;
    if (is_text(column)) {
        out->code = nastl_alloc(rows, sizeof *out->code);
        out->levels = nastl_alloc_zero(most, sizeof *out->levels);
    } else {
        out->number = nastl_alloc(rows, sizeof *out->number);
    }
    const bool complete =
        is_text(column) ? out->code && out->levels : out->number != NULL;
    return out->name && complete ? NASTL_OK : nastl_error_nomem("generated rows");
}

static int create_columns(struct nastl_table *table)
{
    table->columns = nastl_alloc_zero(COLUMN_COUNT, sizeof *table->columns);
    if (!table->columns)
        return nastl_error_nomem("generated rows");
    table->count = COLUMN_COUNT;
    for (int c = 0; c < COLUMN_COUNT; c++)
        TRY(create_column(&table->columns[c], c, table->rows));
    return NASTL_OK;
}

static int set_text(char **out, const char *text)
{
    *out = nastl_strdup(text);
    return *out ? NASTL_OK : nastl_error_nomem("generated rows");
}

/* The other labels tell the future: they are no features. */
static int describe(struct nastl_descriptor *out, const char *domain)
{
    static const char *const labels[] = {"throughput", "handover"};
    out->label_scale = 1;
    out->task = NASTL_TASK_AUTO;
    TRY(set_text(&out->name, domain));
    TRY(set_text(&out->label, columns[THROUGHPUT_CLASS].name));
    TRY(set_text(&out->label_transform, "none"));
    TRY(set_text(&out->domain_column, columns[DOMAIN].name));
    TRY(set_text(&out->group_column, columns[USER].name));
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        TRY(nastl_list_add(&out->drop, labels[i], strlen(labels[i])));
    return NASTL_OK;
}

static int generate(struct nastl_table *table, const struct nastl_cell_domain *domain,
                    uint64_t seed)
{
    TRY(create_columns(table));
    TRY(describe(&table->descriptor, domain->name));
    TRY(put_users(table, domain, seed));
    return NASTL_OK;
}

/* ---- public ------------------------------------------------------------------------ */

static const char *const domain_names[] = {"macro", "small", NULL};

const struct nastl_opt nastl_generate_opts[] = {
    {"rows", NASTL_OPT_INT, offsetof(struct nastl_generate_params, rows), 1, MOST_ROWS,
     NULL, "6000", "N", "rows to generate"},
    {"domain", NASTL_OPT_CHOICE, offsetof(struct nastl_generate_params, domain), 0, 0,
     domain_names, "macro", "NAME", "macro (500 m apart) or small cells (200 m apart)"},
    {"seed", NASTL_OPT_INT, offsetof(struct nastl_generate_params, seed), 0, 0x1p53, NULL,
     "1", "S", "the same seed gives the same bytes"},
    {"out", NASTL_OPT_TEXT, offsetof(struct nastl_generate_params, out), 0, 0, NULL, NULL,
     "FILE", "file to write: .csv, .csv.gz or .h5"},
    {"force", NASTL_OPT_BOOL, offsetof(struct nastl_generate_params, force), 0, 0, NULL,
     "false", NULL, "overwrite FILE if it is there"},
    {NULL},
};

const char *const *nastl_cell_domains(void)
{
    return domain_names;
}

static const struct nastl_cell_domain *find_domain(const char *name)
{
    const struct nastl_cell_domain *domain = nastl_cell_domain_table;
    while (domain->name && strcmp(domain->name, name) != 0)
        domain++;
    return domain->name ? domain : NULL;
}

int nastl_cell_table(struct nastl_table **out, const char *domain, size_t rows,
                     uint64_t seed)
{
    const struct nastl_cell_domain *found = find_domain(domain);
    if (!found)
        return nastl_error(NASTL_EINVAL, "domain %s: there is none; give macro or small",
                           domain);
    if (rows == 0 || rows > MOST_ROWS)
        return nastl_error(NASTL_EINVAL,
                           "generate %zu rows: out of range; give from 1 to %d", rows,
                           MOST_ROWS);
    struct nastl_table *table = nastl_alloc_zero(1, sizeof *table);
    if (!table)
        return nastl_error_nomem("generated rows");
    table->rows = rows;
    const int status = generate(table, found, seed);
    if (status < 0) {
        nastl_table_destroy(table);
        return status;
    }
    *out = table;
    return NASTL_OK;
}

int nastl_cell_generate(const struct nastl_generate_params *params)
{
    if (!params->out)
        return nastl_error(NASTL_EINVAL, "data generate: no file to write; give --out "
                                         "FILE.csv, FILE.csv.gz or FILE.h5");
    if (params->rows < 1 || params->seed < 0)
        return nastl_error(NASTL_EINVAL,
                           "data generate: rows below 1 or a seed below 0; give --rows "
                           "from 1 and --seed from 0");
    struct nastl_table *table;
    TRY(nastl_cell_table(&table, params->domain, (size_t)params->rows,
                         (uint64_t)params->seed));
    const int status = nastl_table_save(table, params->out, params->force);
    nastl_table_destroy(table);
    return status;
}
