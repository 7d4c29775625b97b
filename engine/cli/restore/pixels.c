// SPDX-License-Identifier: LGPL-2.1-or-later
// Describes the planes of AVFrames as udm_images, so that the engine reads and writes them in place. Only palettes and
// foreign byte orders are converted here.
#include "cli/restore/pixels.h"

#include <stdlib.h>
#include <string.h>

#include <libavutil/bswap.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "cli/restore/say.h"

struct pixels {
    AVFrame *made;    // properties of output frames, no buffers
    AVFrame *copy;    // of an input frame that has to be converted first, or NULL
    AVFrame *written; // the next output frame
    bool grey;        // only luma is read and written
    int turn[4];      // a b c d of the display matrix: 1, 0 or -1
};

// ---- formats

static bool is_rgb(const AVPixFmtDescriptor *format)
{
    return format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
}

static bool is_swapped(const AVPixFmtDescriptor *format)
{
    return format->comp[0].depth > 8 && !(format->flags & AV_PIX_FMT_FLAG_BE) != !AV_HAVE_BIGENDIAN;
}

static bool is_known(const AVPixFmtDescriptor *format)
{
    const uint64_t unknown = AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_FLOAT |
                             AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_PAL;
    const int count = format->nb_components < 3 ? 1 : 3;
    for (int c = 0; c < count; c++) {
        const AVComponentDescriptor *component = &format->comp[c];
        if (component->depth != format->comp[0].depth || component->depth < 8 || component->depth > 16 ||
            component->depth + component->shift > (component->depth == 8 ? 8 : 16))
            return false;
    }
    return !(format->flags & unknown) && strncmp(format->name, "xyz", 3) != 0 && format->log2_chroma_h <= 1;
}

static bool is_full(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    return is_rgb(format) || strncmp(format->name, "yuvj", 4) == 0 || frame->color_range == AVCOL_RANGE_JPEG ||
           (format->nb_components < 3 && frame->color_range == AVCOL_RANGE_UNSPECIFIED);
}

// If unspecified, BT.709 for HD and BT.601 for SD, as players assume. False if the engine does not know the matrix.
static bool find_matrix(const AVFrame *frame, udm_matrix *matrix)
{
    *matrix = UDM_MATRIX_RGB;
    if (is_rgb(av_pix_fmt_desc_get(frame->format)))
        return true;
    switch (frame->colorspace) {
    case AVCOL_SPC_RGB: // but not in RGB
    case AVCOL_SPC_UNSPECIFIED:
    case AVCOL_SPC_RESERVED:
        *matrix = FFMIN(frame->width, frame->height) >= 720 ? UDM_MATRIX_BT709 : UDM_MATRIX_BT601;
        return true;
    case AVCOL_SPC_BT709:
        *matrix = UDM_MATRIX_BT709;
        return true;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        *matrix = UDM_MATRIX_BT601;
        return true;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL: // close to it, and inverted exactly
        *matrix = UDM_MATRIX_BT2020;
        return true;
    case AVCOL_SPC_SMPTE240M:
        *matrix = UDM_MATRIX_SMPTE240M;
        return true;
    case AVCOL_SPC_FCC:
        *matrix = UDM_MATRIX_FCC;
        return true;
    default:
        return false;
    }
}

// ---- chroma siting

// In units of half a luma sample, from the first one.
typedef struct spot {
    int x, y;
} spot;

static const spot spots[AVCHROMA_LOC_NB] = {
    [AVCHROMA_LOC_UNSPECIFIED] = { 0, 1 }, // the default of video codecs
    [AVCHROMA_LOC_LEFT] = { 0, 1 },        [AVCHROMA_LOC_CENTER] = { 1, 1 },     [AVCHROMA_LOC_TOPLEFT] = { 0, 0 },
    [AVCHROMA_LOC_TOP] = { 1, 0 },         [AVCHROMA_LOC_BOTTOMLEFT] = { 0, 2 }, [AVCHROMA_LOC_BOTTOM] = { 1, 2 },
};

static spot turn_spot(const pixels *p, spot from)
{
    const int a = p->turn[0], b = p->turn[1], c = p->turn[2], d = p->turn[3];
    return (spot){ a * from.x + c * from.y + (a + c < 0 ? 2 : 0), b * from.x + d * from.y + (b + d < 0 ? 2 : 0) };
}

