// SPDX-License-Identifier: LGPL-2.1-or-later
// The safetensors reader, with good, cut, overlapping, huge and hostile files.
#include "model/weights.h"

#include <unistd.h>

#include "folder.h"

static udm_weights *open_bytes(const void *bytes, size_t size, udm_error *error)
{
    folder made = folder_new();
    udm_weights *weights = udm_weights_open(folder_write(&made, "w.safetensors", bytes, size), error);
    folder_free(&made);
    return weights;
}

static udm_weights *open_file(const char *header, const void *data, size_t size, udm_error *error)
{
    unsigned char bytes[4096];
    return open_bytes(bytes, folder_safetensors(bytes, header, data, size), error);
}

// Opens a file whose tensors are `size` zeros, and wants this error, with `word` in its message.
static void expect(const char *header, size_t size, udm_error_code code, const char *word)
{
    static const unsigned char zeros[1024];
    udm_error error = { 0 };
    test_at("%s", header);
    ck_assert_ptr_null(open_file(header, zeros, size, &error));
    assert_error(&error, code, word);
}

// The header's odd length leaves the data unaligned; "b" lies before "a".
static const char good[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                           "\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[6,14]},"
                           "\"b\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,6]},"
                           "\"c.n\":{\"dtype\":\"BF16\",\"shape\":[1,1,1,1,1],\"data_offsets\":[14,16]},"
                           "\"e\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[16,16]},"
                           "\"i\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[16,24]}} ";
// 1, -2, 0.5 | 1.5, -0.25 | 3 | 7
static const unsigned char good_data[24] = { 0x00, 0x3c, 0x00, 0xc0, 0x00, 0x38, 0, 0, 0xc0, 0x3f, 0, 0,
                                             0x80, 0xbe, 0x40, 0x40, 7,    0,    0, 0, 0,    0,    0, 0 };

START_TEST(good_file)
{
    udm_error error = { 0 };
    udm_weights *weights = open_file(good, good_data, sizeof good_data, &error);
    ck_assert_ptr_nonnull(weights);
    ck_assert_uint_eq(udm_weights_count(weights), 5);
    for (size_t i = 1; i < udm_weights_count(weights); i++)
        ck_assert_str_lt(udm_weights_at(weights, i - 1)->name, udm_weights_at(weights, i)->name);

    float *a = udm_weights_read(weights, "a", 2, (int64_t[]){ 2, 1 }, &error);
    float *b = udm_weights_read(weights, "b", 1, (int64_t[]){ 3 }, &error);
    float *c = udm_weights_read(weights, "c.n", 5, (int64_t[]){ 1, 1, 1, 1, 1 }, &error);
    float *e = udm_weights_read(weights, "e", 2, (int64_t[]){ 0, 4 }, &error);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_ptr_nonnull(c);
    ck_assert_ptr_nonnull(e);
    ck_assert_double_eq(a[0], 1.5);
    ck_assert_double_eq(a[1], -0.25);
    ck_assert_double_eq(b[0], 1);
    ck_assert_double_eq(b[1], -2);
    ck_assert_double_eq(b[2], 0.5);
    ck_assert_double_eq(c[0], 3);
    free(a), free(b), free(c), free(e);

    const udm_weight *other = udm_weights_find(weights, "i");
    ck_assert_ptr_nonnull(other);
    ck_assert_int_eq(other->dtype, UDM_OTHER_DTYPE);
    ck_assert_int_eq(other->dims, 0);
    ck_assert_uint_eq(other->elements, 1);
    ck_assert_uint_eq(other->bytes, 8);
    ck_assert_ptr_null(udm_weights_find(weights, "absent"));
    ck_assert_ptr_null(udm_weights_find(weights, "__metadata__"));
    assert_contains(udm_weights_path(weights), "w.safetensors");
    udm_weights_free(weights);
}
END_TEST

static void expect_unread(const udm_weights *weights, const char *name, int dims, const int64_t *shape,
                          const char *words[2])
{
    udm_error error = { 0 };
    test_at("%s", name);
    ck_assert_ptr_null(udm_weights_read(weights, name, dims, shape, &error));
    assert_contains(error.message, "w.safetensors");
    assert_contains(error.message, name);
    for (int i = 0; i < 2; i++)
        assert_contains(error.message, words[i]);
}

START_TEST(read_names_what_does_not_fit)
{
    udm_weights *weights = open_file(good, good_data, sizeof good_data, NULL);
    ck_assert_ptr_nonnull(weights);
    expect_unread(weights, "a", 2, (int64_t[]){ 1, 2 }, (const char *[]){ "is [2, 1]", "requires [1, 2]" });
    expect_unread(weights, "a", 1, (int64_t[]){ 2 }, (const char *[]){ "is [2, 1]", "requires [2]" });
    expect_unread(weights, "zzz", 4, (int64_t[]){ 8, 4, 3, 3 }, (const char *[]){ "no tensor", "[8, 4, 3, 3]" });
    expect_unread(weights, "i", 0, NULL, (const char *[]){ "F16", "BF16" });
    udm_weights_free(weights);
}
END_TEST

// Every one of the 65536 halves, worked out with powers of two.
START_TEST(every_half)
{
    static unsigned char bytes[200 + 2 * 65536];
    static uint16_t halves[65536];
    for (int i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    size_t size = folder_safetensors(bytes, "{\"h\":{\"dtype\":\"F16\",\"shape\":[65536],\"data_offsets\":[0,131072]}}",
                                     halves, sizeof halves);
    udm_weights *weights = open_bytes(bytes, size, NULL);
    ck_assert_ptr_nonnull(weights);
    float *values = udm_weights_read(weights, "h", 1, (int64_t[]){ 65536 }, NULL);
    ck_assert_ptr_nonnull(values);
    for (int i = 0; i < 65536; i++) {
        int exponent = (i >> 10) & 31, fraction = i & 1023;
        double want = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        if (exponent == 31)
            want = fraction ? NAN : INFINITY;
        want = copysign(want, i >> 15 ? -1 : 1);
        if (!(isnan(want) ? isnan(values[i]) : values[i] == want) || !signbit(values[i]) != !signbit(want))
            ck_abort_msg("%04x is %g, not %g", i, values[i], want);
    }
    free(values);
    udm_weights_free(weights);
}
END_TEST

START_TEST(bfloats)
{
    static const uint16_t data[] = { 0x0001, 0x8000, 0x7f80, 0xff80, 0x7fc0, 0x3f81 };
    udm_weights *weights =
        open_file("{\"h\":{\"dtype\":\"BF16\",\"shape\":[6],\"data_offsets\":[0,12]}}", data, 12, NULL);
    ck_assert_ptr_nonnull(weights);
    float *values = udm_weights_read(weights, "h", 1, (int64_t[]){ 6 }, NULL);
    ck_assert_ptr_nonnull(values);
    ck_assert_double_eq(values[0], ldexp(1, -133));
    ck_assert_double_eq(values[1], 0);
    ck_assert(signbit(values[1]));
    ck_assert_double_eq(values[2], INFINITY);
    ck_assert_double_eq(values[3], -INFINITY);
    ck_assert(isnan(values[4]));
    ck_assert_double_eq(values[5], 1.0078125);
    free(values);
    udm_weights_free(weights);
}
END_TEST

static const struct {
    const char *header;
    size_t size;
} odd[] = {
    { "{}", 0 },
    { "{\"__metadata__\":{}}", 0 },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"more\":1}}", 4 },
    { "{\"a\":{\"dtype\":\"F4\",\"shape\":[6],\"data_offsets\":[0,3]}}", 3 },
    { "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1,1,1,1,1,1,3],\"data_offsets\":[0,3]}}", 3 },
    { "{\"\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0 },
    // Empty tensors may stand between others.
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
      "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]},"
      "\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
      3 },
};

START_TEST(sound_but_odd)
{
    static const unsigned char zeros[1024];
    udm_error error = { 0 };
    test_case("%s", odd[_i].header);
    udm_weights *weights = open_file(odd[_i].header, zeros, odd[_i].size, &error);
    ck_assert_msg(weights, "%s", error.message);
    udm_weights_free(weights);
}
END_TEST

#define ENTRY(dtype, shape, offsets) "{\"t\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const char *const bad_tensors[] = {
    "{\"t\":1}",
    "{\"t\":null}",
    "{\"t\":[]}",
    "{\"t\":{}}",
    "{\"t\":{\"shape\":[1],\"data_offsets\":[0,4]}}",
    "{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}",
    "{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}",
    ENTRY("3", "[1]", "[0,4]"),
    ENTRY("\"F32\"", "1", "[0,4]"),
    ENTRY("\"F32\"", "[1.0]", "[0,4]"),
    ENTRY("\"F32\"", "[-1]", "[0,4]"),
    ENTRY("\"F32\"", "[\"1\"]", "[0,4]"),
    ENTRY("\"F32\"", "[2]", "[0,4]"),
    ENTRY("\"F16\"", "[1]", "[0,4]"),
    ENTRY("\"F4\"", "[7]", "[0,4]"),
    // Products that would wrap around to 1 or to 0.
    ENTRY("\"F32\"", "[4611686018427387905,4]", "[0,4]"),
    ENTRY("\"F32\"", "[4294967296,4294967296]", "[0,0]"),
    ENTRY("\"F32\"", "[4611686018427387904]", "[0,0]"),
    ENTRY("\"F32\"", "[9223372036854775807,4,0]", "[0,0]"),
    // Places outside the file, backwards, or of the wrong form.
    ENTRY("\"F32\"", "[1]", "[4,8]"),
    ENTRY("\"F32\"", "[1]", "[4,0]"),
    ENTRY("\"F32\"", "[1]", "[-4,0]"),
    ENTRY("\"F32\"", "[1]", "[0]"),
    ENTRY("\"F32\"", "[1]", "[0,4,4]"),
    ENTRY("\"F32\"", "[1]", "4"),
    ENTRY("\"F32\"", "[1]", "[0.0,4.0]"),
    ENTRY("\"F32\"", "[1]", "[0,9223372036854775807]"),
    ENTRY("\"F32\"", "[1]", "[9223372036854775804,9223372036854775807]"),
    ENTRY("\"F32\"", "[1]", "[null,4]"),
};

