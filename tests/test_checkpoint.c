/* test_checkpoint.c: a trial that is stopped in the midst of its trainings, and taken up
 * by another process, becomes what an uninterrupted one is, bit by bit. Checkpoints that
 * are damaged or another's change nothing. SPDX-License-Identifier: Apache-2.0 */
#include "run_toy.h"

#include "io/file.h"
#include "run/trial.h"

#include <math.h>

/* Everything that has a memory: running statistics, dropout, a schedule, averages. */
static const char space[] = "schema: nas-tl/space/v1\n"
                            "name: toy\n"
                            "family: mlp\n"
                            "mlp: {layers: 2, width: 12, normalization: batch, "
                            "dropout: 0.2}\n"
                            "training: {learning_rate: 0.01, batch_size: 16, "
                            "max_epochs: 9, patience: 9, schedule: flat_cosine, "
                            "warmup_epochs: 2, weight_average: 3, score_window: 2}\n"
                            "transfer: {strategy: scratch}\n";

enum { SEED = 11, NUMBER = 3, STEPS = 4 };

/* ---- a trial that is trained in pieces --------------------------------------------- */

struct piece {
    struct nastl_trial trial;
    struct nastl_model *model;
};

static void finish_piece(struct piece *piece)
{
    nastl_trial_finish(&piece->trial);
    nastl_model_destroy(piece->model);
}

static void only_candidate(struct nastl_trial *trial, const struct nastl_problem *problem)
{
    struct nastl_point *point;
    struct nastl_rng rng;
    nastl_rng_init(&rng, 0, 0, NASTL_RNG_SEARCH);
    assert_ok(nastl_point_create(&point, problem->space));
    nastl_space_sample(problem->space, &rng, point);
    assert_ok(nastl_point_candidate(&trial->candidate, problem->space, point));
    nastl_point_destroy(point);
}

static int open_checkpoint(struct nastl_checkpoint **out, const char *path,
                           const struct nastl_problem *problem, const struct piece *piece,
                           struct notes *notes)
{
    static struct nastl_log log;
    log = (struct nastl_log){note, notes};
    return nastl_checkpoint_open(out, path,
                                 nastl_trial_identity(problem, &piece->trial, "trial"),
                                 notes ? &log : NULL);
}

/* One process: trains until `halt` says so. */
static int train_piece(struct piece *piece, const struct nastl_problem *problem,
                       const char *path, struct halt *halt, struct notes *notes)
{
    const struct nastl_stop stop = {is_halted, NULL, halt};
    struct nastl_checkpoint *checkpoint;
    *piece = (struct piece){.trial.number = NUMBER};
    only_candidate(&piece->trial, problem);
    assert_ok(open_checkpoint(&checkpoint, path, problem, piece, notes));
    const int status =
        nastl_trial_train(&piece->trial, &piece->model, problem, &stop, checkpoint);
    nastl_checkpoint_close(checkpoint);
    return status;
}

static void assert_same_model(struct nastl_model *a, struct nastl_model *b)
{
    for (size_t t = 0; t < nastl_net_tensor_count(a->net); t++) {
        const struct nastl_tensor *x = nastl_net_tensor(a->net, t);
        const struct nastl_tensor *y = nastl_net_tensor(b->net, t);
        const size_t count = x->shape[0] * (x->rank == 2 ? x->shape[1] : 1);
        assert_memory_equal(x->data, y->data, count * sizeof(float));
    }
}

/* All but what was timed. */
static void assert_same_trial(const struct piece *a, const struct piece *b)
{
    const char *keys[] = {"epochs", "best_epoch", "parameters"};
    assert_int_equal(a->trial.state, NASTL_STATE_COMPLETE);
    assert_int_equal(b->trial.state, NASTL_STATE_COMPLETE);
    for (size_t j = 0; j < 2; j++)
        assert_true(a->trial.values[j] == b->trial.values[j]);
    assert_true(a->trial.errors[0] == b->trial.errors[0] || isnan(a->trial.errors[0]));
    assert_true(json_equal(json_object_get(a->trial.details, "valid"),
                           json_object_get(b->trial.details, "valid")));
    assert_true(json_equal(json_object_get(a->trial.details, "calibration"),
                           json_object_get(b->trial.details, "calibration")));
    for (size_t i = 0; i < 3; i++)
        assert_true(json_equal(
            json_object_get(json_object_get(a->trial.details, "cost"), keys[i]),
            json_object_get(json_object_get(b->trial.details, "cost"), keys[i])));
    assert_same_model(a->model, b->model);
}

static double training_time(const struct piece *piece)
{
    return json_number_value(
        json_object_get(json_object_get(piece->trial.details, "cost"), "training_time"));
}

/* Pieces of 14 … 30 questions, more than two epochs each, until it is done. Returns how
 * many processes it took. */
