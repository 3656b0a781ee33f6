/* test_study_publish.c: in which order a study is published.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "io/file.h"
#include "study_toy.h"

#include <unistd.h>

static char *fact_of(struct nastl_study *study, const char *key)
{
    char *text;
    assert_ok(nastl_study_get_fact(study, key, &text));
    return text;
}

static void a_study_has_stopped_when_its_files_say_so(void **state)
{
    static const char *const names[] = {"trials.csv", "pareto.csv", "pareto.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct toy toy;
        char path[700], *stop;
        const char *folder = scratch(state, names[i]);
        assert_ok(toy_create(&toy, folder, "accuracy,flops", 1));
        json_t *head = toy_head();
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_ok(nastl_file_make_folder(path));
        assert_true(nastl_study_publish(toy.study, head) < 0);
        assert_null(fact_of(toy.study, "stop"));
        assert_int_equal(rmdir(path), 0);
        assert_ok(nastl_study_publish(toy.study, head));
        stop = fact_of(toy.study, "stop");
        assert_string_equal(stop, json_string_value(json_object_get(head, "stop")));
        free(stop);
        json_decref(head);
        toy_finish(&toy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_study_has_stopped_when_its_files_say_so),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
