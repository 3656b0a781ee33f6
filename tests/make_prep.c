/* make_prep.c: for check_prep.py.
 *
 *   make_prep prep OUT.h5 DATA.csv LABEL standard|quantile|robust none|log1p|quantile
 *     prepares the rows of DATA.csv: layout, prep and label as in a model, and x, code,
 *     label, output (of regression) and back of every row
 *   make_prep load DATA
 *     loads a table and a dataset of it; prints seconds and the peak of memory in MB
 *   make_prep values DATA OUT.h5
 *     writes DATA's table as it was read
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "data/prep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find(const char *name, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 0;
}

static int save_rows(struct nastl_h5 *file, const struct nastl_xy *xy,
                     const struct nastl_dataset *d)
{
    const size_t x[2] = {xy->rows, xy->numeric}, code[2] = {xy->rows, xy->categorical};
    int64_t *codes = nastl_alloc(code[0], code[1] * sizeof *codes);
    if (!codes)
        return nastl_error_nomem("codes");
    for (size_t i = 0; i < code[0] * code[1]; i++)
        codes[i] = xy->code[i];
    int status = nastl_h5_put_floats(file, "/x", xy->x, 2, x);
    if (status == NASTL_OK && code[1])
        status = nastl_h5_put_ints(file, "/code", codes, 2, code);
    if (status == NASTL_OK)
        status = nastl_h5_put_doubles(file, "/labels", d->label, 1, &d->rows);
    free(codes);
    return status;
}

static int save_labels(struct nastl_h5 *file, const struct nastl_dataset *d,
                       enum nastl_label_transform transform)
{
    static struct nastl_label_map map;
    if (d->task != NASTL_TASK_REGRESSION)
        return NASTL_OK;
    double *both = nastl_alloc(2 * d->rows, sizeof *both);
    if (!both)
        return nastl_error_nomem("labels");
    int status = nastl_label_fit(&map, d->label, d->rows, transform);
    for (size_t i = 0; i < d->rows; i++) {
        both[i] = 1.1 * nastl_label_apply(&map, d->label[i]);
        both[d->rows + i] = nastl_label_invert(&map, both[i]);
    }
    if (status == NASTL_OK)
        status = nastl_label_save(&map, file, "/label");
    if (status == NASTL_OK)
        status = nastl_h5_put_doubles(file, "/output", both, 1, &d->rows);
    if (status == NASTL_OK)
        status = nastl_h5_put_doubles(file, "/back", both + d->rows, 1, &d->rows);
    free(both);
    return status;
}

static int prepare(struct nastl_h5 *file, const struct nastl_dataset *d, char **argv)
{
    static const char *const scalings[] = {"standard", "quantile", "robust", NULL};
    static const char *const transforms[] = {"none", "log1p", "quantile", NULL};
    struct nastl_layout *layout;
    struct nastl_prep *prep;
    struct nastl_xy xy;
    int32_t *train, *all = nastl_alloc(d->rows, sizeof *all);
    size_t count;
    for (size_t i = 0; i < d->rows; i++)
        all[i] = (int32_t)i;
    TRY(nastl_dataset_rows(&train, &count, d, NASTL_PART_TRAIN));
    TRY(nastl_layout_fit(&layout, d, train, count));
    TRY(nastl_prep_fit(&prep, layout, d, train, count,
                       (enum nastl_scaling)find(argv[5], scalings)));
    TRY(nastl_prep_apply(&xy, prep, layout, d, all, d->rows));
    TRY(nastl_layout_save(layout, file, "/layout"));
    TRY(nastl_prep_save(prep, file, "/prep"));
    TRY(save_rows(file, &xy, d));
    TRY(save_labels(file, d, (enum nastl_label_transform)find(argv[6], transforms)));
    nastl_xy_finish(&xy);
    nastl_prep_destroy(prep);
    nastl_layout_destroy(layout);
    free(train);
    free(all);
    return nastl_h5_commit(file);
}

static int run_prep(char **argv)
{
    struct nastl_dataset *d;
    struct nastl_h5 *file;
    const struct nastl_dataset_params p = {
        .target = {argv + 3, 1}, .label = argv[4], .split_column = "split", .seed = 1};
    TRY(nastl_dataset_load(&d, &p, NULL));
    TRY(nastl_h5_create(&file, argv[2]));
    const int status = prepare(file, d, argv);
    nastl_h5_close(file);
    nastl_dataset_destroy(d);
    return status;
}

/* In MB. getrusage() would count what the parent process held before exec. */
static double peak_of_memory(void)
{
    char line[256];
    long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kilobytes = strtol(line + 6, NULL, 10);
    if (file)
        fclose(file);
    return (double)kilobytes / 1024;
}

static int run_load(char **argv)
{
    struct nastl_table *table;
    struct nastl_dataset *d;
    const struct nastl_dataset_params p = {
        .target = {argv + 2, 1}, .label = "DL_next5", .seed = 1};
    const double start = nastl_clock_seconds();
    TRY(nastl_table_load(&table, argv[2], NULL));
    const double seconds = nastl_clock_seconds() - start;
    const size_t rows = table->rows, columns = table->count;
    nastl_table_destroy(table);
    TRY(nastl_dataset_load(&d, &p, NULL));
    nastl_dataset_destroy(d);
    printf("%.4f %.1f %zu %zu\n", seconds, peak_of_memory(), rows, columns);
    return NASTL_OK;
}

int main(int argc, char **argv)
{
    int status = NASTL_EINVAL;
    if (argc == 7 && strcmp(argv[1], "prep") == 0)
        status = run_prep(argv);
    else if (argc == 3 && strcmp(argv[1], "load") == 0)
        status = run_load(argv);
    else if (argc == 4 && strcmp(argv[1], "values") == 0)
        status = nastl_data_convert(argv[2], argv[3], NULL, true);
    if (status < 0)
        fprintf(stderr, "make_prep: %s\n", nastl_error_last());
    return status < 0;
}