static bool is_upright(const pixels *p)
{
    return p->turn[0] == 1 && p->turn[3] == 1;
}

static enum AVChromaLocation turn_location(const pixels *p, enum AVChromaLocation location)
{
    const spot at = turn_spot(p, spots[location]);
    for (int i = AVCHROMA_LOC_LEFT; i < AVCHROMA_LOC_NB && !is_upright(p); i++)
        if (spots[i].x == at.x && spots[i].y == at.y)
            return i;
    return is_upright(p) ? location : AVCHROMA_LOC_UNSPECIFIED;
}

// The engine knows no siting on the second sample, as in frames that were turned over. It is described as on the first,
// in input and output alike, so that chroma does not move.
static udm_siting siting_of(spot at)
{
    const enum AVChromaLocation location = at.x == 1 ? (at.y == 1 ? AVCHROMA_LOC_CENTER : AVCHROMA_LOC_TOP)
                                                     : (at.y == 1 ? AVCHROMA_LOC_LEFT : AVCHROMA_LOC_TOPLEFT);
    return (udm_siting)(location - AVCHROMA_LOC_LEFT); // both have the order of H.273
}

// ---- frames

static udm_image describe(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    udm_image image = { .width = frame->width,
                        .height = frame->height,
                        .channels = format->nb_components < 3 ? 1 : 3,
                        .bits = format->comp[0].depth,
                        .shift = format->comp[0].shift,
                        .range = is_full(frame) ? UDM_RANGE_FULL : UDM_RANGE_LIMITED,
                        .siting = siting_of(spots[frame->chroma_location]) };
    for (int c = 0; c < image.channels; c++) {
        const AVComponentDescriptor *component = &format->comp[c];
        image.data[c] = frame->data[component->plane] + component->offset;
        image.stride[c] = frame->linesize[component->plane];
        image.step[c] = component->step;
    }
    if (image.channels == 3)
        find_matrix(frame, &image.matrix);
    if (image.matrix != UDM_MATRIX_RGB)
        image.subsample_x = format->log2_chroma_w, image.subsample_y = format->log2_chroma_h;
    return image;
}

bool pixels_describe(const AVFrame *frame, udm_image *image, udm_error *error)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    if (!is_known(format) || is_swapped(format))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "frames of %s cannot be deinterlaced: convert them first, as with "
                        "ffmpeg -i IN -pix_fmt yuv422p -c:v ffv1 -c:a copy OUT.mkv",
                        format->name);
    *image = describe(frame);
    return true;
}

static void swap_ints(int *a, int *b)
{
    const int was = *a;
    *a = *b, *b = was;
}

// The same image, turned: its sample (x, y) is (a x + b y, c x + d y) of the other, from a corner on.
static void turn(const pixels *p, enum AVChromaLocation location, udm_image *image)
{
    const int a = p->turn[0], b = p->turn[1], c = p->turn[2], d = p->turn[3];
    for (int i = 0; i < image->channels; i++) {
        const ptrdiff_t step = image->step[i], stride = image->stride[i];
        const int width = i > 0 ? AV_CEIL_RSHIFT(image->width, image->subsample_x) : image->width;
        const int height = i > 0 ? AV_CEIL_RSHIFT(image->height, image->subsample_y) : image->height;
        image->data[i] += (a + b < 0 ? width - 1 : 0) * step + (c + d < 0 ? height - 1 : 0) * stride;
        image->step[i] = a * step + c * stride;
        image->stride[i] = b * step + d * stride;
    }
    if (a == 0) {
        swap_ints(&image->width, &image->height);
        swap_ints(&image->subsample_x, &image->subsample_y);
    }
    image->siting = siting_of(turn_spot(p, spots[location]));
}

static int height_of(const AVFrame *frame, int plane)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    return plane == 1 || plane == 2 ? AV_CEIL_RSHIFT(frame->height, format->log2_chroma_h) : frame->height;
}

static void swap_bytes(AVFrame *frame)
{
    for (int plane = 0; plane < 4 && frame->data[plane]; plane++) {
        const int count = av_image_get_linesize(frame->format, frame->width, plane) / 2;
        for (int y = 0; y < height_of(frame, plane); y++) {
            uint16_t *row = (uint16_t *)(frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane]);
            for (int x = 0; x < count; x++)
                row[x] = av_bswap16(row[x]);
        }
    }
}

