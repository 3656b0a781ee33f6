/* radio.c: see radio.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cell/radio.h"

#include "base/stat.h"

#include <math.h>

static const double pi = 3.14159265358979323846;
static const double root3 = 1.73205080756887729353;

enum { COLUMNS = 3, LINES = 4 }; /* of sites; an even number of lines closes the torus */
_Static_assert(COLUMNS *LINES == NASTL_CELL_SITES, "the grid holds all sites");

static const double thermal = -174;    /* dBm/Hz */
static const double noise_figure = 9;  /* dB, of the terminal (TR 38.901, table 7.8-1) */
static const double measured_sd = 1.5; /* dB, of one unfiltered RSRP */
static const double quality_sd = 1.0;  /* dB, of one unfiltered RSRQ or SINR */
static const double filter = 0.5;      /* a = 1/2^(k/4), k = 4 */
static const double offset = 3;        /* dB, A3 */
static const int trigger = 2;          /* ticks, A3's time to trigger */
static const double heard = -25;       /* dB to all that is received: detectable */
static const double fading_sd = 1.0;   /* dB */
static const double fading_memory = 3.0; /* s */
static const double least_share = 0.03;  /* of a full cell, for one more user */
static const double reference = 1.0 / 6; /* of a cell's power that is always on air */
static const double interruption = 0.3;  /* of a tick, lost at a handover */

static double decibel(double ratio)
{
    return 10 * log10(ratio);
}

static double linear(double db)
{
    return exp(db * 0.23025850929940456840); /* ln(10) / 10 */
}

/* By inversion, one uniform number a draw: a hundred draws a tick make up most of the
 * generator's time, and nastl_rng_normal() takes two. */
static double normal(struct nastl_rng *rng)
{
    return nastl_stat_normal_quantile(nastl_rng_uniform(rng) + 0x1p-54);
}

/* ---- capacity ---------------------------------------------------------------------- */

double nastl_cell_efficiency(double sinr, int layers)
{
    const double attenuation = 0.6, most = 4.4; /* table A.2, downlink */
    const double each = attenuation * log2(1 + sinr / layers);
    return layers * fmin(each, most);
}

int nastl_cell_cqi(double sinr)
{
    static const double efficiency[] = {0.1523, 0.2344, 0.3770, 0.6016, 0.8770,
                                        1.1758, 1.4766, 1.9141, 2.4063, 2.7305,
                                        3.3223, 3.9023, 4.5234, 5.1152, 5.5547};
    const int count = sizeof efficiency / sizeof *efficiency;
    const double reached = 0.75 * log2(1 + sinr);
    int cqi = 0;
    while (cqi < count && efficiency[cqi] <= reached)
        cqi++;
    return cqi;
}

static int layers_of(enum nastl_cell_terminal terminal)
{
    static const int layers[] = {
        [NASTL_CELL_SENSOR] = 1, [NASTL_CELL_PHONE] = 2, [NASTL_CELL_ROUTER] = 4};
    _Static_assert(sizeof layers / sizeof *layers == NASTL_CELL_TERMINAL_COUNT,
                   "one row a terminal");
    return layers[terminal];
}

/* ---- layout ------------------------------------------------------------------------ */

struct nastl_cell_area nastl_cell_area_of(const struct nastl_cell_domain *domain)
{
    return (struct nastl_cell_area){COLUMNS * domain->spacing,
                                    LINES * domain->spacing * root3 / 2};
}

static void place_sites(struct nastl_cell_radio *radio)
{
    const double spacing = radio->domain->spacing;
    for (int i = 0; i < NASTL_CELL_SITES; i++) {
        const int line = i / COLUMNS, column = i % COLUMNS;
        radio->site_x[i] = (column + 0.5 * (line % 2)) * spacing;
        radio->site_y[i] = line * spacing * root3 / 2;
    }
}

/* ---- load -------------------------------------------------------------------------- */

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* A cell's usual load is that of the domain, of the hour and of the cell. */
static void start_loads(struct nastl_cell_radio *radio, struct nastl_rng *rng)
{
    const struct nastl_cell_domain *d = radio->domain;
    const double hour = d->load_spread * 0.7 * normal(rng);
    for (int c = 0; c < radio->cells; c++) {
        const double cell = d->load_spread * 0.7 * normal(rng);
        radio->usual[c] = log(d->load / (1 - d->load)) + hour + cell;
        radio->swing[c] = d->load_swing * normal(rng);
        radio->load[c] = logistic(radio->usual[c] + radio->swing[c]);
    }
}

/* s' = a s + sqrt(1 - a^2) sd n, a = exp(-dt / memory). */
static void step_loads(struct nastl_cell_radio *radio, double seconds,
                       struct nastl_rng *rng)
{
    const double a = exp(-seconds / radio->domain->load_memory);
    const double b = sqrt(1 - a * a) * radio->domain->load_swing;
    for (int c = 0; c < radio->cells; c++) {
        radio->swing[c] = a * radio->swing[c] + b * normal(rng);
        radio->load[c] = logistic(radio->usual[c] + radio->swing[c]);
    }
}