START_TEST(bad_entries)
{
    test_case("%d: %s", _i, bad_tensors[_i]);
    expect(bad_tensors[_i], 4, UDM_ERROR_CORRUPT, "\"t\"");
}
END_TEST

START_TEST(entries_beyond_limits)
{
    expect(ENTRY("\"F128\"", "[1]", "[0,4]"), 4, UDM_ERROR_UNSUPPORTED, "F128");
    expect("{\"t\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
           "1,1,1,1,1,"
           "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}",
           1, UDM_ERROR_CORRUPT, "shape");
}
END_TEST

static const char *const bad_texts[] = {
    "",
    "[]",
    "{",
    "1",
    " {}",
    "null",
    "{}x",
    "{\"a\":}",
    "{\"\xff\":1}",
    "{\"a\\u0000\":1}",
    ("{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"),
    "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
};

START_TEST(bad_headers)
{
    test_case("%d: %s", _i, bad_texts[_i]);
    expect(bad_texts[_i], 0, UDM_ERROR_CORRUPT, "header");
}
END_TEST

static void expect_two(const char *first, const char *second, size_t size, const char *word)
{
    char header[512];
    snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"U8\",%s},\"y\":{\"dtype\":\"U8\",%s}}", first, second);
    expect(header, size, UDM_ERROR_CORRUPT, word);
}

