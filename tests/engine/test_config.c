// SPDX-License-Identifier: LGPL-2.1-or-later
// The typed JSON object, with good and with hostile input.
#include "model/config.h"

#include <unistd.h>

#include "testing.h"
#include "folder.h"

static udm_config *open_bytes(const void *bytes, size_t size, udm_error *error)
{
    folder made = folder_new();
    udm_config *config = udm_config_open(folder_write(&made, "config.json", bytes, size), error);
    folder_free(&made);
    return config;
}

static udm_config *open_text(const char *text)
{
    udm_error error = { 0 };
    udm_config *config = open_bytes(text, strlen(text), &error);
    ck_assert_msg(config, "%s: %s", text, error.message);
    return config;
}

START_TEST(reads_values)
{
    udm_config *config =
        open_text("{\"i\": 7, \"d\": 0.5, \"b\": true, \"s\": \"word\", \"list\": [3, 4, 5], \"none\": null}");
    udm_error error = { 0 };
    int i = 1, list[3] = { 0 }, count = 0;
    double d = 1, from_int = 1;
    bool b = false;
    const char *s = "default";
    ck_assert(udm_config_int(config, "i", 0, 10, &i, &error));
    ck_assert_int_eq(i, 7);
    ck_assert(udm_config_double(config, "d", 0, 1, &d, &error));
    ck_assert_double_eq(d, 0.5);
    ck_assert(udm_config_double(config, "i", 0, 10, &from_int, &error));
    ck_assert_double_eq(from_int, 7);
    ck_assert(udm_config_bool(config, "b", &b, &error));
    ck_assert(b);
    ck_assert(udm_config_string(config, "s", &s, &error));
    ck_assert_str_eq(s, "word");
    ck_assert(udm_config_ints(config, "list", 0, 9, 3, list, &count, &error));
    ck_assert_int_eq(count, 3);
    ck_assert_int_eq(list[0], 3);
    ck_assert_int_eq(list[2], 5);
    ck_assert(udm_config_has(config, "i"));
    ck_assert(!udm_config_has(config, "none"));
    ck_assert(!udm_config_has(config, "absent"));
    ck_assert_int_eq(error.code, UDM_OK);
    udm_config_free(config);
}
END_TEST

START_TEST(infinities_of_python)
{
    udm_config *config =
        open_text("{\"low\": -Infinity, \"high\":Infinity,\"s\": \"\\\"-Infinity\", \"list\": [Infinity]}");
    double low = 0, high = 0;
    const char *s = "";
    ck_assert(udm_config_double(config, "low", -1e308, 0, &low, NULL));
    ck_assert_double_eq(low, -1e308);
    ck_assert(udm_config_double(config, "high", 0, 1e308, &high, NULL));
    ck_assert_double_eq(high, 1e308);
    ck_assert(udm_config_string(config, "s", &s, NULL));
    ck_assert_str_eq(s, "\"-Infinity");
    udm_config_free(config);
    ck_assert_ptr_null(open_bytes("{\"a\": Infinit", 13, NULL));
}
END_TEST

START_TEST(missing_and_null_keep_the_default)
{
    static const char *const keys[] = { "absent", "none" };
    udm_config *config = open_text("{\"none\": null}");
    for (int k = 0; k < 2; k++) {
        test_at("key \"%s\"", keys[k]);
        int i = 3, list[1] = { 8 }, count = 1;
        double d = 0.25;
        bool b = true;
        const char *s = "kept";
        ck_assert(udm_config_int(config, keys[k], 0, 1, &i, NULL));
        ck_assert_int_eq(i, 3);
        ck_assert(udm_config_double(config, keys[k], 1, 2, &d, NULL));
        ck_assert_double_eq(d, 0.25);
        ck_assert(udm_config_bool(config, keys[k], &b, NULL));
        ck_assert(b);
        ck_assert(udm_config_string(config, keys[k], &s, NULL));
        ck_assert_str_eq(s, "kept");
        ck_assert(udm_config_ints(config, keys[k], 0, 1, 1, list, &count, NULL));
        ck_assert_int_eq(count, 1);
        ck_assert_int_eq(list[0], 8);
    }
    udm_config_free(config);
}
END_TEST

static void check_named(udm_error *error, udm_error_code code, const char *key)
{
    ck_assert_msg(strstr(error->message, "config.json"), "no \"config.json\" in: %s", error->message);
    assert_error(error, code, key);
}

