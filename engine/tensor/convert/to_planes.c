// SPDX-License-Identifier: LGPL-2.1-or-later
// To planes: chroma is upsampled along y, while there is less of it, then along x.
#include "tensor/convert/rows.h"

// How many rows of pixels a unit has.
static int rows_of(const udm_image *image, int unit)
{
    const int each = 1 << image->subsample_y;
    return udm_min(each, image->height - unit * each);
}

// ---- chroma

enum { ROWS = 5 }; // of samples, that pixels are made of at most

// A strip of pixels, and the rows of chroma that they are made of, as values less the middle. Row y is in the place
// y % ROWS.
typedef struct strip {
    span levels[3]; // the pixels, and what they are made of, of which 2 and 4 share one
    span chroma;    // the last of them
    int known[ROWS];
    float at[ROWS][2][ROOM];
} strip;

// The span that `of` is made of: two taps beyond its ends.
static span halved(const span *of)
{
    return (span){ of->first / 2 - 2, (of->end + 1) / 2 + 2, (of->count + 1) / 2, NULL };
}

// Cb and Cr of a row, into its place.
static void load_chroma(const udm_conversion *job, strip *s, int row)
{
    const int first = inner_first(&s->chroma), skipped = first - s->chroma.first;
    for (int c = 0; c < 2; c++) {
        span to = s->chroma;
        to.at = s->at[row % ROWS][c];
        load_samples(job->image, c + 1, first, row, inner_end(&to) - first, (level){ job->middle, 1, 0 },
                     to.at + skipped);
        repeat_ends(&to);
    }
    s->known[row % ROWS] = row;
}

// Of the rows of samples at[0..4] around a unit, of which at[2] is its own: its second row of pixels, or both.
static void upsample_cosited_y(const float *const at[5], int count, float *restrict second)
{
    const float *restrict a = at[1], *restrict b = at[2], *restrict c = at[3], *restrict d = at[4];
    for (int i = 0; i < count; i++)
        second[i] = cubic(a[i], b[i], c[i], d[i]);
}

static void upsample_centred_y(const float *const at[5], int count, float *restrict first, float *restrict second)
{
    const float *restrict a = at[0], *restrict b = at[1], *restrict c = at[2], *restrict d = at[3], *restrict e = at[4];
    for (int i = 0; i < count; i++) {
        const float above = slope(a[i], b[i], d[i], e[i]);
        first[i] = c[i] - above;
        second[i] = c[i] + above;
    }
}

// rows: those of the unit.
static void upsample_y(const udm_conversion *job, strip *s, int c, int unit, float *const rows[2])
{
    const udm_image *image = job->image;
    const int count = s->chroma.end - s->chroma.first, all = udm_convert_samples(image->height, image->subsample_y);
    const bool whole = rows_of(image, unit) == 2;
    const float *at[5];
    for (int k = whole ? 0 : 2; k < (whole ? 5 : 3); k++) {
        const int row = udm_clamp_index(unit + k - 2, all);
        if (s->known[row % ROWS] != row)
            load_chroma(job, s, row);
        at[k] = s->at[row % ROWS][c];
    }
    if (whole && !job->cosited_y) {
        upsample_centred_y(at, count, rows[0], rows[1]);
        return;
    }
    memcpy(rows[0], at[2], (size_t)count * sizeof **rows);
    if (whole)
        upsample_cosited_y(at, count, rows[1]);
}

// Makes whole pairs, so that `to` needs room for one sample more.
static void upsample_x(const udm_conversion *job, const span *from, const span *to)
{
    const int first = to->first / 2, pairs = (to->end + 1) / 2 - first;
    const float *restrict at = from->at + first - from->first;
    float *restrict out = to->at;
    for (int i = 0; job->cosited_x && i < pairs; i++) {
        out[2 * i] = at[i];
        out[2 * i + 1] = cubic(at[i - 1], at[i], at[i + 1], at[i + 2]);
    }
    for (int i = 0; !job->cosited_x && i < pairs; i++) {
        const float above = slope(at[i - 2], at[i - 1], at[i + 1], at[i + 2]);
        out[2 * i] = at[i] - above;
        out[2 * i + 1] = at[i] + above;
    }
    const int last = to->count - 1;
    if (last % 2 == 0 && last >= to->first && last < to->end) // alone
        out[last - to->first] = from->at[last / 2 - from->first];
}