START_TEST(gaps_and_overlaps)
{
    expect_two("\"shape\":[4],\"data_offsets\":[0,4]", "\"shape\":[4],\"data_offsets\":[2,6]", 6, "overlaps");
    expect_two("\"shape\":[4],\"data_offsets\":[0,4]", "\"shape\":[4],\"data_offsets\":[0,4]", 4, "overlaps");
    expect_two("\"shape\":[6],\"data_offsets\":[0,6]", "\"shape\":[0],\"data_offsets\":[3,3]", 6, "overlaps");
    expect_two("\"shape\":[2],\"data_offsets\":[0,2]", "\"shape\":[2],\"data_offsets\":[4,6]", 6, "gap");
    expect_two("\"shape\":[2],\"data_offsets\":[1,3]", "\"shape\":[3],\"data_offsets\":[3,6]", 6, "gap");
    expect_two("\"shape\":[2],\"data_offsets\":[0,2]", "\"shape\":[2],\"data_offsets\":[2,4]", 6, "2 bytes at its end");
    expect("{}", 1, UDM_ERROR_CORRUPT, "at its end");
}
END_TEST

// A header of 2^63 or of 2^64 - 1 bytes, or one byte more than there are.
START_TEST(bad_lengths)
{
    unsigned char bytes[64];
    size_t size = folder_safetensors(bytes, "{}", NULL, 0);
    static const uint64_t lengths[] = { 3, 100, 1ull << 32, 1ull << 63, UINT64_MAX, UINT64_MAX - 7 };
    for (int i = 0; i < COUNT_OF(lengths); i++) {
        udm_error error = { 0 };
        for (int k = 0; k < 8; k++)
            bytes[k] = (unsigned char)(lengths[i] >> (8 * k));
        test_at("a header of %#llx bytes", (unsigned long long)lengths[i]);
        ck_assert_ptr_null(open_bytes(bytes, size, &error));
        assert_error(&error, UDM_ERROR_CORRUPT, "");
    }
}
END_TEST

