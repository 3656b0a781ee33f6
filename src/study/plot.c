/* plot.c: a front as a picture of characters: the first objective, best on top, against
 * the first cost on a logarithmic axis, cheap on the left.
 *
 *   0.9712 |              o    D
 *          |        K
 *          |   o
 *   0.9013 | o
 *          +---------------------
 *            1.2 µs        44 µs
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 64, /* of the field, in characters */
    HEIGHT = 14,
    LABEL = 10 /* left of the field */
};

/* One axis: where a value stands between the ends, 0 … 1. */
struct axis {
    const char *name, *unit;
    bool log, maximize;
    double low, high; /* of the values that are there, after the logarithm */
};

struct plot {
    const json_t *doc;
    struct axis x, y;
    char field[HEIGHT][WIDTH];
};

/* ---- axes -------------------------------------------------------------------------- */

static bool value_of(double *out, const struct axis *axis, const json_t *member)
{
    const json_t *values = json_object_get(member, "values");
    const json_t *value = json_object_get(values, axis->name);
    if (!json_is_number(value))
        return false;
    *out = json_number_value(value);
    if (axis->log)
        *out = *out > 0 ? log10(*out) : NAN;
    return isfinite(*out);
}

static bool axis_range(struct axis *axis, const json_t *front)
{
    size_t i;
    json_t *member;
    axis->low = INFINITY;
    axis->high = -INFINITY;
    json_array_foreach (front, i, member) {
        double value;
        if (!value_of(&value, axis, member))
            return false;
        axis->low = fmin(axis->low, value);
        axis->high = fmax(axis->high, value);
    }
    return axis->low <= axis->high;
}

static struct axis axis_of(const json_t *objective)
{
    const char *name = json_string_value(json_object_get(objective, "name"));
    const char *unit = json_string_value(json_object_get(objective, "unit"));
    const char *direction = json_string_value(json_object_get(objective, "direction"));
    return (struct axis){.name = name ? name : "",
                         .unit = unit && strcmp(unit, "1") != 0 ? unit : "",
                         .maximize = direction && strcmp(direction, "maximize") == 0};
}

/* The first objective that is paid for: neither a score nor one that is maximised. */
static const json_t *first_cost(const json_t *objectives)
{
    for (size_t j = 1; j < json_array_size(objectives); j++) {
        const json_t *objective = json_array_get(objectives, j);
        const char *name = json_string_value(json_object_get(objective, "name"));
        const struct nastl_objective *known = name ? nastl_objective_find(name) : NULL;
        if (known && known->source != NASTL_FROM_SCORES && !known->maximize)
            return objective;
    }
    return NULL;
}

/* ---- drawing ----------------------------------------------------------------------- */

static int cell_of(const struct axis *axis, double value, int cells)
{
    const double range = axis->high - axis->low;
    const double share = range > 0 ? (value - axis->low) / range : 0;
    return (int)lround(share * (cells - 1));
}

/* A marked member stays on top of others in its cell. */
static void draw(struct plot *plot, const json_t *member, char mark)
{
    double x, y;
    if (!value_of(&x, &plot->x, member) || !value_of(&y, &plot->y, member))
        return;
    const int row = cell_of(&plot->y, y, HEIGHT);
    char *cell = &plot->field[plot->y.maximize ? HEIGHT - 1 - row : row]
                             [cell_of(&plot->x, x, WIDTH)];
    if (*cell == ' ' || mark != 'o')
        *cell = mark;
}

static void draw_front(struct plot *plot)
{
    size_t i;
    json_t *member;
    const json_t *knee = json_object_get(plot->doc, "knee");
    const json_t *delivered =
        json_object_get(json_object_get(plot->doc, "deliver"), "trial");
    memset(plot->field, ' ', sizeof plot->field);
    json_array_foreach (json_object_get(plot->doc, "front"), i, member) {
        const json_t *trial = json_object_get(member, "trial");
        draw(plot, member,
             json_equal(trial, delivered) ? 'D'
             : json_equal(trial, knee)    ? 'K'
                                          : 'o');
    }
}

/* ---- writing ----------------------------------------------------------------------- */

static void end_text(char out[32], const struct axis *axis, double value)
{
    nastl_study_figure(out, axis->name, axis->log ? pow(10, value) : value);
}

static void put_row(struct nastl_strbuf *buf, const struct plot *plot, int row)
{
    char label[32] = "";
    const double top = plot->y.maximize ? plot->y.high : plot->y.low;
    const double bottom = plot->y.maximize ? plot->y.low : plot->y.high;
    if (row == 0)
        end_text(label, &plot->y, top);
    else if (row == HEIGHT - 1)
        end_text(label, &plot->y, bottom);
    int used = WIDTH;
    while (used > 0 && plot->field[row][used - 1] == ' ')
        used--;
    nastl_strbuf_addf(buf, "%*s |%s%.*s\n", LABEL, label, used ? " " : "", used,
                      plot->field[row]);
}

static void put_bottom(struct nastl_strbuf *buf, const struct axis *x)
{
    char low[32], high[32], line[WIDTH + 3];
    end_text(low, x, x->low);
    end_text(high, x, x->high);
    memset(line, '-', sizeof line);
    nastl_strbuf_addf(buf, "%*s +%.*s\n", LABEL, "", WIDTH + 2, line);
    nastl_strbuf_addf(buf, "%*s   %-*s%*s\n", LABEL, "", WIDTH / 2, low, WIDTH / 2, high);
    nastl_strbuf_addf(buf, "%*s   %s%s%s, logarithmic\n", LABEL, "", x->name,
                      *x->unit ? " in " : "", x->unit);
}

int nastl_study_front_plot(char **out, const json_t *pareto_json)
{
    const json_t *front = json_object_get(pareto_json, "front");
    const json_t *objectives = json_object_get(pareto_json, "objectives");
    const json_t *cost = first_cost(objectives);
    struct plot plot = {.doc = pareto_json};
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    if (cost && json_array_size(front) > 1) {
        plot.x = axis_of(cost);
        plot.x.log = true;
        plot.y = axis_of(json_array_get(objectives, 0));
        if (axis_range(&plot.x, front) && axis_range(&plot.y, front)) {
            draw_front(&plot);
            nastl_strbuf_addf(&buf, "%*s\n", LABEL, plot.y.name);
            for (int row = 0; row < HEIGHT; row++)
                put_row(&buf, &plot, row);
            put_bottom(&buf, &plot.x);
        }
    }
    return nastl_strbuf_take(out, &buf);
}