// to: AV_PIX_FMT_RGB32, the format of palettes.
static void look_up(const AVFrame *from, AVFrame *to)
{
    const uint32_t *palette = (const uint32_t *)from->data[1];
    for (int y = 0; y < from->height; y++) {
        const uint8_t *row = from->data[0] + (ptrdiff_t)y * from->linesize[0];
        uint32_t *made = (uint32_t *)(to->data[0] + (ptrdiff_t)y * to->linesize[0]);
        for (int x = 0; x < from->width; x++)
            made[x] = palette[row[x]];
    }
}

// ---- the first frame

static bool fail_memory(udm_error *error)
{
    return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame");
}

// What is not said would be taken for something else by a larger size.
static void name_matrix(const AVFrame *first, AVFrame *made)
{
    const enum AVColorSpace space = first->colorspace;
    udm_matrix matrix;
    if ((space == AVCOL_SPC_RGB || space == AVCOL_SPC_UNSPECIFIED || space == AVCOL_SPC_RESERVED) &&
        find_matrix(first, &matrix))
        made->colorspace = matrix == UDM_MATRIX_BT709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

// The properties of output frames. RGB that becomes YUV is BT.709.
static void describe_made(pixels *p, const AVFrame *first, enum AVPixelFormat out, int factor)
{
    const AVPixFmtDescriptor *from = av_pix_fmt_desc_get(first->format), *to = av_pix_fmt_desc_get(out);
    const bool quarter = p->turn[0] == 0, shaped = first->sample_aspect_ratio.num > 0;
    AVFrame *made = p->made;
    made->format = out;
    made->width = (quarter ? first->height : first->width) * factor;
    made->height = (quarter ? first->width : first->height) * factor;
    made->sample_aspect_ratio = quarter && shaped ? av_inv_q(first->sample_aspect_ratio) : first->sample_aspect_ratio;
    made->color_primaries = first->color_primaries, made->color_trc = first->color_trc;
    made->colorspace = first->colorspace, made->color_range = first->color_range;
    if (from->log2_chroma_w == to->log2_chroma_w && from->log2_chroma_h == to->log2_chroma_h)
        made->chroma_location = turn_location(p, first->chroma_location);
    if (is_full(first) && !is_rgb(from) && from->nb_components >= 3)
        made->color_range = AVCOL_RANGE_JPEG;
    if (factor > 1 && !is_rgb(from) && from->nb_components >= 3)
        name_matrix(first, made);
    if (is_rgb(from) && !is_rgb(to)) {
        made->colorspace = AVCOL_SPC_BT709;
        made->color_range = AVCOL_RANGE_MPEG;
    }
    if (strncmp(to->name, "yuvj", 4) == 0)
        made->color_range = AVCOL_RANGE_JPEG;
}

static bool check_format(const AVFrame *first, udm_error *error)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(first->format);
    udm_matrix matrix;
    if (!is_known(format) && first->format != AV_PIX_FMT_PAL8)
        return udm_fail(
            error, UDM_ERROR_UNSUPPORTED,
            "pixel format %s is not supported: convert it first, as with ffmpeg -i IN -pix_fmt gbrp -c:v ffv1 OUT.mkv",
            format->name);
    return find_matrix(first, &matrix) ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "colour matrix %s is not supported: convert it first, as with ffmpeg -i IN -vf "
                    "scale=out_color_matrix=bt709 -c:v ffv1 OUT.mkv",
                    av_color_space_name(first->colorspace));
}

static bool find_turn(pixels *p, const int32_t *matrix)
{
    enum { ONE = 1 << 16 };
    const int32_t upright[] = { ONE, 0, 0, 0, ONE };
    const int32_t *m = matrix ? matrix : upright;
    const bool straight = abs(m[0]) == ONE && abs(m[4]) == ONE && !m[1] && !m[3];
    const bool quarter = abs(m[1]) == ONE && abs(m[3]) == ONE && !m[0] && !m[4];
    if (!straight && !quarter)
        m = upright;
    for (int i = 0; i < 4; i++)
        p->turn[i] = m[i < 2 ? i : i + 1] / ONE;
    return straight || quarter;
}

