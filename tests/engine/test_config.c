// SPDX-License-Identifier: LGPL-2.1-or-later
// The typed JSON object, with good and with hostile input.
#include "model/config.h"

#include <unistd.h>

#include "check.h"
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
    if (!config)
        printf("    %s\n", error.message);
    return config;
}

TEST(reads_values)
{
    udm_config *config =
        open_text("{\"i\": 7, \"d\": 0.5, \"b\": true, \"s\": \"word\", \"list\": [3, 4, 5], \"none\": null}");
    udm_error error = { 0 };
    REQUIRE(config);
    int i = 1, list[3] = { 0 }, count = 0;
    double d = 1, from_int = 1;
    bool b = false;
    const char *s = "default";
    CHECK(udm_config_int(config, "i", 0, 10, &i, &error) && i == 7);
    CHECK(udm_config_double(config, "d", 0, 1, &d, &error) && d == 0.5);
    CHECK(udm_config_double(config, "i", 0, 10, &from_int, &error) && from_int == 7);
    CHECK(udm_config_bool(config, "b", &b, &error) && b);
    CHECK(udm_config_string(config, "s", &s, &error));
    CHECK_STRING(s, "word");
    CHECK(udm_config_ints(config, "list", 0, 9, 3, list, &count, &error) && count == 3 && list[0] == 3 && list[2] == 5);
    CHECK(udm_config_has(config, "i") && !udm_config_has(config, "none") && !udm_config_has(config, "absent"));
    CHECK(error.code == UDM_OK);
    udm_config_free(config);
}

TEST(infinities_of_python)
{
    udm_config *config =
        open_text("{\"low\": -Infinity, \"high\":Infinity,\"s\": \"\\\"-Infinity\", \"list\": [Infinity]}");
    REQUIRE(config);
    double low = 0, high = 0;
    const char *s = "";
    CHECK(udm_config_double(config, "low", -1e308, 0, &low, NULL) && low == -1e308);
    CHECK(udm_config_double(config, "high", 0, 1e308, &high, NULL) && high == 1e308);
    CHECK(udm_config_string(config, "s", &s, NULL));
    CHECK_STRING(s, "\"-Infinity");
    udm_config_free(config);
    CHECK(!open_bytes("{\"a\": Infinit", 13, NULL));
}

TEST(missing_and_null_keep_the_default)
{
    static const char *const keys[] = { "absent", "none" };
    udm_config *config = open_text("{\"none\": null}");
    REQUIRE(config);
    for (size_t k = 0; k < 2; k++) {
        int i = 3, list[1] = { 8 }, count = 1;
        double d = 0.25;
        bool b = true;
        const char *s = "kept";
        CHECK(udm_config_int(config, keys[k], 0, 1, &i, NULL) && i == 3);
        CHECK(udm_config_double(config, keys[k], 1, 2, &d, NULL) && d == 0.25);
        CHECK(udm_config_bool(config, keys[k], &b, NULL) && b);
        CHECK(udm_config_string(config, keys[k], &s, NULL));
        CHECK_STRING(s, "kept");
        CHECK(udm_config_ints(config, keys[k], 0, 1, 1, list, &count, NULL) && count == 1 && list[0] == 8);
    }
    udm_config_free(config);
}

static void check_named(const udm_error *error, udm_error_code code, const char *key)
{
    CHECK(error->code == code);
    CHECK(strstr(error->message, "config.json") != NULL);
    if (!strstr(error->message, key)) {
        printf("    no \"%s\" in: %s\n", key, error->message);
        CHECK(false);
    }
}