/* ---- propagation ------------------------------------------------------------------- */

/* Sectors of 65 degrees, at most 30 dB down behind (TR 38.901, table 7.3-1); `towards`
 * is the user's direction from the site. */
static double pattern(const struct nastl_cell_domain *domain, int sector, double towards)
{
    if (domain->sectors == 1)
        return 0;
    const double from_main = towards - sector * 2 * pi / domain->sectors;
    const double off = remainder(from_main, 2 * pi) * 180 / pi / 65;
    return -fmin(12 * off * off, 30);
}

/* The level at the user of all sectors of one site. */
static void hear_site(struct nastl_cell_radio *radio, int site,
                      const struct nastl_cell_mover *mover)
{
    const struct nastl_cell_domain *d = radio->domain;
    double dx, dy;
    nastl_cell_way(&dx, &dy, &radio->area, radio->site_x[site], radio->site_y[site],
                   mover->x, mover->y);
    const double distance = hypot(dx, dy);
    const bool in_sight = nastl_stat_normal_cdf(radio->sight[site]) <
                          nastl_cell_sight_probability(d->scenario, distance);
    radio->in_sight[site] = in_sight;
    const double loss =
        nastl_cell_path_loss(d->scenario, distance, d->mast, d->carrier, in_sight) +
        nastl_cell_shadow_sd(d->scenario, in_sight) * radio->shadow[site];
    const double sent = d->power - decibel(d->subcarriers) + d->gain;
    const double towards = atan2(dy, dx);
    for (int s = 0; s < d->sectors; s++) {
        const int c = site * d->sectors + s;
        radio->level[c] = sent - loss + pattern(d, s, towards);
        radio->power[c] = linear(radio->level[c]);
    }
}

/* Gudmundson, "Correlation model for shadow fading in mobile radio systems", 1991:
 * s' = r s + sqrt(1 - r^2) n, r = exp(-moved / d_cor). */
static double wander(double s, double r, struct nastl_rng *rng)
{
    return r * s + sqrt(1 - r * r) * normal(rng);
}

static void step_air(struct nastl_cell_radio *radio, const struct nastl_cell_mover *mover,
                     double moved, struct nastl_rng *rng)
{
    const enum nastl_cell_scenario scenario = radio->domain->scenario;
    const double sight = exp(-moved / nastl_cell_sight_distance(scenario));
    double shadow[2]; /* not in sight, in sight */
    for (int in = 0; in < 2; in++)
        shadow[in] = exp(-moved / nastl_cell_shadow_distance(scenario, in));
    for (int i = 0; i < NASTL_CELL_SITES; i++) {
        radio->sight[i] = wander(radio->sight[i], sight, rng);
        radio->shadow[i] = wander(radio->shadow[i], shadow[radio->in_sight[i]], rng);
        hear_site(radio, i, mover);
    }
}

/* ---- what is received -------------------------------------------------------------- */

struct received {
    double signal, interference, noise; /* mW a subcarrier */
};

static double on_air(double load)
{
    return reference + (1 - reference) * load;
}

static struct received receive(const struct nastl_cell_radio *radio)
{
    struct received r = {.signal = radio->power[radio->serving]};
    for (int c = 0; c < radio->cells; c++)
        if (c != radio->serving)
            r.interference += on_air(radio->load[c]) * radio->power[c];
    r.noise = linear(thermal + decibel(radio->domain->subcarrier * 1e3) + noise_figure);
    return r;
}

static double sinr_of(const struct received *r)
{
    return r->signal / (r->interference + r->noise);
}

/* RSRQ = RSRP / (12 x mean power of a subcarrier), the serving cell's own included. */
static double rsrq_of(const struct received *r, double load)
{
    const double all = r->signal * on_air(load) + r->interference + r->noise;
    return r->signal / (12 * all);
}

/* ---- measuring --------------------------------------------------------------------- */

/* F' = (1 - a) F + a M, M measured with an error of `sd` dB. */
static double filtered(double before, double truth, double sd, struct nastl_rng *rng)
{
    return (1 - filter) * before + filter * (truth + sd * normal(rng));
}

static void measure(struct nastl_cell_radio *radio, struct nastl_rng *rng)
{
    for (int c = 0; c < radio->cells; c++)
        radio->rsrp[c] = filtered(radio->rsrp[c], radio->level[c], measured_sd, rng);
    const struct received r = receive(radio);
    const double quality = rsrq_of(&r, radio->load[radio->serving]);
    radio->rsrq = filtered(radio->rsrq, decibel(quality), quality_sd, rng);
    radio->sinr = filtered(radio->sinr, decibel(sinr_of(&r)), quality_sd, rng);
}

/* The strongest cell besides the serving one and those `taken`, or -1. */
static int strongest(const struct nastl_cell_radio *radio, const bool *taken)
{
    int best = -1;
    for (int c = 0; c < radio->cells; c++)
        if (c != radio->serving && !taken[c] &&
            (best < 0 || radio->rsrp[c] > radio->rsrp[best]))
            best = c;
    return best;
}

