// SPDX-License-Identifier: LGPL-2.1-or-later
// From planes: chroma is downsampled along x, so that there is less of it, then along y.
#include "tensor/convert/rows.h"

enum { ROWS = 9 }; // of pixels, that a sample of chroma is made of at most

// A strip of pixels, and the chroma of its rows, downsampled along x. Row y is in the place y % ROWS.
typedef struct strip {
    int x, pixels;   // where it begins, and how wide it is
    int y, end_y;    // rows whose luma is stored; those around them are known for their chroma
    int first, end;  // its samples of chroma
    int known[ROWS]; // which row is there; negative: none
    float at[ROWS][2][STRIP];
} strip;

// ---- along x

// Luma, Cb and Cr of the pixels of three like spans.
static void find_colour(const udm_conversion *job, int y, const span spans[3])
{
    const udm_image *image = job->image;
    const size_t pixels = (size_t)image->width * image->height;
    const int first = inner_first(spans), count = inner_end(spans) - first, skipped = first - spans->first;
    const float *restrict red = job->from + (size_t)y * image->width + first;
    const float *restrict green = red + pixels, *restrict blue = green + pixels;
    float *restrict luma = spans[0].at + skipped, *restrict cb = spans[1].at + skipped;
    float *restrict cr = spans[2].at + skipped;
    const float kr = job->kr, kb = job->kb, of_cb = job->cb, of_cr = job->cr;
    for (int i = 0; i < count; i++) {
        luma[i] = green[i] + (kr * (red[i] - green[i]) + kb * (blue[i] - green[i]));
        cb[i] = (blue[i] - luma[i]) * of_cb;
        cr[i] = (red[i] - luma[i]) * of_cr;
    }
}

// The firsts and the seconds of pairs, those that there are.
static void split(const span *from, const span *firsts, const span *seconds)
{
    const int first = inner_first(firsts), pairs = inner_end(seconds) - first;
    const float *restrict at = from->at + 2 * first - from->first;
    float *restrict a = firsts->at + first - firsts->first, *restrict b = seconds->at + first - seconds->first;
    for (int i = 0; i < pairs; i++) {
        a[i] = at[2 * i];
        b[i] = at[2 * i + 1];
    }
    if (inner_end(firsts) > first + pairs) // alone
        a[pairs] = at[2 * pairs];
}

// What the seconds have that is not on the cubic through the firsts.
static void find_detail(const span *firsts, const span *seconds, const span *detail)
{
    const int first = inner_first(detail), count = inner_end(detail) - first;
    const float *restrict a = firsts->at + first - firsts->first, *restrict b = seconds->at + first - seconds->first;
    float *restrict to = detail->at + first - detail->first;
    for (int i = 0; i < count; i++)
        to[i] = b[i] - cubic(a[i - 1], a[i], a[i + 1], a[i + 2]);
    if (detail->count > 0)
        repeat_ends(detail);
    else
        memset(detail->at, 0, (size_t)(detail->end - detail->first) * sizeof *detail->at);
}

// The samples of `to` that there are, from twice as many.
static void downsample_x(const udm_conversion *job, const span *from, const span *to)
{
    const int first = inner_first(to), end = inner_end(to), seconds = from->count / 2;
    float room[3][ROOM];
    const span a = { first - 2, end + 2, to->count, room[0] }, b = { first - 2, end + 2, seconds, room[1] };
    const span detail = { first - 1, end, seconds, room[2] };
    const float *restrict at = room[0] + 2, *restrict next = room[1] + 2, *restrict of = room[2];
    float *restrict out = to->at + first - to->first;
    split(from, &a, &b);
    if (!job->cosited_x) {
        const int pairs = udm_min(end, seconds) - first;
        for (int i = 0; i < pairs; i++)
            out[i] = (at[i] + next[i]) * 0.5f;
        if (end > seconds) // alone
            out[seconds - first] = at[seconds - first];
        return;
    }
    repeat_ends(&a);
    find_detail(&a, &b, &detail);
    for (int i = 0; i < end - first; i++)
        out[i] = at[i] + (of[i] + of[i + 1]) * 0.25f;
}

// Stores the luma of a row of pixels, and gets to know its chroma.
static void take_row(const udm_conversion *job, strip *s, int y)
{
    const udm_image *image = job->image;
    const int levels = image->subsample_x;
    float luma[ROOM], room[2][2][ROOM]; // of a level, and of the next
    float(*to)[STRIP] = s->at[y % ROWS];
    span spans[3] = { { s->first, s->end, udm_convert_samples(image->width, levels), NULL } };
    for (int k = 0; k < levels; k++) // from the image's samples to those of the pixels
        spans[k + 1] = (span){ 2 * spans[k].first - 4, 2 * spans[k].end + 4,
                               udm_convert_samples(image->width, levels - k - 1), NULL };
    span all[3] = { spans[levels], spans[levels], spans[levels] };
    all[0].at = luma, all[1].at = levels ? room[0][0] : to[0], all[2].at = levels ? room[0][1] : to[1];
    find_colour(job, y, all);
    if (y >= s->y && y < s->end_y)
        store_samples(image, 0, s->x, y, luma + s->x - all[0].first, s->pixels,
                      (rounding){ 1, job->scale, job->half, job->top });
    for (int c = 0; c < 2; c++)
        for (int k = levels; k > 0; k--) {
            span from = spans[k], onto = spans[k - 1];
            from.at = room[(levels - k) % 2][c];
            onto.at = k == 1 ? to[c] : room[(levels - k + 1) % 2][c];
            downsample_x(job, &from, &onto);
        }
    s->known[y % ROWS] = y;
}