static size_t train_in_pieces(struct piece *piece, const struct nastl_problem *problem,
                              const char *path, uint64_t seed, struct notes *notes)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 1, NASTL_RNG_SEARCH);
    for (size_t processes = 1;; processes++) {
        struct halt halt = {.at = 18 + nastl_rng_below(&rng, 17)};
        const int status = train_piece(piece, problem, path, &halt, notes);
        if (status == NASTL_OK)
            return processes;
        assert_int_equal(status, NASTL_EINTERRUPTED);
        assert_true(nastl_file_exists(path));
        finish_piece(piece);
        assert_true(processes < 100);
    }
}

static void check_pieces(void **state, const char *folds, uint64_t seed)
{
    struct nastl_problem *problem = toy_problem(state, space, folds, SEED);
    const char *path = scratch(state, "trial-3.h5");
    struct halt never = {0};
    struct notes notes = {0};
    struct piece whole, pieces;
    assert_ok(train_piece(&whole, problem, NULL, &never, NULL));
    const size_t processes = train_in_pieces(&pieces, problem, path, seed, &notes);
    print_message("folds %s, seed %zu: %zu processes\n", folds, (size_t)seed, processes);
    assert_true(processes > 2);
    assert_int_equal(notes.count, 0);
    assert_same_trial(&whole, &pieces);
    /* Each of the others slept once, and what was computed before is part of the time. */
    assert_true(training_time(&pieces) > 0.05 * (double)(processes - 1) / 2);
    assert_true(pieces.trial.seconds >= training_time(&pieces));
    remove(path);
    finish_piece(&whole);
    finish_piece(&pieces);
    nastl_problem_destroy(problem);
}

static void pieces_of_one_split_are_the_whole(void **state)
{
    check_pieces(state, "1", 1);
    check_pieces(state, "1", 2);
}

static void pieces_of_folds_are_the_whole(void **state)
{
    check_pieces(state, "3", 3);
    check_pieces(state, "3", 4);
}

/* ---- trained, not yet measured ----------------------------------------------------- */

static void what_is_trained_is_not_trained_again(void **state)
{
    struct nastl_problem *problem = toy_problem(state, space, "2", SEED);
    const char *path = scratch(state, "trial-3.h5");
    struct halt halt = {0};
    struct nastl_checkpoint *checkpoint;
    const struct nastl_stop stop = {is_halted, NULL, &halt};
    struct piece first = {.trial.number = NUMBER}, again;
    only_candidate(&first.trial, problem);
    assert_ok(open_checkpoint(&checkpoint, path, problem, &first, NULL));
    assert_ok(nastl_trial_train(&first.trial, &first.model, problem, &stop, checkpoint));
    /* What is cheap writes none by itself; a busy machine makes it dear. */
    assert_true(first.trial.seconds > 1 || !nastl_file_exists(path));
    nastl_checkpoint_save(checkpoint);
    nastl_checkpoint_close(checkpoint);
    halt = (struct halt){.at = 1};
    assert_ok(train_piece(&again, problem, path, &halt, NULL));
    assert_int_equal(halt.asked, 0);
    assert_same_trial(&first, &again);
    assert_true(training_time(&first) == training_time(&again));
    remove(path);
    finish_piece(&first);
    finish_piece(&again);
    nastl_problem_destroy(problem);
}

/* The weights of the whole training, and of one that was stopped in its midst. The best 6
 * of 9 epochs: 2 of warm-up, half as much, 3.5 of full size, half of one of descent. A
 * whole course has nearly that sum in 7: 1 + (7 - 2) 3/4. */
static void a_refit_goes_on(void **state)
{
    struct nastl_problem *problem = toy_problem(state, space, "1", SEED);
    struct nastl_trial trial = {.number = NUMBER};
    struct nastl_checkpoint *none;
    struct nastl_model *whole, *again;
    only_candidate(&trial, problem);
    const char *path = scratch(state, "refit-3.h5");
    assert_ok(nastl_checkpoint_open(&none, path, 5, NULL));
    assert_ok(nastl_trial_refit(&whole, problem, &trial, 6, none));
    assert_true(nastl_checkpoint_seconds(none) > 1 || !nastl_file_exists(path));
    nastl_checkpoint_save(none);
    nastl_checkpoint_close(none);
    assert_ok(nastl_checkpoint_open(&none, path, 5, NULL));
    assert_int_equal(nastl_checkpoint_folds(none), 1);
    assert_true(nastl_checkpoint_fold(none, 0)->epochs == 7);
    assert_ok(nastl_trial_refit(&again, problem, &trial, 6, none));
    nastl_checkpoint_close(none);
    assert_same_model(whole, again);
    remove(path);
    nastl_model_destroy(whole);
    nastl_model_destroy(again);
    nastl_trial_finish(&trial);
    nastl_problem_destroy(problem);
}

/* ---- checkpoints that are none ----------------------------------------------------- */

