// SPDX-License-Identifier: LGPL-2.1-or-later
// Models are found by name: which folders are searched, in which order, and what is no name.
#include <unistd.h>

#include "folder.h"
#include "testing.h"
#include "udm/udm.h"

// Two folders of UDM_MODEL_PATH and the working directory, each with models of which it has one to itself.
static folder make(void)
{
    static const char *const folders[] = { "one",        "one/first", "one/common", "two",        "two/second",
                                           "two/common", "here",      "here/third", "here/common" };
    folder made = folder_new();
    char path[1024];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        folder_make(&made, folders[i]);
    snprintf(path, sizeof path, ":%s/no such folder:%s/one::%s/two", made.path, made.path, made.path);
    setenv("UDM_MODEL_PATH", path, true);
    if (chdir(folder_path(&made, "here")) != 0)
        exit(1);
    return made;
}

static void finish(const folder *made)
{
    if (chdir("/") != 0)
        exit(1);
    unsetenv("UDM_MODEL_PATH");
    folder_free(made);
}

static void finds(const folder *made, const char *name, const char *where)
{
    udm_error error = { 0 };
    char *found = udm_model_find(name, &error);
    char *want = realpath(folder_path(made, where), NULL);
    ck_assert_msg(found, "\"%s\": %s", name, error.message);
    ck_assert_ptr_nonnull(want);
    ck_assert_str_eq(found, want);
    free(found);
    free(want);
}

static void fails(const char *name, udm_error_code code, const char *word)
{
    udm_error error = { 0 };
    char *found = udm_model_find(name, &error);
    ck_assert_msg(!found, "\"%s\" was found at %s", name, found);
    assert_contains(error.message, "UDM_MODEL_PATH");
    assert_error(&error, code, word);
}

START_TEST(names_are_searched_in_order)
{
    folder made = make();
    finds(&made, "first", "one/first");
    finds(&made, "second", "two/second");
    finds(&made, "third", "here/third");
    finds(&made, "common", "one/common");
    unsetenv("UDM_MODEL_PATH");
    finds(&made, "common", "here/common");
    fails("first", UDM_ERROR_NOT_FOUND, "not set");
    finish(&made);
}
END_TEST

START_TEST(paths_are_not_searched)
{
    folder made = make();
    finds(&made, "./third", "here/third");
    finds(&made, "third/", "here/third");
    finds(&made, "../two/common", "two/common");
    finds(&made, folder_path(&made, "two/common"), "two/common");
    finds(&made, ".", "here");
    fails("./first", UDM_ERROR_NOT_FOUND, "./first");
    if (chdir("third") != 0)
        exit(1);
    finds(&made, "..", "here");
    finish(&made);
}
END_TEST

START_TEST(errors)
{
    folder made = make();
    const char *file = folder_write_text(&made, "one/file", "");
    fails(file, UDM_ERROR_NOT_FOUND, "directory");
    fails("file", UDM_ERROR_NOT_FOUND, made.path);
    fails("none", UDM_ERROR_NOT_FOUND, "udm/models");
    fails("one/file/model", UDM_ERROR_NOT_FOUND, "one/file/model");
    fails("", UDM_ERROR_SETTINGS, "directory");
    fails(NULL, UDM_ERROR_SETTINGS, "directory");
    ck_assert_ptr_null(udm_model_find("none", NULL));
    finish(&made);
}
END_TEST

START_TEST(data_directory)
{
    char *folder = udm_data_directory(NULL);
    ck_assert_ptr_nonnull(folder);
    assert_begins(folder, "/");
    free(folder);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = names_are_searched_in_order },
        { .test = paths_are_not_searched },
        { .test = errors },
        { .test = data_directory },
    };
    return test_main("search", tests, COUNT_OF(tests));
}