// Cb or Cr of the pixels of a unit.
static void upsample(const udm_conversion *job, strip *s, int c, int unit, float *const rows[2])
{
    const int levels = job->image->subsample_x;
    float room[2][2][ROOM]; // of a level, and of the next
    float *const lowest[2] = { levels ? room[0][0] : rows[0], levels ? room[0][1] : rows[1] };
    upsample_y(job, s, c, unit, lowest);
    for (int row = 0; row < rows_of(job->image, unit); row++)
        for (int k = levels; k > 0; k--) {
            span from = s->levels[k], to = s->levels[k - 1];
            from.at = room[(levels - k) % 2][row];
            to.at = k == 1 ? rows[row] : room[(levels - k + 1) % 2][row];
            upsample_x(job, &from, &to);
            if (k > 1)
                repeat_ends(&to);
        }
}

// ---- colour

static void colour(const udm_conversion *job, const float *restrict luma, const float *restrict cb,
                   const float *restrict cr, int count, float *restrict to)
{
    const size_t pixels = (size_t)job->image->width * job->image->height;
    float *restrict red = to, *restrict green = to + pixels, *restrict blue = green + pixels;
    const float of_red = job->red, green_cb = job->green_cb, green_cr = job->green_cr, of_blue = job->blue;
    for (int i = 0; i < count; i++) {
        red[i] = luma[i] + of_red * cr[i];
        green[i] = luma[i] - (green_cb * cb[i] + green_cr * cr[i]);
        blue[i] = luma[i] + of_blue * cb[i];
    }
}

static void unit_to_planes(const udm_conversion *job, strip *s, int unit)
{
    const udm_image *image = job->image;
    const int x = s->levels[0].first, count = s->levels[0].end - x;
    const level of_luma = { 0, job->gain, job->bias };
    float luma[ROOM], room[4][ROOM];
    float *const cb[2] = { room[0], room[1] }, *const cr[2] = { room[2], room[3] };
    upsample(job, s, 0, unit, cb);
    upsample(job, s, 1, unit, cr);
    for (int row = 0; row < rows_of(image, unit); row++) {
        const int y = (unit << image->subsample_y) + row;
        load_samples(image, 0, x, y, count, of_luma, luma);
        colour(job, luma, cb[row], cr[row], count, job->to + (size_t)y * image->width + x);
    }
}

static void strip_to_planes(const udm_conversion *job, int first, int end, int x)
{
    const udm_image *image = job->image;
    strip s; // which is too large to be cleared
    s.levels[0] = (span){ x, x + udm_min(STRIP, image->width - x), image->width, NULL };
    for (int k = 0; k < image->subsample_x; k++)
        s.levels[k + 1] = halved(&s.levels[k]);
    s.chroma = s.levels[image->subsample_x];
    for (int i = 0; i < ROWS; i++)
        s.known[i] = -1;
    for (int unit = first; unit < end; unit++)
        unit_to_planes(job, &s, unit);
}

static void row_to_planes(const udm_conversion *job, int y)
{
    const udm_image *image = job->image;
    const level all = { 0, job->gain, job->bias };
    for (int c = 0; c < image->channels; c++)
        load_samples(image, c, 0, y, image->width, all, job->to + ((size_t)c * image->height + y) * image->width);
}

void NAME(udm_convert_to_planes)(const udm_conversion *job, int first, int end);

void NAME(udm_convert_to_planes)(const udm_conversion *job, int first, int end)
{
    for (int unit = first; !job->is_yuv && unit < end; unit++)
        row_to_planes(job, unit);
    for (int x = 0; job->is_yuv && x < job->image->width; x += STRIP)
        strip_to_planes(job, first, end, x);
}