/* A neighbour is reported when it stands out of all that is received. */
static void hear_neighbours(struct nastl_cell_tick *out,
                            const struct nastl_cell_radio *radio)
{
    const struct received r = receive(radio);
    const double floor = decibel(r.signal + r.interference + r.noise) + heard;
    bool taken[NASTL_CELL_CELLS] = {false};
    for (int n = 0; n < NASTL_CELL_NEIGHBOURS; n++) {
        const int c = strongest(radio, taken);
        taken[c] = true;
        const double level = radio->rsrp[c];
        out->neighbour[n] = level > floor ? level - radio->rsrp[radio->serving] : NAN;
    }
}

/* ---- handover ---------------------------------------------------------------------- */

static bool exceeded(const struct nastl_cell_radio *radio, int *by)
{
    const bool none[NASTL_CELL_CELLS] = {false};
    *by = strongest(radio, none);
    return radio->rsrp[*by] > radio->rsrp[radio->serving] + offset;
}

/* Quality is measured anew after a handover. */
static void attach(struct nastl_cell_radio *radio, int cell)
{
    radio->serving = cell;
    radio->better_for = 0;
    radio->since = 0;
    const struct received r = receive(radio);
    radio->rsrq = decibel(rsrq_of(&r, radio->load[cell]));
    radio->sinr = decibel(sinr_of(&r));
}

/* A3 held for the time to trigger; returns whether the user changes cells. */
static bool decide(struct nastl_cell_radio *radio, double seconds)
{
    int better;
    radio->better_for = exceeded(radio, &better) ? radio->better_for + 1 : 0;
    radio->since += seconds;
    if (radio->better_for < trigger)
        return false;
    attach(radio, better);
    return true;
}

/* ---- a tick ------------------------------------------------------------------------ */

/* Mbit/s: bandwidth x efficiency x what the others leave. */
static double rate_of(const struct nastl_cell_radio *radio)
{
    const struct received r = receive(radio);
    const double sinr = sinr_of(&r) * linear(radio->fading);
    const double share = fmax(1 - radio->load[radio->serving], least_share);
    const int layers = layers_of(radio->terminal);
    return radio->domain->bandwidth * share * nastl_cell_efficiency(sinr, layers);
}

static double to_site(const struct nastl_cell_radio *radio,
                      const struct nastl_cell_mover *mover)
{
    const int site = radio->serving / radio->domain->sectors;
    double dx, dy;
    nastl_cell_way(&dx, &dy, &radio->area, radio->site_x[site], radio->site_y[site],
                   mover->x, mover->y);
    return hypot(hypot(dx, dy), radio->domain->mast - 1.5);
}

static void report(struct nastl_cell_tick *out, const struct nastl_cell_radio *radio,
                   const struct nastl_cell_mover *mover)
{
    int by;
    out->rsrp = radio->rsrp[radio->serving];
    out->rsrq = radio->rsrq;
    out->sinr = radio->sinr;
    out->load = radio->load[radio->serving];
    out->distance = to_site(radio, mover);
    out->since = radio->since;
    out->speed = mover->speed;
    out->rate = rate_of(radio);
    out->better = exceeded(radio, &by);
    hear_neighbours(out, radio);
}

void nastl_cell_radio_start(struct nastl_cell_radio *out,
                            const struct nastl_cell_domain *domain,
                            const struct nastl_cell_mover *mover,
                            enum nastl_cell_terminal terminal, struct nastl_rng *rng)
{
    *out = (struct nastl_cell_radio){.domain = domain, .terminal = terminal};
    out->area = nastl_cell_area_of(domain);
    out->cells = NASTL_CELL_SITES * domain->sectors;
    place_sites(out);
    start_loads(out, rng);
    out->fading = fading_sd * normal(rng);
    for (int i = 0; i < NASTL_CELL_SITES; i++) {
        out->sight[i] = normal(rng);
        out->shadow[i] = normal(rng);
        hear_site(out, i, mover);
    }
    for (int c = 0; c < out->cells; c++) {
        out->rsrp[c] = out->level[c];
        if (out->rsrp[c] > out->rsrp[out->serving])
            out->serving = c;
    }
    attach(out, out->serving);
}

void nastl_cell_radio_step(struct nastl_cell_tick *out, struct nastl_cell_radio *radio,
                           const struct nastl_cell_mover *mover, double moved,
                           double seconds, struct nastl_rng *rng)
{
    const double a = exp(-seconds / fading_memory);
    radio->fading = a * radio->fading + sqrt(1 - a * a) * fading_sd * normal(rng);
    step_loads(radio, seconds, rng);
    step_air(radio, mover, moved, rng);
    measure(radio, rng);
    const bool changed = decide(radio, seconds);
    report(out, radio, mover);
    if (changed)
        out->rate *= 1 - interruption;
}
