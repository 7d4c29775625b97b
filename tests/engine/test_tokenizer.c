// SPDX-License-Identifier: LGPL-2.1-or-later
// CLIP's tokenizer: ids that other implementations give, and files that are not as they should be. tokens.py has more.
#include <unistd.h>

#include "folder.h"
#include "testing.h"
#include "text/tokenizer.h"

enum { ROOM = 64 };

static udm_tokenizer *open_good(const char *path)
{
    udm_error error = { 0 };
    udm_tokenizer *tokenizer = udm_tokenizer_open(path, &error);
    ck_assert_msg(tokenizer, "%s: %s", path, error.message);
    return tokenizer;
}

// wanted: ends with -1
static void check_ids(const udm_tokenizer *tokenizer, const char *text, size_t most, const int *wanted)
{
    int *ids;
    size_t count, length = 0;
    udm_error error = { 0 };
    test_at("\"%s\"", text);
    assert_ok(udm_tokenizer_encode(tokenizer, text, most, &ids, &count, &error), &error);
    while (wanted[length] >= 0)
        length++;
    ck_assert_uint_eq(count, length);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(ids[i], wanted[i]);
    free(ids);
}

typedef struct known {
    const char *text;
    int ids[ROOM];
} known;

static const char *shipped(void)
{
    static char path[4096];
    const char *folder = getenv("UDM_SHIPPED_MODELS");
    snprintf(path, sizeof path, "%s/world/tokenizer", folder ? folder : "models");
    return path;
}

// As CLIPTokenizer of transformers 5.24 has them.
static const known of_world[] = {
    { "", { 901, 902, -1 } },
    { "a photo of a cat", { 901, 320, 688, 521, 320, 66, 542, 902, -1 } },
    { "2025", { 901, 273, 271, 273, 276, 902, -1 } }, // a digit is a word
    { "don't  STOP!!", { 901, 67, 519, 6, 339, 553, 755, 0, 256, 902, -1 } },
    { "a\xc2\x85"
      "b",
      { 901, 320, 321, 902, -1 } }, // U+0085 is a space
    { "½ ²", { 901, 126, 377, 126, 366, 902, -1 } },
    { "Cafe\xcc\x81 中文 ¥€",
      { 901, 66, 64, 69, 127, 358, 160, 116, 255, 162, 244, 485, 126, 98, 158, 224, 361, 902, -1 } },
    { "hello <|endoftext|>x", { 901, 567, 75, 75, 334, 902, 343, 902, -1 } },
    { "A big green 4 left of a yellow ring on black",
      { 901, 320, 691, 572, 275, 576, 521, 320, 563, 736, 519, 566, 902, -1 } },
    { "İ", { 901, 328, 136, 485, 902, -1 } }, // whose lower case is two characters
};

START_TEST(shipped_words)
{
    udm_tokenizer *tokenizer = open_good(shipped());
    check_ids(tokenizer, of_world[_i].text, 0, of_world[_i].ids);
    udm_tokenizer_free(tokenizer);
}
END_TEST

START_TEST(the_end_is_kept)
{
    udm_tokenizer *tokenizer = open_good(shipped());
    ck_assert_int_eq(udm_tokenizer_length(tokenizer), 64);
    ck_assert_int_eq(udm_tokenizer_pad(tokenizer), 902);
    ck_assert_int_eq(udm_tokenizer_size(tokenizer), 903);
    check_ids(tokenizer, "a photo of a cat", 4, (int[]){ 901, 320, 688, 902, -1 });
    check_ids(tokenizer, "a photo of a cat", 2, (int[]){ 901, 902, -1 });
    check_ids(tokenizer, "a photo of a cat", 7, (int[]){ 901, 320, 688, 521, 320, 66, 902, -1 });
    udm_tokenizer_free(tokenizer);
}
END_TEST

static const known of_clip[] = {
    { "", { 49406, 49407, -1 } },
    { "a photo of a cat", { 49406, 320, 1125, 539, 320, 2368, 49407, -1 } },
    { "2025", { 49406, 273, 271, 273, 276, 49407, -1 } },
    { "don't  STOP!!", { 49406, 847, 713, 1691, 748, 49407, -1 } },
    { "½ ²", { 49406, 33613, 41175, 49407, -1 } },
    { "Cafe\xcc\x81 中文 ¥€", { 49406, 15304, 19759, 255, 29032, 485, 126, 98, 6309, 49407, -1 } },
    { "İ", { 49406, 328, 16384, 49407, -1 } },
};

START_TEST(clips_words)
{
    const char *folder = getenv("UDM_CLIP_BPE");
    if (!folder || access(folder, R_OK) != 0) {
        test_skip("CLIP's vocabulary is not there: %s", folder ? folder : "UDM_CLIP_BPE is not set");
        return;
    }
    udm_tokenizer *tokenizer = open_good(folder);
    for (int i = 0; i < COUNT_OF(of_clip); i++)
        check_ids(tokenizer, of_clip[i].text, 0, of_clip[i].ids);
    udm_tokenizer_free(tokenizer);
}
END_TEST