START_TEST(wrong_types_are_named)
{
    udm_config *config =
        open_text("{\"word\": \"x\", \"half\": 0.5, \"mixed\": [1, \"2\"], \"object\": {}, \"long\": [1,2,3]}");
    int i = 3, list[2], count = 9;
    double d = 0.25;
    bool b = true;
    const char *s = "kept";
    udm_error error = { 0 };
    ck_assert(!udm_config_int(config, "half", 0, 9, &i, &error));
    ck_assert_int_eq(i, 3);
    check_named(&error, UDM_ERROR_CORRUPT, "half");
    ck_assert(!udm_config_double(config, "word", 0, 9, &d, &error));
    ck_assert_double_eq(d, 0.25);
    check_named(&error, UDM_ERROR_CORRUPT, "word");
    ck_assert(!udm_config_bool(config, "half", &b, &error));
    ck_assert(b);
    check_named(&error, UDM_ERROR_CORRUPT, "half");
    ck_assert(!udm_config_string(config, "object", &s, &error));
    check_named(&error, UDM_ERROR_CORRUPT, "object");
    ck_assert(!udm_config_ints(config, "mixed", 0, 9, 2, list, &count, &error));
    ck_assert_int_eq(count, 9);
    check_named(&error, UDM_ERROR_CORRUPT, "mixed");
    ck_assert(!udm_config_ints(config, "word", 0, 9, 2, list, &count, &error));
    check_named(&error, UDM_ERROR_CORRUPT, "word");
    ck_assert(!udm_config_ints(config, "long", 0, 9, 2, list, &count, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "long");
    udm_config_free(config);
}
END_TEST

START_TEST(ranges)
{
    udm_config *config =
        open_text("{\"big\": 9223372036854775807, \"small\": -9223372036854775808, \"d\": 1e308, \"l\": [1, 99]}");
    int i = 3, list[2], count = 0;
    double d = 0;
    udm_error error = { 0 };
    ck_assert(!udm_config_int(config, "big", 0, 10, &i, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "9223372036854775807");
    ck_assert(!udm_config_int(config, "small", -10, 10, &i, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "small");
    ck_assert(!udm_config_double(config, "d", 0, 1, &d, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "\"d\"");
    ck_assert(!udm_config_ints(config, "l", 0, 10, 2, list, &count, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "99");
    ck_assert_int_eq(i, 3);
    ck_assert_double_eq(d, 0);
    ck_assert_int_eq(count, 0);
    udm_config_free(config);
}
END_TEST

START_TEST(walks_the_keys_in_order)
{
    udm_config *config = open_text("{\"b\": 1, \"a\": [1], \"c\": null}");
    char seen[8] = "";
    for (const char *key = NULL; (key = udm_config_next(config, key));)
        strcat(seen, key);
    ck_assert_str_eq(seen, "bac");
    udm_config_free(config);
    config = open_text("{}");
    ck_assert_ptr_null(udm_config_next(config, NULL));
    udm_config_free(config);
}
END_TEST

START_TEST(pairs)
{
    udm_config *config =
        open_text("{\"good\": [\"a\", \"b\"], \"null\": [null, null], \"short\": [\"a\"], \"long\": [\"a\", \"b\", "
                  "\"c\"], \"half\": [\"a\", 1], \"word\": \"ab\"}");
    const char *pair[2] = { NULL, NULL };
    static const char *const bad[] = { "null", "short", "long", "half", "word", "absent" };
    for (int i = 0; i < COUNT_OF(bad); i++) {
        test_at("key \"%s\"", bad[i]);
        ck_assert(!udm_config_pair(config, bad[i], pair));
        ck_assert_ptr_null(pair[0]);
    }
    ck_assert(udm_config_pair(config, "good", pair));
    ck_assert_str_eq(pair[0], "a");
    ck_assert_str_eq(pair[1], "b");
    udm_config_free(config);
}
END_TEST

START_TEST(refuses_unknown_keys)
{
    static const char *const known[] = { "width", "depth", NULL };
    udm_error error = { 0 };
    udm_config *config = open_text("{\"_note\": 1, \"width\": 2, \"other\": null}");
    ck_assert(udm_config_only(config, known, &error));
    udm_config_free(config);
    config = open_text("{\"width\": 2, \"center_input_sample\": false}");
    ck_assert(!udm_config_only(config, known, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "center_input_sample");
    udm_config_free(config);
}
END_TEST

static const char *const hostile[] = {
    "",
    " ",
    "{",
    "}",
    "[]",
    "[1]",
    "1",
    "\"x\"",
    "null",
    "{\"a\":1}x",
    "{\"a\":1,}",
    "{'a':1}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":{\"b\":1,\"b\":1}}",
    "{\"a\":1e999}",
    "{\"a\":99999999999999999999}",
    "{\"a\\u0000b\":1}",
    "{\"a\":\"\\u0000\"}",
    "{\"a\":\"\\ud800\"}",
    "{\"\xff\":1}",
    "{\"a\":\"\xc3\x28\"}",
    "{\"a\":\"\xed\xa0\x80\"}",
    "{\"a\":\"\xf8\x88\x80\x80\x80\"}",
    "{\"a\":NaN}",
    "{\"a\":Infinite}",
    "{\"a\":01}",
    "\xef\xbb\xbf{}",
    "{\"a\":tru}",
    "{\"a\":\"b\nc\"}",
};

START_TEST(hostile_texts)
{
    test_case("%d: %s", _i, hostile[_i]);
    udm_error error = { 0 };
    ck_assert_ptr_null(open_bytes(hostile[_i], strlen(hostile[_i]), &error));
    assert_error(&error, UDM_ERROR_CORRUPT, "");
}
END_TEST

START_TEST(hostile_sizes)
{
    size_t size = (1 << 20) + 1;
    char *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    udm_error error = { 0 };
    memset(bytes, '[', size);
    memcpy(bytes, "{\"a\":", 5);
    ck_assert_ptr_null(open_bytes(bytes, size - 1, &error));
    assert_error(&error, UDM_ERROR_CORRUPT, ""); // nested a million deep
    memset(bytes, ' ', size);
    memcpy(bytes, "{}", 2);
    udm_config *config = open_bytes(bytes, size - 1, &error);
    ck_assert_ptr_nonnull(config); // as large as it may be
    udm_config_free(config);
    error = (udm_error){ 0 };
    ck_assert_ptr_null(open_bytes(bytes, size, &error));
    assert_error(&error, UDM_ERROR_CORRUPT, "");
    ck_assert_ptr_null(open_bytes("{\"a\0b\": 1}", 10, &error));
    assert_error(&error, UDM_ERROR_CORRUPT, "");
    free(bytes);
}
END_TEST

START_TEST(not_a_file)
{
    folder made = folder_new();
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_config_open(folder_path(&made, "absent.json"), &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND, "absent.json");
    ck_assert_ptr_null(udm_config_open(made.path, &error));
    assert_error(&error, UDM_ERROR_UNREADABLE, "");
    const char *fifo = folder_path(&made, "fifo");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_ptr_null(udm_config_open(fifo, &error));
    assert_error(&error, UDM_ERROR_UNREADABLE, ""); // and does not wait for a writer
    ck_assert_ptr_null(udm_config_open(folder_path(&made, "absent.json"), NULL));
    folder_free(&made);
}
END_TEST

// A long path cuts the message: never within a character.
START_TEST(cut_message)
{
    char text[600];
    for (int shift = 0; shift < 4; shift++) {
        test_at("shifted by %d", shift);
        memset(text, 'a', sizeof text);
        for (size_t i = (size_t)shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 3); // the sign of the euro
        text[sizeof text - 4] = 0;
        udm_error error = { 0 };
        ck_assert(!udm_fail(&error, UDM_ERROR_CORRUPT, "%s", text));
        size_t length = strlen(error.message);
        ck_assert_uint_eq((length - (size_t)shift) % 3, 0);
        ck_assert_uint_ge(length, sizeof error.message - 3);
    }
    ck_assert(!udm_fail(NULL, UDM_ERROR_CORRUPT, "%d", 1));
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = reads_values },
        { .test = infinities_of_python },
        { .test = missing_and_null_keep_the_default },
        { .test = wrong_types_are_named },
        { .test = ranges },
        { .test = walks_the_keys_in_order },
        { .test = pairs },
        { .test = refuses_unknown_keys },
        { .test = hostile_texts, .cases = COUNT_OF(hostile) },
        { .test = hostile_sizes },
        { .test = not_a_file },
        { .test = cut_message },
    };
    return test_main("config", tests, COUNT_OF(tests));
}