// ---- along y

// The detail of second i of the rows.
static void detail_y(const udm_conversion *job, const strip *s, int i, int c, float *restrict to)
{
    const int firsts = (job->image->height + 1) / 2, seconds = job->image->height / 2;
    const float *at[4];
    if (seconds == 0) {
        memset(to, 0, STRIP * sizeof *to);
        return;
    }
    i = udm_clamp_index(i, seconds);
    for (int k = 0; k < 4; k++)
        at[k] = s->at[2 * udm_clamp_index(i + k - 1, firsts) % ROWS][c];
    const float *restrict a = at[0], *restrict b = at[1], *restrict d = at[2], *restrict e = at[3];
    const float *restrict second = s->at[(2 * i + 1) % ROWS][c];
    for (int x = 0; x < s->end - s->first; x++)
        to[x] = second[x] - cubic(a[x], b[x], d[x], e[x]);
}

static void downsample_cosited_y(const udm_conversion *job, const strip *s, int unit, int c, float *restrict to)
{
    float room[2][STRIP];
    detail_y(job, s, unit - 1, c, room[0]);
    detail_y(job, s, unit, c, room[1]);
    const float *restrict first = s->at[2 * unit % ROWS][c], *restrict a = room[0], *restrict b = room[1];
    for (int x = 0; x < s->end - s->first; x++)
        to[x] = first[x] + (a[x] + b[x]) * 0.25f;
}

static void downsample_centred_y(const udm_conversion *job, const strip *s, int unit, int c, float *restrict to)
{
    const int y = 2 * unit, next = udm_clamp_index(y + 1, job->image->height);
    const float *restrict a = s->at[y % ROWS][c], *restrict b = s->at[next % ROWS][c];
    for (int x = 0; x < s->end - s->first; x++)
        to[x] = (a[x] + b[x]) * 0.5f;
}

static void unit_from_planes(const udm_conversion *job, strip *s, int unit)
{
    const udm_image *image = job->image;
    const rounding whole = { 0, 1, (float)job->middle + 0.5f, job->top };
    const int each = 1 << image->subsample_y, first = unit * each, reach = each > 1 && job->cosited_y ? 4 : 0;
    float room[STRIP];
    for (int y = udm_max(first - reach, 0); y < udm_min(first + udm_max(reach + 1, each), image->height); y++)
        if (s->known[y % ROWS] != y)
            take_row(job, s, y);
    for (int c = 0; c < 2; c++) {
        if (each > 1)
            (job->cosited_y ? downsample_cosited_y : downsample_centred_y)(job, s, unit, c, room);
        store_samples(image, c + 1, s->first, unit, each > 1 ? room : s->at[unit % ROWS][c], s->end - s->first, whole);
    }
}

static void strip_from_planes(const udm_conversion *job, int first, int end, int x)
{
    const udm_image *image = job->image;
    const int pixels = udm_min(STRIP, image->width - x), each = 1 << image->subsample_y;
    strip s; // which is too large to be cleared
    s.x = x, s.pixels = pixels, s.y = first * each, s.end_y = end * each;
    s.first = x >> image->subsample_x;
    s.end = udm_convert_samples(x + pixels, image->subsample_x);
    for (int i = 0; i < ROWS; i++)
        s.known[i] = -1;
    for (int unit = first; unit < end; unit++)
        unit_from_planes(job, &s, unit);
}

static void row_from_planes(const udm_conversion *job, int y)
{
    const udm_image *image = job->image;
    const rounding all = { 1, job->scale, job->half, job->top };
    for (int c = 0; c < image->channels; c++) {
        const float *from = job->from + ((size_t)c * image->height + y) * image->width;
        for (int x = 0; x < image->width; x += STRIP)
            store_samples(image, c, x, y, from + x, udm_min(STRIP, image->width - x), all);
    }
}

void NAME(udm_convert_from_planes)(const udm_conversion *job, int first, int end);

void NAME(udm_convert_from_planes)(const udm_conversion *job, int first, int end)
{
    for (int unit = first; !job->is_yuv && unit < end; unit++)
        row_from_planes(job, unit);
    for (int x = 0; job->is_yuv && x < job->image->width; x += STRIP)
        strip_from_planes(job, first, end, x);
}
