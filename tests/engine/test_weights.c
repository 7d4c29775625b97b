// SPDX-License-Identifier: LGPL-2.1-or-later
// The safetensors reader, with good, cut, overlapping, huge and hostile files.
#include "model/weights.h"

#include <unistd.h>

#include "check.h"
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
    udm_weights *weights = open_file(header, zeros, size, &error);
    if (weights || error.code != code || (code != UDM_OK && !strstr(error.message, word))) {
        printf("    %s: code %d, not %d with \"%s\": %s\n", header, error.code, code, word, error.message);
        CHECK(false);
    }
    udm_weights_free(weights);
}

static bool opens(const char *header, size_t size)
{
    static const unsigned char zeros[1024];
    udm_error error = { 0 };
    udm_weights *weights = open_file(header, zeros, size, &error);
    if (!weights)
        printf("    %s: %s\n", header, error.message);
    bool ok = weights != NULL;
    udm_weights_free(weights);
    return ok;
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

TEST(good_file)
{
    udm_error error = { 0 };
    udm_weights *weights = open_file(good, good_data, sizeof good_data, &error);
    REQUIRE(weights);
    CHECK(udm_weights_count(weights) == 5);
    for (size_t i = 1; i < udm_weights_count(weights); i++)
        CHECK(strcmp(udm_weights_at(weights, i - 1)->name, udm_weights_at(weights, i)->name) < 0);

    float *a = udm_weights_read(weights, "a", 2, (int64_t[]){ 2, 1 }, &error);
    float *b = udm_weights_read(weights, "b", 1, (int64_t[]){ 3 }, &error);
    float *c = udm_weights_read(weights, "c.n", 5, (int64_t[]){ 1, 1, 1, 1, 1 }, &error);
    float *e = udm_weights_read(weights, "e", 2, (int64_t[]){ 0, 4 }, &error);
    REQUIRE(a && b && c && e);
    CHECK(a[0] == 1.5f && a[1] == -0.25f);
    CHECK(b[0] == 1 && b[1] == -2 && b[2] == 0.5f);
    CHECK(c[0] == 3);
    free(a), free(b), free(c), free(e);

    const udm_weight *other = udm_weights_find(weights, "i");
    REQUIRE(other);
    CHECK(other->dtype == UDM_OTHER_DTYPE && other->dims == 0 && other->elements == 1 && other->bytes == 8);
    CHECK(udm_weights_find(weights, "absent") == NULL && udm_weights_find(weights, "__metadata__") == NULL);
    CHECK(strstr(udm_weights_path(weights), "w.safetensors") != NULL);
    udm_weights_free(weights);
}

static void expect_unread(const udm_weights *weights, const char *name, int dims, const int64_t *shape,
                          const char *words[2])
{
    udm_error error = { 0 };
    CHECK(!udm_weights_read(weights, name, dims, shape, &error));
    CHECK(strstr(error.message, "w.safetensors") && strstr(error.message, name));
    for (int i = 0; i < 2; i++) {
        if (!strstr(error.message, words[i])) {
            printf("    no \"%s\" in: %s\n", words[i], error.message);
            CHECK(false);
        }
    }
}

TEST(read_names_what_does_not_fit)
{
    udm_weights *weights = open_file(good, good_data, sizeof good_data, NULL);
    REQUIRE(weights);
    expect_unread(weights, "a", 2, (int64_t[]){ 1, 2 }, (const char *[]){ "is [2, 1]", "for [1, 2]" });
    expect_unread(weights, "a", 1, (int64_t[]){ 2 }, (const char *[]){ "is [2, 1]", "for [2]" });
    expect_unread(weights, "zzz", 4, (int64_t[]){ 8, 4, 3, 3 }, (const char *[]){ "no tensor", "[8, 4, 3, 3]" });
    expect_unread(weights, "i", 0, NULL, (const char *[]){ "F16", "BF16" });
    udm_weights_free(weights);
}

// Every one of the 65536 halves, worked out with powers of two.
TEST(every_half)
{
    static unsigned char bytes[200 + 2 * 65536];
    static uint16_t halves[65536];
    for (int i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    size_t size = folder_safetensors(bytes, "{\"h\":{\"dtype\":\"F16\",\"shape\":[65536],\"data_offsets\":[0,131072]}}",
                                     halves, sizeof halves);
    udm_weights *weights = open_bytes(bytes, size, NULL);
    REQUIRE(weights);
    float *values = udm_weights_read(weights, "h", 1, (int64_t[]){ 65536 }, NULL);
    REQUIRE(values);
    int wrong = 0;
    for (int i = 0; i < 65536; i++) {
        int exponent = (i >> 10) & 31, fraction = i & 1023;
        double want = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        if (exponent == 31)
            want = fraction ? NAN : INFINITY;
        bool same = isnan(want) ? isnan(values[i]) != 0 : values[i] == (i >> 15 ? -want : want);
        wrong += !(same && (signbit(values[i]) != 0) == (i >> 15 != 0));
    }
    CHECK(wrong == 0);
    free(values);
    udm_weights_free(weights);
}

TEST(bfloats)
{
    static const uint16_t data[] = { 0x0001, 0x8000, 0x7f80, 0xff80, 0x7fc0, 0x3f81 };
    udm_weights *weights =
        open_file("{\"h\":{\"dtype\":\"BF16\",\"shape\":[6],\"data_offsets\":[0,12]}}", data, 12, NULL);
    REQUIRE(weights);
    float *values = udm_weights_read(weights, "h", 1, (int64_t[]){ 6 }, NULL);
    REQUIRE(values);
    CHECK(values[0] == ldexpf(1, -133) && values[1] == 0 && signbit(values[1]));
    CHECK(values[2] == INFINITY && values[3] == -INFINITY && isnan(values[4]) && values[5] == 1.0078125f);
    free(values);
    udm_weights_free(weights);
}

TEST(sound_but_odd)
{
    CHECK(opens("{}", 0));
    CHECK(opens("{\"__metadata__\":{}}", 0));
    CHECK(opens("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"more\":1}}", 4));
    CHECK(opens("{\"a\":{\"dtype\":\"F4\",\"shape\":[6],\"data_offsets\":[0,3]}}", 3));
    CHECK(opens("{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1,1,1,1,1,1,3],\"data_offsets\":[0,3]}}", 3));
    CHECK(opens("{\"\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0));
    // Empty tensors may stand between others.
    CHECK(opens(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_"
        "offsets\":[2,2]},\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
        3));
}

#define ENTRY(dtype, shape, offsets) "{\"t\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

TEST(bad_entries)
{
    static const char *const bad[] = {
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
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(bad[i], 4, UDM_ERROR_CORRUPT, "\"t\"");
    expect(ENTRY("\"F128\"", "[1]", "[0,4]"), 4, UDM_ERROR_UNSUPPORTED, "F128");
    expect("{\"t\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
           "1,1,1,1,1,"
           "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}",
           1, UDM_ERROR_CORRUPT, "shape");
}

TEST(bad_headers)
{
    static const char *const bad[] = {
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
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(bad[i], 0, UDM_ERROR_CORRUPT, "header");
}

static void expect_two(const char *first, const char *second, size_t size, const char *word)
{
    char header[512];
    snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"U8\",%s},\"y\":{\"dtype\":\"U8\",%s}}", first, second);
    expect(header, size, UDM_ERROR_CORRUPT, word);
}

TEST(gaps_and_overlaps)
{
    expect_two("\"shape\":[4],\"data_offsets\":[0,4]", "\"shape\":[4],\"data_offsets\":[2,6]", 6, "overlaps");
    expect_two("\"shape\":[4],\"data_offsets\":[0,4]", "\"shape\":[4],\"data_offsets\":[0,4]", 4, "overlaps");
    expect_two("\"shape\":[6],\"data_offsets\":[0,6]", "\"shape\":[0],\"data_offsets\":[3,3]", 6, "overlaps");
    expect_two("\"shape\":[2],\"data_offsets\":[0,2]", "\"shape\":[2],\"data_offsets\":[4,6]", 6, "gap");
    expect_two("\"shape\":[2],\"data_offsets\":[1,3]", "\"shape\":[3],\"data_offsets\":[3,6]", 6, "gap");
    expect_two("\"shape\":[2],\"data_offsets\":[0,2]", "\"shape\":[2],\"data_offsets\":[2,4]", 6, "2 bytes at its end");
    expect("{}", 1, UDM_ERROR_CORRUPT, "at its end");
}

// A header of 2^63 or of 2^64 - 1 bytes, or one byte more than there are.
TEST(bad_lengths)
{
    unsigned char bytes[64];
    size_t size = folder_safetensors(bytes, "{}", NULL, 0);
    static const uint64_t lengths[] = { 3, 100, 1ull << 32, 1ull << 63, UINT64_MAX, UINT64_MAX - 7 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        udm_error error = { 0 };
        for (int k = 0; k < 8; k++)
            bytes[k] = (unsigned char)(lengths[i] >> (8 * k));
        CHECK(!open_bytes(bytes, size, &error) && error.code == UDM_ERROR_CORRUPT);
    }
}

// Over 100 MiB, all of which are there: a sparse file.
TEST(huge_header)
{
    folder made = folder_new();
    uint64_t length = (100 << 20) + 1;
    const char *path = folder_write(&made, "huge.safetensors", &length, sizeof length);
    udm_error error = { 0 };
    CHECK(truncate(path, (off_t)length + 8) == 0);
    CHECK(!udm_weights_open(path, &error) && error.code == UDM_ERROR_CORRUPT && strstr(error.message, "header of"));
    folder_free(&made);
}

TEST(long_name)
{
    char header[600] = "{\"";
    memset(header + 2, 'n', 300);
    strcpy(header + 302, "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    expect(header, 0, UDM_ERROR_CORRUPT, "name of 300 bytes");
}

// The mapping of a file of this size ends within a page; ASan and the kernel see reads past it.
TEST(every_cut)
{
    unsigned char bytes[1024];
    size_t size = folder_safetensors(bytes, good, good_data, sizeof good_data);
    for (size_t cut = 0; cut < size; cut++) {
        udm_error error = { 0 };
        udm_weights *weights = open_bytes(bytes, cut, &error);
        CHECK(!weights && error.code == UDM_ERROR_CORRUPT && *error.message);
        udm_weights_free(weights);
    }
}

// Reads all of it, which touches all the memory that the entries claim.
static void read_all(const udm_weights *weights)
{
    for (size_t i = 0; i < udm_weights_count(weights); i++) {
        const udm_weight *weight = udm_weights_at(weights, i);
        CHECK(udm_weights_find(weights, weight->name) == weight);
        if (weight->dims <= UDM_MAX_DIMS)
            free(udm_weights_read(weights, weight->name, weight->dims, weight->shape, NULL));
    }
}

TEST(every_flipped_bit)
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
        CHECK((weights != NULL) == (error.code == UDM_OK));
        *(weights ? &opened : &refused) += 1;
        udm_weights_free(weights);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    CHECK(opened > 100 && refused > 1000); // data and names may change; places, types and brackets may not
    folder_free(&made);
}

TEST(not_a_file)
{
    folder made = folder_new();
    udm_error error = { 0 };
    CHECK(!udm_weights_open(folder_path(&made, "absent"), &error) && error.code == UDM_ERROR_NOT_FOUND);
    CHECK(!udm_weights_open(made.path, &error) && error.code == UDM_ERROR_UNREADABLE);
    const char *fifo = folder_path(&made, "fifo");
    REQUIRE(mkfifo(fifo, 0600) == 0);
    CHECK(!udm_weights_open(fifo, &error) && error.code == UDM_ERROR_UNREADABLE);
    CHECK(!udm_weights_open("/dev/zero", &error) && error.code == UDM_ERROR_UNREADABLE);
    CHECK(!udm_weights_open(folder_path(&made, "absent"), NULL));
    udm_weights_free(NULL);
    folder_free(&made);
}

CHECK_MAIN()