static bool open_copy(pixels *p, const AVFrame *first)
{
    const bool palette = first->format == AV_PIX_FMT_PAL8;
    if (!palette && !is_swapped(av_pix_fmt_desc_get(first->format)))
        return true;
    p->copy = av_frame_alloc();
    if (!p->copy)
        return false;
    p->copy->format = palette ? AV_PIX_FMT_RGB32 : first->format;
    p->copy->width = first->width, p->copy->height = first->height;
    return av_frame_get_buffer(p->copy, 0) >= 0;
}

pixels *pixels_open(const AVFrame *first, enum AVPixelFormat out, const int32_t *matrix, int factor, udm_error *error)
{
    pixels *p = calloc(1, sizeof *p);
    if (p)
        p->made = av_frame_alloc(), p->written = av_frame_alloc();
    if (!p || !p->made || !p->written || !open_copy(p, first)) {
        fail_memory(error);
    } else if (check_format(first, error)) {
        if (!find_turn(p, matrix))
            say_note("rotation by an odd angle is dropped");
        describe_made(p, first, out, factor);
        p->grey = av_pix_fmt_desc_get(first->format)->nb_components < 3 && first->format != AV_PIX_FMT_PAL8;
        return p;
    }
    pixels_free(p);
    return NULL;
}

void pixels_free(pixels *p)
{
    if (!p)
        return;
    av_frame_free(&p->copy);
    av_frame_free(&p->written);
    av_frame_free(&p->made);
    free(p);
}

const AVFrame *pixels_made(const pixels *p)
{
    return p->made;
}

int pixels_channels(const pixels *p)
{
    return p->grey ? 1 : 3;
}

// ---- each frame

bool pixels_read(pixels *p, const AVFrame *frame, udm_image *image, udm_error *error)
{
    const AVFrame *seen = frame;
    if (p->copy) {
        seen = p->copy;
        if (av_frame_copy_props(p->copy, frame) < 0)
            return fail_memory(error);
        if (frame->format == AV_PIX_FMT_PAL8) {
            look_up(frame, p->copy);
        } else {
            av_frame_copy(p->copy, frame);
            swap_bytes(p->copy);
        }
    }
    *image = describe(seen);
    turn(p, frame->chroma_location, image);
    return true;
}

// To the middle of the range: grey.
static void clear_chroma(AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    const int depth = format->comp[1].depth, plane = format->comp[1].plane;
    const int width = AV_CEIL_RSHIFT(frame->width, format->log2_chroma_w);
    for (int y = 0; y < height_of(frame, plane); y++)
        for (int p = 1; p < 3; p++) {
            uint8_t *row = frame->data[p] + (ptrdiff_t)y * frame->linesize[p];
            for (int x = 0; x < width; x++)
                if (depth > 8)
                    ((uint16_t *)row)[x] = (uint16_t)(1 << (depth - 1));
                else
                    row[x] = 128;
        }
}

static void set_made(const pixels *p, AVFrame *frame)
{
    frame->format = p->made->format, frame->width = p->made->width, frame->height = p->made->height;
    frame->sample_aspect_ratio = p->made->sample_aspect_ratio;
    frame->color_primaries = p->made->color_primaries, frame->color_trc = p->made->color_trc;
    frame->colorspace = p->made->colorspace, frame->color_range = p->made->color_range;
    frame->chroma_location = p->made->chroma_location;
}

bool pixels_write(pixels *p, udm_image *image, udm_error *error)
{
    set_made(p, p->written);
    if (!p->written->buf[0] && av_frame_get_buffer(p->written, 0) < 0)
        return fail_memory(error);
    *image = describe(p->written);
    if (p->grey && image->channels == 3) {
        clear_chroma(p->written);
        image->channels = 1, image->matrix = UDM_MATRIX_RGB;
        image->subsample_x = image->subsample_y = 0;
    }
    return true;
}

bool pixels_finish(pixels *p, const AVFrame *from, AVFrame *out, udm_error *error)
{
    if (is_swapped(av_pix_fmt_desc_get(p->written->format)))
        swap_bytes(p->written);
    av_frame_move_ref(out, p->written);
    if (av_frame_copy_props(out, from) < 0)
        return fail_memory(error);
    set_made(p, out);
    out->pict_type = AV_PICTURE_TYPE_NONE, out->key_frame = 0;
    av_frame_remove_side_data(out, AV_FRAME_DATA_DISPLAYMATRIX);
    return true;
}