// Over 100 MiB, all of which are there: a sparse file.
START_TEST(huge_header)
{
    folder made = folder_new();
    uint64_t length = (100 << 20) + 1;
    const char *path = folder_write(&made, "huge.safetensors", &length, sizeof length);
    udm_error error = { 0 };
    ck_assert_int_eq(truncate(path, (off_t)length + 8), 0);
    ck_assert_ptr_null(udm_weights_open(path, &error));
    assert_error(&error, UDM_ERROR_CORRUPT, "header of");
    folder_free(&made);
}
END_TEST

START_TEST(long_name)
{
    char header[600] = "{\"";
    memset(header + 2, 'n', 300);
    strcpy(header + 302, "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    expect(header, 0, UDM_ERROR_CORRUPT, "name of 300 bytes");
}
END_TEST

// The mapping of a file of this size ends within a page; ASan and the kernel see reads past it.
START_TEST(every_cut)
{
    unsigned char bytes[1024];
    size_t size = folder_safetensors(bytes, good, good_data, sizeof good_data);
    for (size_t cut = 0; cut < size; cut++) {
        udm_error error = { 0 };
        test_at("after %zu bytes", cut);
        ck_assert_ptr_null(open_bytes(bytes, cut, &error));
        ck_assert_str_ne(error.message, "");
        assert_error(&error, UDM_ERROR_CORRUPT, "");
    }
}
END_TEST

// Reads all of it, which touches all the memory that the entries claim.
static void read_all(const udm_weights *weights)
{
    for (size_t i = 0; i < udm_weights_count(weights); i++) {
        const udm_weight *weight = udm_weights_at(weights, i);
        ck_assert_ptr_eq(udm_weights_find(weights, weight->name), weight);
        if (weight->dims <= UDM_MAX_DIMS)
            free(udm_weights_read(weights, weight->name, weight->dims, weight->shape, NULL));
    }
}

START_TEST(every_flipped_bit)
{
    unsigned char bytes[1024];
    size_t size = folder_safetensors(bytes, good, good_data, sizeof good_data);
    folder made = folder_new();
    int opened = 0, refused = 0;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        udm_error error = { 0 };
        udm_weights *weights = udm_weights_open(folder_write(&made, "w.safetensors", bytes, size), &error);
        if (weights)
            read_all(weights);
        test_at("bit %zu", bit);
        ck_assert_int_eq(weights != NULL, error.code == UDM_OK);
        *(weights ? &opened : &refused) += 1;
        udm_weights_free(weights);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    ck_assert_int_gt(opened, 100);
    ck_assert_int_gt(refused, 1000); // data and names may change; places, types and brackets may not
    folder_free(&made);
}
END_TEST

START_TEST(not_a_file)
{
    folder made = folder_new();
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_weights_open(folder_path(&made, "absent"), &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND, "");
    ck_assert_ptr_null(udm_weights_open(made.path, &error));
    assert_error(&error, UDM_ERROR_UNREADABLE, "");
    const char *fifo = folder_path(&made, "fifo");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_ptr_null(udm_weights_open(fifo, &error));
    assert_error(&error, UDM_ERROR_UNREADABLE, "");
    ck_assert_ptr_null(udm_weights_open("/dev/zero", &error));
    assert_error(&error, UDM_ERROR_UNREADABLE, "");
    ck_assert_ptr_null(udm_weights_open(folder_path(&made, "absent"), NULL));
    udm_weights_free(NULL);
    folder_free(&made);
}
END_TEST

// ---- several files

#define SHARD(name, from, to) "{\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" from "," to "]}}"

static void write_shard(const folder *made, const char *file, const char *header, float value)
{
    unsigned char bytes[256];
    folder_write(made, file, bytes, folder_safetensors(bytes, header, &value, sizeof value));
}

static const struct {
    const char *index;
    udm_error_code code; // OK: it is sound
    const char *word;
} shard_indexes[] = {
    { "{\"weight_map\": {\"a\": \"2.safetensors\", \"b\": \"1.safetensors\"}}", UDM_OK, NULL },
    { "{\"weight_map\": {\"b\": \"1.safetensors\"}}", UDM_OK, NULL },
    { "{\"weight_map\": {\"a\": \"2.safetensors\", \"c\": \"1.safetensors\"}}", UDM_ERROR_CORRUPT, "\"c\"" },
    { "{\"weight_map\": {\"a\": \"2.safetensors\", \"b\": \"twice.safetensors\"}}", UDM_ERROR_CORRUPT, "two of" },
    { "{\"weight_map\": {\"a\": \"3.safetensors\"}}", UDM_ERROR_NOT_FOUND, "3.safetensors" },
    { "{\"weight_map\": {\"a\": \"../1.safetensors\"}}", UDM_ERROR_CORRUPT, "beside it" },
    { "{\"weight_map\": {\"a\": \"/1.safetensors\"}}", UDM_ERROR_CORRUPT, "beside it" },
    { "{\"weight_map\": {\"a\": \"\"}}", UDM_ERROR_CORRUPT, "beside it" },
    { "{\"weight_map\": {\"a\": 1}}", UDM_ERROR_CORRUPT, "beside it" },
    { "{\"weight_map\": []}", UDM_ERROR_CORRUPT, "weight_map" },
    { "{\"weight_map\": {}}", UDM_ERROR_CORRUPT, "weight_map" },
    { "{}", UDM_ERROR_CORRUPT, "weight_map" },
    { "[]", UDM_ERROR_CORRUPT, "object" },
    { "{", UDM_ERROR_CORRUPT, "JSON" },
};

START_TEST(several_files)
{
    udm_error error = { 0 };
    folder made = folder_new();
    write_shard(&made, "1.safetensors", SHARD("b", "0", "4"), 1);
    write_shard(&made, "2.safetensors", SHARD("a", "0", "4"), 2);
    write_shard(&made, "twice.safetensors", SHARD("a", "0", "4"), 3);
    test_case("%s", shard_indexes[_i].index);
    udm_weights *weights =
        udm_weights_open(folder_write_text(&made, "w.safetensors.index.json", shard_indexes[_i].index), &error);
    if (shard_indexes[_i].code != UDM_OK) {
        ck_assert_ptr_null(weights);
        assert_error(&error, shard_indexes[_i].code, shard_indexes[_i].word);
    } else {
        ck_assert_msg(weights, "%s", error.message);
        float *b = udm_weights_read(weights, "b", 1, (int64_t[]){ 1 }, &error);
        ck_assert_msg(b && *b == 1, "%s", error.message);
        free(b);
        if (udm_weights_count(weights) == 2) {
            float *a = udm_weights_read(weights, "a", 1, (int64_t[]){ 1 }, &error);
            ck_assert_msg(a && *a == 2, "%s", error.message);
            free(a);
        }
        ck_assert(udm_weights_all_read(weights, &error));
        assert_contains(udm_weights_path(weights), "index.json");
        udm_weights_free(weights);
    }
    folder_free(&made);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = good_file },
        { .test = read_names_what_does_not_fit },
        { .test = every_half },
        { .test = bfloats },
        { .test = sound_but_odd, .cases = COUNT_OF(odd) },
        { .test = bad_entries, .cases = COUNT_OF(bad_tensors) },
        { .test = entries_beyond_limits },
        { .test = bad_headers, .cases = COUNT_OF(bad_texts) },
        { .test = gaps_and_overlaps },
        { .test = bad_lengths },
        { .test = huge_header },
        { .test = long_name },
        { .test = every_cut },
        { .test = every_flipped_bit },
        { .test = not_a_file },
        { .test = several_files, .cases = COUNT_OF(shard_indexes) },
    };
    return test_main("weights", tests, COUNT_OF(tests));
}