// The vocabulary of transformers' own test, where "!" is the padding: it is then found in the text, and not a word.
static const char small_vocab[] =
    "{\"l\": 0, \"o\": 1, \"w\": 2, \"e\": 3, \"r\": 4, \"s\": 5, \"t\": 6, \"i\": 7, \"d\": 8, \"n\": 9, \"lo\": 10, "
    "\"l</w>\": 11, \"w</w>\": 12, \"r</w>\": 13, \"t</w>\": 14, \"low</w>\": 15, \"er</w>\": 16, \"lowest</w>\": 17, "
    "\"newer</w>\": 18, \"wider\": 19, \"<unk>\": 20, \"<|startoftext|>\": 21, \"<|endoftext|>\": 22, \"!\": 23, "
    "\"!</w>\": 24}";
static const char small_merges[] = "#version: 0.2\nl o\nlo w</w>\ne r</w>\n\n";
static const char small_config[] =
    "{\"unk_token\": \"<unk>\", \"pad_token\": {\"content\": \"!\", \"normalized\": false}, "
    "\"model_max_length\": 1000000000000000019884624838656}";

static folder small_folder(void)
{
    folder made = folder_new();
    folder_write_text(&made, "vocab.json", small_vocab);
    folder_write_text(&made, "merges.txt", small_merges);
    folder_write_text(&made, "tokenizer_config.json", small_config);
    return made;
}

START_TEST(small_vocabulary)
{
    folder made = small_folder();
    udm_tokenizer *tokenizer = open_good(made.path);
    check_ids(tokenizer, "lower newer", 0, (int[]){ 21, 10, 2, 16, 9, 3, 2, 16, 22, -1 });
    check_ids(tokenizer, "low!!", 0, (int[]){ 21, 15, 23, 23, 22, -1 });
    check_ids(tokenizer, "lowa", 0, (int[]){ 21, 10, 2, 20, 22, -1 }); // a letter that it lacks
    ck_assert_int_eq(udm_tokenizer_length(tokenizer), 0);
    udm_tokenizer_free(tokenizer);
    folder_free(&made);
}
END_TEST

START_TEST(bad_text)
{
    udm_tokenizer *tokenizer = open_good(shipped());
    udm_error error = { 0 };
    int *ids;
    size_t count;
    ck_assert(!udm_tokenizer_encode(tokenizer, "red \xff", 0, &ids, &count, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "not valid UTF-8");
    udm_tokenizer_free(tokenizer);
}
END_TEST

static const struct fault {
    const char *file, *text;
    udm_error_code code;
    const char *says;
} faults[] = {
    { "vocab.json", "{", UDM_ERROR_CORRUPT, "vocab.json: this is not valid JSON" },
    { "vocab.json", "{}", UDM_ERROR_CORRUPT, "there is no vocabulary" },
    { "vocab.json", "{\"a\": -1}", UDM_ERROR_CORRUPT, "is not one of 0" },
    { "vocab.json", "{\"a\": 1.5}", UDM_ERROR_CORRUPT, "is not one of 0" },
    { "vocab.json", "{\"a\": 1}", UDM_ERROR_CORRUPT, "merges.txt: a merge makes \"lo\"" },
    { "merges.txt", "l o w\n", UDM_ERROR_CORRUPT, "a space between" },
    { "merges.txt", "lo\n", UDM_ERROR_CORRUPT, "a space between" },
    { "merges.txt", "l o\nl o\n", UDM_ERROR_CORRUPT, "twice" },
    { "tokenizer_config.json", "{\"bos_token\": \"<s>\"}", UDM_ERROR_CORRUPT, "lacks the special token \"<s>\"" },
    { "tokenizer_config.json", "{\"do_lower_case\": false}", UDM_ERROR_UNSUPPORTED, "do_lower_case" },
    { "tokenizer_config.json", "{\"pad_token\": {\"content\": \"!\", \"lstrip\": true}, \"unk_token\": \"<unk>\"}",
      UDM_ERROR_UNSUPPORTED, "lstrip" },
};

START_TEST(bad_files)
{
    const struct fault *fault = &faults[_i];
    udm_error error = { 0 };
    folder made = small_folder();
    folder_write_text(&made, fault->file, fault->text);
    ck_assert_ptr_null(udm_tokenizer_open(made.path, &error));
    assert_error(&error, fault->code, fault->says);
    folder_free(&made);
}
END_TEST

START_TEST(other_tokenizers)
{
    udm_error error = { 0 };
    folder made = folder_new();
    ck_assert_ptr_null(udm_tokenizer_open(made.path, &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND, "vocab.json");
    folder_write_text(&made, "tokenizer.json", "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}}}");
    ck_assert_ptr_null(udm_tokenizer_open(made.path, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "not the tokenizer of CLIP");
    folder_free(&made);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = shipped_words, .cases = COUNT_OF(of_world) },
        { .test = the_end_is_kept },
        { .test = clips_words },
        { .test = small_vocabulary },
        { .test = bad_text },
        { .test = bad_files, .cases = COUNT_OF(faults) },
        { .test = other_tokenizers },
    };
    return test_main("tokenizer", tests, COUNT_OF(tests));
}