TEST(wrong_types_are_named)
{
    udm_config *config =
        open_text("{\"word\": \"x\", \"half\": 0.5, \"mixed\": [1, \"2\"], \"object\": {}, \"long\": [1,2,3]}");
    REQUIRE(config);
    int i = 3, list[2], count = 9;
    double d = 0.25;
    bool b = true;
    const char *s = "kept";
    udm_error error = { 0 };
    CHECK(!udm_config_int(config, "half", 0, 9, &i, &error) && i == 3);
    check_named(&error, UDM_ERROR_CORRUPT, "half");
    CHECK(!udm_config_double(config, "word", 0, 9, &d, &error) && d == 0.25);
    check_named(&error, UDM_ERROR_CORRUPT, "word");
    CHECK(!udm_config_bool(config, "half", &b, &error) && b);
    check_named(&error, UDM_ERROR_CORRUPT, "half");
    CHECK(!udm_config_string(config, "object", &s, &error));
    check_named(&error, UDM_ERROR_CORRUPT, "object");
    CHECK(!udm_config_ints(config, "mixed", 0, 9, 2, list, &count, &error) && count == 9);
    check_named(&error, UDM_ERROR_CORRUPT, "mixed");
    CHECK(!udm_config_ints(config, "word", 0, 9, 2, list, &count, &error));
    check_named(&error, UDM_ERROR_CORRUPT, "word");
    CHECK(!udm_config_ints(config, "long", 0, 9, 2, list, &count, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "long");
    udm_config_free(config);
}

TEST(ranges)
{
    udm_config *config =
        open_text("{\"big\": 9223372036854775807, \"small\": -9223372036854775808, \"d\": 1e308, \"l\": [1, 99]}");
    REQUIRE(config);
    int i = 3, list[2], count = 0;
    double d = 0;
    udm_error error = { 0 };
    CHECK(!udm_config_int(config, "big", 0, 10, &i, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "9223372036854775807");
    CHECK(!udm_config_int(config, "small", -10, 10, &i, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "small");
    CHECK(!udm_config_double(config, "d", 0, 1, &d, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "\"d\"");
    CHECK(!udm_config_ints(config, "l", 0, 10, 2, list, &count, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "99");
    CHECK(i == 3 && d == 0 && count == 0);
    udm_config_free(config);
}

TEST(walks_the_keys_in_order)
{
    udm_config *config = open_text("{\"b\": 1, \"a\": [1], \"c\": null}");
    REQUIRE(config);
    char seen[8] = "";
    for (const char *key = NULL; (key = udm_config_next(config, key));)
        strcat(seen, key);
    CHECK_STRING(seen, "bac");
    udm_config_free(config);
    config = open_text("{}");
    REQUIRE(config);
    CHECK(udm_config_next(config, NULL) == NULL);
    udm_config_free(config);
}

TEST(pairs)
{
    udm_config *config =
        open_text("{\"good\": [\"a\", \"b\"], \"null\": [null, null], \"short\": [\"a\"], \"long\": [\"a\", \"b\", "
                  "\"c\"], \"half\": [\"a\", 1], \"word\": \"ab\"}");
    REQUIRE(config);
    const char *pair[2] = { NULL, NULL };
    static const char *const bad[] = { "null", "short", "long", "half", "word", "absent" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!udm_config_pair(config, bad[i], pair) && !pair[0]);
    REQUIRE(udm_config_pair(config, "good", pair));
    CHECK_STRING(pair[0], "a");
    CHECK_STRING(pair[1], "b");
    udm_config_free(config);
}

TEST(refuses_unknown_keys)
{
    static const char *const known[] = { "width", "depth", NULL };
    udm_error error = { 0 };
    udm_config *config = open_text("{\"_note\": 1, \"width\": 2, \"other\": null}");
    REQUIRE(config);
    CHECK(udm_config_only(config, known, &error));
    udm_config_free(config);
    config = open_text("{\"width\": 2, \"center_input_sample\": false}");
    REQUIRE(config);
    CHECK(!udm_config_only(config, known, &error));
    check_named(&error, UDM_ERROR_UNSUPPORTED, "center_input_sample");
    udm_config_free(config);
}

TEST(hostile_texts)
{
    static const char *const texts[] = {
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
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        udm_error error = { 0 };
        udm_config *config = open_bytes(texts[i], strlen(texts[i]), &error);
        if (config || error.code != UDM_ERROR_CORRUPT) {
            printf("    code %d for: %s\n", error.code, texts[i]);
            CHECK(false);
        }
        udm_config_free(config);
    }
}

TEST(hostile_sizes)
{
    size_t size = (1 << 20) + 1;
    char *bytes = malloc(size);
    REQUIRE(bytes);
    udm_error error = { 0 };
    memset(bytes, '[', size);
    memcpy(bytes, "{\"a\":", 5);
    CHECK(!open_bytes(bytes, size - 1, &error) && error.code == UDM_ERROR_CORRUPT); // nested a million deep
    memset(bytes, ' ', size);
    memcpy(bytes, "{}", 2);
    udm_config *config = open_bytes(bytes, size - 1, &error);
    CHECK(config != NULL); // as large as it may be
    udm_config_free(config);
    error = (udm_error){ 0 };
    CHECK(!open_bytes(bytes, size, &error) && error.code == UDM_ERROR_CORRUPT);
    CHECK(!open_bytes("{\"a\0b\": 1}", 10, &error) && error.code == UDM_ERROR_CORRUPT);
    free(bytes);
}

TEST(not_a_file)
{
    folder made = folder_new();
    udm_error error = { 0 };
    CHECK(!udm_config_open(folder_path(&made, "absent.json"), &error) && error.code == UDM_ERROR_NOT_FOUND);
    CHECK(strstr(error.message, "absent.json") != NULL);
    CHECK(!udm_config_open(made.path, &error) && error.code == UDM_ERROR_UNREADABLE);
    const char *fifo = folder_path(&made, "fifo");
    REQUIRE(mkfifo(fifo, 0600) == 0);
    CHECK(!udm_config_open(fifo, &error) && error.code == UDM_ERROR_UNREADABLE); // and does not wait for a writer
    CHECK(!udm_config_open(folder_path(&made, "absent.json"), NULL));
    folder_free(&made);
}

// A long path cuts the message: never within a character.
TEST(cut_message)
{
    char text[600];
    for (int shift = 0; shift < 4; shift++) {
        memset(text, 'a', sizeof text);
        for (size_t i = (size_t)shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 3); // the sign of the euro
        text[sizeof text - 4] = 0;
        udm_error error = { 0 };
        CHECK(!udm_fail(&error, UDM_ERROR_CORRUPT, "%s", text));
        size_t length = strlen(error.message);
        CHECK((length - (size_t)shift) % 3 == 0 && length >= sizeof error.message - 3);
    }
    CHECK(!udm_fail(NULL, UDM_ERROR_CORRUPT, "%d", 1));
}

CHECK_MAIN()
