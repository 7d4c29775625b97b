// SPDX-License-Identifier: LGPL-2.1-or-later
// PPM is read and PNG written (ISO/IEC 15948): a signature, and chunks, each with its length, its name and a checksum.
// The data is a stream of zlib (RFC 1950) of blocks that are stored as they are (RFC 1951, section 3.2.4).
#include "cli/picture.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SIDE = 65536, STORED = 65535 };

static const char no_memory[] = "there is no memory for it";

// ---- PPM

// A number of the header, after spaces and comments.
static bool read_number(FILE *file, long most, long *number)
{
    int c;
    while ((c = getc(file)) == '#' || c == ' ' || (c >= '\t' && c <= '\r'))
        while (c == '#' && (c = getc(file)) != '\n' && c != EOF)
            c = '#';
    *number = 0;
    if (c < '0' || c > '9')
        return false;
    for (; c >= '0' && c <= '9' && *number <= most; c = getc(file))
        *number = 10 * *number + c - '0';
    return *number >= 1 && *number <= most; // and one space was read
}

static bool read_ppm(FILE *file, npy *picture, const char **why)
{
    long width, height, white;
    *why = "it is no picture that can be read here: give .npy, or PPM (such as by: ffmpeg -i FILE picture.ppm)";
    if (getc(file) != 'P' || getc(file) != '6')
        return false;
    *why = "its header is damaged";
    if (!read_number(file, MAX_SIDE, &width) || !read_number(file, MAX_SIDE, &height) ||
        !read_number(file, 65535, &white))
        return false;
    const size_t pixels = (size_t)width * (size_t)height, bytes = white > 255 ? 2 : 1;
    *picture = (npy){ .dims = 3, .shape = { 3, (size_t)height, (size_t)width }, .elements = 3 * pixels };
    picture->data = malloc(picture->elements * sizeof *picture->data);
    *why = no_memory;
    for (size_t i = 0; picture->data && i < picture->elements; i++) {
        int value = getc(file);
        if (bytes == 2 && value != EOF) {
            const int low = getc(file);
            value = low == EOF ? EOF : 256 * value + low;
        }
        if (value == EOF) {
            free(picture->data);
            picture->data = NULL;
            *why = "it ends too early";
            break;
        }
        picture->data[i % 3 * pixels + i / 3] = 2 * (float)value / (float)white - 1;
    }
    return picture->data != NULL;
}

bool picture_read(const char *path, npy *picture, const char **why)
{
    const char *end = strrchr(path, '.');
    if (end && strcmp(end, ".npy") == 0) {
        if (!npy_read(path, picture, why))
            return false;
        const size_t *shape = picture->shape + (picture->dims == 4);
        if ((picture->dims == 3 || (picture->dims == 4 && picture->shape[0] == 1)) && shape[0] == 3 && shape[1] > 0 &&
            shape[2] > 0 && shape[1] <= MAX_SIDE && shape[2] <= MAX_SIDE) {
            memmove(picture->shape, shape, 3 * sizeof *shape);
            picture->dims = 3;
            return true;
        }
        free(picture->data);
        *why = "it must be 3,H,W or 1,3,H,W";
        return false;
    }
    FILE *file = fopen(path, "rb");
    if (!file) {
        *why = strerror(errno);
        return false;
    }
    const bool good = read_ppm(file, picture, why);
    fclose(file);
    return good;
}

// ---- PNG

typedef struct writer {
    FILE *file;
    uint32_t crc;
} writer;

static void put(writer *to, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) {
        to->crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            to->crc = to->crc >> 1 ^ (to->crc & 1 ? 0xedb88320u : 0);
    }
    fwrite(bytes, 1, size, to->file);
}

static void put_number(writer *to, uint32_t number)
{
    const unsigned char bytes[4] = { (unsigned char)(number >> 24), (unsigned char)(number >> 16),
                                     (unsigned char)(number >> 8), (unsigned char)number };
    put(to, bytes, 4);
}

static void begin_chunk(writer *to, const char *name, uint32_t size)
{
    put_number(to, size);
    to->crc = 0xffffffffu; // of the name and what follows
    put(to, name, 4);
}

static void end_chunk(writer *to)
{
    put_number(to, ~to->crc);
}

static uint32_t adler(const unsigned char *bytes, size_t size)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < size; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void put_stored(writer *to, const unsigned char *bytes, size_t size)
{
    put(to, (const unsigned char[]){ 0x78, 0x01 }, 2);
    for (size_t at = 0; at < size; at += STORED) {
        const size_t left = size - at, part = left < STORED ? left : STORED;
        const unsigned char head[5] = { part == left, (unsigned char)part, (unsigned char)(part >> 8),
                                        (unsigned char)~part, (unsigned char)(~part >> 8) };
        put(to, head, 5);
        put(to, bytes + at, part);
    }
    put_number(to, adler(bytes, size));
}

// Rows of red, green and blue, each after a byte that says it is as it is.
static unsigned char *to_rows(const float *planes, int width, int height)
{
    const size_t pixels = (size_t)width * height;
    unsigned char *rows = malloc(3 * pixels + height), *to = rows;
    for (int y = 0; rows && y < height; y++) {
        *to++ = 0;
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                const float value = (planes[c * pixels + (size_t)y * width + x] + 1) * 127.5f;
                *to++ = (unsigned char)lrintf(value > 0 ? value < 255 ? value : 255 : 0); // NaN is black
            }
    }
    return rows;
}

bool picture_write(const char *path, const float *planes, int width, int height, const char **why)
{
    const size_t size = (3 * (size_t)width + 1) * height, blocks = (size + STORED - 1) / STORED;
    unsigned char *rows = to_rows(planes, width, height);
    writer to = { .file = rows ? fopen(path, "wb") : NULL };
    *why = rows ? strerror(errno) : no_memory;
    if (to.file) {
        put(&to, "\x89PNG\r\n\x1a\n", 8);
        begin_chunk(&to, "IHDR", 13);
        put_number(&to, (uint32_t)width);
        put_number(&to, (uint32_t)height);
        put(&to, (const unsigned char[]){ 8, 2, 0, 0, 0 }, 5); // 8 bits, of red, green and blue
        end_chunk(&to);
        begin_chunk(&to, "IDAT", (uint32_t)(2 + 5 * blocks + size + 4));
        put_stored(&to, rows, size);
        end_chunk(&to);
        begin_chunk(&to, "IEND", 0);
        end_chunk(&to);
    }
    free(rows);
    bool good = to.file && !ferror(to.file);
    if (to.file && fclose(to.file) != 0)
        good = false;
    if (to.file && !good)
        *why = strerror(errno);
    return good;
}
