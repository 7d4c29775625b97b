// SPDX-License-Identifier: LGPL-2.1-or-later
// PPM is read as it is, PNG by libpng and JPEG by libjpeg, if there is one; PNG is written by libpng.
#include "cli/picture.h"

#include <errno.h>
#include <math.h>
#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef UDM_JPEG
#include <jpeglib.h>

#include <jerror.h>
#include <setjmp.h>
#endif

enum { MAX_SIDE = 65536 };

static const char no_memory[] = "there is no memory for it";

// [3 or 4, H, W] of rows of red, green, blue and perhaps alpha, 8 bits each.
static bool from_rows(const unsigned char *rows, size_t planes, size_t width, size_t height, npy *picture,
                      const char **why)
{
    const size_t pixels = width * height;
    *picture = (npy){ .dims = 3, .shape = { planes, height, width }, .elements = planes * pixels };
    picture->data = malloc(picture->elements * sizeof *picture->data);
    *why = no_memory;
    for (size_t i = 0; picture->data && i < picture->elements; i++)
        picture->data[i % planes * pixels + i / planes] = (float)rows[i] / 127.5f - 1;
    return picture->data != NULL;
}

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
    fseek(file, 2, SEEK_SET);
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

// ---- PNG

// Why libpng failed.
static const char *say(const png_image *image)
{
    static char why[sizeof image->message];
    memcpy(why, image->message, sizeof why);
    return why;
}

// Of any kind: palettes, grey and 16 bits become red, green and blue of 8 bits, and alpha, where there is some.
static bool read_png(FILE *file, npy *picture, const char **why)
{
    png_image image = { .version = PNG_IMAGE_VERSION };
    unsigned char *rows = NULL;
    if (png_image_begin_read_from_stdio(&image, file)) {
        const size_t planes = image.format & PNG_FORMAT_FLAG_ALPHA ? 4 : 3;
        image.format = planes == 4 ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
        const bool fits = image.width <= MAX_SIDE && image.height <= MAX_SIDE;
        *why = fits ? no_memory : "it is larger than 65536 pixels to a side";
        rows = fits ? malloc(PNG_IMAGE_SIZE(image)) : NULL;
        if (rows && png_image_finish_read(&image, NULL, rows, 0, NULL)) {
            const bool good = from_rows(rows, planes, image.width, image.height, picture, why);
            free(rows);
            return good;
        }
    }
    if (PNG_IMAGE_FAILED(image))
        *why = say(&image);
    png_image_free(&image);
    free(rows);
    return false;
}

// ---- JPEG

#ifdef UDM_JPEG
typedef struct jpeg {
    struct jpeg_decompress_struct read;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    char why[JMSG_LENGTH_MAX];
    unsigned char *rows;
} jpeg;

static void fail_jpeg(j_common_ptr common)
{
    jpeg *j = common->client_data;
    common->err->format_message(common, j->why);
    longjmp(j->failed, 1);
}

// A warning, or how it goes. A file that ends too early is one of them.
static void hear_jpeg(j_common_ptr common, int level)
{
    if (level < 0 && common->err->msg_code == JWRN_JPEG_EOF)
        fail_jpeg(common);
}

static void read_rows(jpeg *j, FILE *file)
{
    jpeg_create_decompress(&j->read);
    jpeg_stdio_src(&j->read, file);
    jpeg_read_header(&j->read, TRUE);
    j->read.out_color_space = JCS_RGB;
    jpeg_start_decompress(&j->read);
    const size_t stride = 3 * (size_t)j->read.output_width;
    if (!(j->rows = malloc(stride * j->read.output_height)))
        return;
    while (j->read.output_scanline < j->read.output_height) {
        JSAMPROW row = j->rows + stride * j->read.output_scanline;
        jpeg_read_scanlines(&j->read, &row, 1);
    }
}

static bool read_jpeg(FILE *file, npy *picture, const char **why)
{
    static jpeg j; // its reason outlives the call
    j = (jpeg){ .read.client_data = &j };
    j.read.err = jpeg_std_error(&j.errors);
    j.errors.error_exit = fail_jpeg;
    j.errors.emit_message = hear_jpeg;
    *why = no_memory;
    bool good = false;
    if (setjmp(j.failed) == 0) {
        read_rows(&j, file);
        good = j.rows && from_rows(j.rows, 3, j.read.output_width, j.read.output_height, picture, why);
    } else {
        *why = j.why;
    }
    jpeg_destroy_decompress(&j.read);
    free(j.rows);
    return good;
}
#else
static bool read_jpeg(FILE *file, npy *picture, const char **why)
{
    (void)file, (void)picture;
    *why = "this program was built without JPEG: give PNG (such as by: ffmpeg -i FILE picture.png)";
    return false;
}
#endif

// ---- all of them

static bool read_npy(const char *path, npy *picture, const char **why)
{
    if (!npy_read(path, picture, why))
        return false;
    const size_t *shape = picture->shape + (picture->dims == 4);
    if ((picture->dims == 3 || (picture->dims == 4 && picture->shape[0] == 1)) && (shape[0] == 3 || shape[0] == 4) &&
        shape[1] > 0 && shape[2] > 0 && shape[1] <= MAX_SIDE && shape[2] <= MAX_SIDE) {
        memmove(picture->shape, shape, 3 * sizeof *shape);
        picture->dims = 3;
        return true;
    }
    free(picture->data);
    *why = "it must be 3,H,W or 1,3,H,W; 4 with alpha";
    return false;
}

bool picture_read(const char *path, npy *picture, const char **why)
{
    static const struct {
        const char *begins;
        bool (*read)(FILE *file, npy *picture, const char **why);
    } kinds[] = { { "P6", read_ppm }, { "\x89PNG", read_png }, { "\xff\xd8\xff", read_jpeg } };
    const char *end = strrchr(path, '.');
    if (end && strcmp(end, ".npy") == 0)
        return read_npy(path, picture, why);
    FILE *file = fopen(path, "rb");
    if (!file) {
        *why = strerror(errno);
        return false;
    }
    char begins[4] = { 0 };
    bool good = false;
    *why =
        "it is no picture that can be read here: give PNG, JPEG, PPM or .npy (such as by: ffmpeg -i FILE picture.png)";
    const size_t size = fread(begins, 1, sizeof begins, file);
    for (int i = 0; i < 3; i++)
        if (size == sizeof begins && strncmp(begins, kinds[i].begins, strlen(kinds[i].begins)) == 0) {
            rewind(file);
            good = kinds[i].read(file, picture, why);
        }
    fclose(file);
    return good;
}

// ---- written

static unsigned char *to_rows(const float *planes, int width, int height)
{
    const size_t pixels = (size_t)width * height;
    unsigned char *rows = malloc(3 * pixels);
    for (size_t i = 0; rows && i < 3 * pixels; i++) {
        const float value = (planes[i % 3 * pixels + i / 3] + 1) * 127.5f;
        rows[i] = (unsigned char)lrintf(value > 0 ? value < 255 ? value : 255 : 0); // NaN is black
    }
    return rows;
}

bool picture_write(const char *path, const float *planes, int width, int height, const char **why)
{
    png_image image = { .version = PNG_IMAGE_VERSION,
                        .width = (png_uint_32)width,
                        .height = (png_uint_32)height,
                        .format = PNG_FORMAT_RGB };
    unsigned char *rows = to_rows(planes, width, height);
    *why = no_memory;
    const bool good = rows && png_image_write_to_file(&image, path, 0, rows, 0, NULL);
    if (rows && !good)
        *why = say(&image);
    free(rows);
    return good;
}