/* Leaves a checkpoint in the second fold at `path`. */
static void leave_checkpoint(const struct nastl_problem *problem, const char *path)
{
    struct halt halt = {.at = 9 * (STEPS + 1) + 25};
    struct piece piece;
    assert_int_equal(train_piece(&piece, problem, path, &halt, NULL), NASTL_EINTERRUPTED);
    finish_piece(&piece);
}

/* What lies at `path` is one warning that says `part`; the trial is trained as a whole.
 */
static void assert_ignored(const struct nastl_problem *problem, const char *path,
                           const struct piece *whole, const char *part)
{
    struct halt never = {0};
    struct notes notes = {0};
    struct piece piece;
    assert_ok(train_piece(&piece, problem, path, &never, &notes));
    assert_int_equal(notes.count, 1);
    if (!strstr(notes.last, part))
        fail_msg("'%s' does not say '%s'", notes.last, part);
    assert_same_trial(whole, &piece);
    finish_piece(&piece);
}

static void damaged_checkpoints_are_ignored(void **state)
{
    struct nastl_problem *problem = toy_problem(state, space, "2", SEED);
    const char *path = scratch(state, "trial-3.h5");
    struct halt never = {0};
    struct piece whole;
    char *bytes;
    size_t length;
    assert_ok(train_piece(&whole, problem, NULL, &never, NULL));
    leave_checkpoint(problem, path);
    assert_ok(nastl_file_read(&bytes, &length, path, 1 << 24));
    for (size_t part = 0; part < 5; part++) { /* cut off */
        scratch_write(path, bytes, length * part / 5);
        assert_ignored(problem, path, &whole, "damaged");
    }
    for (size_t i = 0; i < 12; i++) { /* one byte is another */
        const size_t at = length * i / 12 + 977 * i % (length / 12);
        struct notes notes = {0};
        struct piece piece;
        bytes[at] = (char)(bytes[at] ^ 0x55);
        scratch_write(path, bytes, length);
        assert_ok(train_piece(&piece, problem, path, &never, &notes));
        assert_true(notes.count <= 1); /* it may be a byte that is not used */
        assert_same_trial(&whole, &piece);
        finish_piece(&piece);
        bytes[at] = (char)(bytes[at] ^ 0x55);
    }
    free(bytes);
    remove(path);
    finish_piece(&whole);
    nastl_problem_destroy(problem);
}

static void foreign_checkpoints_are_ignored(void **state)
{
    struct nastl_problem *other = toy_problem(state, space, "2", SEED + 1);
    const char *path = scratch(state, "trial-3.h5");
    struct halt never = {0};
    struct piece whole;
    leave_checkpoint(other, path);
    nastl_problem_destroy(other);
    struct nastl_problem *problem = toy_problem(state, space, "2", SEED);
    assert_ok(train_piece(&whole, problem, NULL, &never, NULL));
    assert_ignored(problem, path, &whole, "another training");
    remove(path);
    finish_piece(&whole);
    nastl_problem_destroy(problem);
}

/* A disk that is full costs a warning, not the training. */
static void without_room_it_goes_on(void **state)
{
    struct nastl_problem *problem = toy_problem(state, space, "2", SEED);
    const char *path = scratch(state, "nowhere/trial-3.h5");
    struct halt halt = {.at = 40}, never = {0};
    struct notes notes = {0};
    struct piece piece;
    const int status = train_piece(&piece, problem, path, &halt, &notes);
    assert_int_equal(status, NASTL_EINTERRUPTED);
    assert_int_equal(notes.count, 1);
    finish_piece(&piece);
    assert_ok(train_piece(&piece, problem, path, &never, &notes));
    finish_piece(&piece);
    nastl_problem_destroy(problem);
}

/* ---- memory ------------------------------------------------------------------------ */

static int open_and_close(void *payload)
{
    struct nastl_checkpoint *checkpoint;
    const uint64_t *identity = payload;
    const int status = nastl_checkpoint_open(&checkpoint, "left.h5", *identity, NULL);
    if (status == NASTL_OK)
        nastl_checkpoint_close(checkpoint);
    return status;
}

static void opening_survives_want_of_memory(void **state)
{
    struct nastl_problem *problem = toy_problem(state, space, "2", SEED);
    struct piece piece = {.trial.number = NUMBER};
    only_candidate(&piece.trial, problem);
    uint64_t identity = nastl_trial_identity(problem, &piece.trial, "trial");
    leave_checkpoint(problem, "left.h5");
    check_out_of_memory(open_and_close, &identity);
    remove("left.h5");
    finish_piece(&piece);
    nastl_problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_one_split_are_the_whole),
        cmocka_unit_test(pieces_of_folds_are_the_whole),
        cmocka_unit_test(what_is_trained_is_not_trained_again),
        cmocka_unit_test(a_refit_goes_on),
        cmocka_unit_test(damaged_checkpoints_are_ignored),
        cmocka_unit_test(foreign_checkpoints_are_ignored),
        cmocka_unit_test(without_room_it_goes_on),
        cmocka_unit_test(opening_survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
