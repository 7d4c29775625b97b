// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/fields.h: a window of three frames, the components of which are read from images and written to them; where film
// is looked for, frames wait on its shelf, and enter the window when a field of theirs is to be completed.
#include "udm/fields.h"

#include <stdlib.h>
#include <string.h>

#include "api/settings.h"
#include "fields/telecine.h"
#include "fields/samples.h"
#include "fields/window.h"

struct udm_deinterlacer {
    udm_settings settings;
    udm_deinterlace how;
    udm_pool *pool;
    udm_telecine *film;       // from the first frame on, if it is looked for
    udm_field_window *window; // from the first frame on
    udm_image kind;           // of that; what lies where does not matter
    uint64_t pushed, passed;  // frames that came in, and that are through
    uint64_t middle;          // frame in the window, of film; UINT64_MAX: none
    int next;                 // field of the frame in the middle
    bool ended, hurried;
    atomic_bool cancelled;
    udm_stats stats;
};

udm_deinterlacer *udm_deinterlacer_open(const udm_settings *settings, udm_deinterlace how, udm_error *error)
{
    udm_settings own;
    if (!udm_settings_read(&own, settings, error) || !udm_settings_unlimited(&own, error) ||
        !udm_settings_check(&own, error))
        return NULL;
    if ((unsigned)how > UDM_DEINTERLACE_FILM) {
        udm_fail(error, UDM_ERROR_SETTINGS, "there is no way %d to deinterlace", (int)how);
        return NULL;
    }
    udm_deinterlacer *d = calloc(1, sizeof *d);
    if (!d) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a deinterlacer");
        return NULL;
    }
    d->settings = own;
    d->how = how;
    d->middle = UINT64_MAX;
    d->pool = udm_settings_pool(&own, error);
    if (!d->pool) {
        udm_deinterlacer_free(d);
        return NULL;
    }
    udm_settings_keep(&d->settings);
    udm_pool_watch(d->pool, &d->cancelled);
    return d;
}

void udm_deinterlacer_free(udm_deinterlacer *d)
{
    if (!d)
        return;
    udm_telecine_free(d->film);
    udm_field_window_free(d->window);
    udm_pool_free(d->pool);
    free(d);
}

static bool check_image(const udm_deinterlacer *d, const udm_image *image, udm_error *error)
{
    const udm_settings *s = &d->settings;
    if (!udm_check_image(image, "the image", s->width, s->height, s->channels, error))
        return false;
    if (d->window && (image->subsample_x != d->kind.subsample_x || image->subsample_y != d->kind.subsample_y ||
                      (image->matrix == UDM_MATRIX_RGB) != (d->kind.matrix == UDM_MATRIX_RGB) ||
                      image->bits != d->kind.bits || image->shift != d->kind.shift))
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "the image shares chroma otherwise, or has other components or bits, than the frames before: "
                        "open another deinterlacer for it");
    return true;
}

static bool check_alpha(const udm_deinterlacer *d, const udm_image *alpha, udm_error *error)
{
    if (alpha && !d->settings.alpha)
        return udm_fail(error, UDM_ERROR_SETTINGS, "there is alpha, but the settings say that there is none");
    return !alpha || udm_check_image(alpha, "the alpha", d->settings.width, d->settings.height, 1, error);
}

static bool finds_film(const udm_deinterlacer *d)
{
    return d->how == UDM_DEINTERLACE_WHOLE || d->how == UDM_DEINTERLACE_FILM;
}

static bool open_window(udm_deinterlacer *d, const udm_image *image, udm_error *error)
{
    const int channels = image->channels;
    udm_field_format format = { .components = channels + d->settings.alpha,
                                .colours = channels == 3 && image->matrix == UDM_MATRIX_RGB };
    for (int c = 0; c < format.components; c++) {
        format.width[c] = udm_samples_width(image, c < channels ? c : 0);
        format.height[c] = udm_samples_height(image, c < channels ? c : 0);
    }
    d->window = udm_field_window_new(&format, d->pool, error);
    d->kind = *image;
    if (d->window && finds_film(d))
        d->film = udm_telecine_new(image, d->settings.alpha, d->how == UDM_DEINTERLACE_WHOLE, d->pool, error);
    if (d->window && (d->film || !finds_film(d)))
        return true;
    udm_field_window_free(d->window);
    d->window = NULL;
    return false;
}

static void read_component(const udm_deinterlacer *d, const udm_image *image, int c, float *plane)
{
    const int width = udm_samples_width(image, c), height = udm_samples_height(image, c);
    for (int y = 0; y < height; y++)
        udm_samples_read(image, c, y, plane + (size_t)y * width);
}

// Of a frame into the window.
static void read_frame(const udm_deinterlacer *d, const udm_image *image, const udm_image *from_alpha)
{
    const int channels = d->settings.channels;
    const size_t pixels = (size_t)d->settings.width * d->settings.height;
    for (int c = 0; c < channels; c++)
        read_component(d, image, c, udm_field_window_plane(d->window, c));
    if (!d->settings.alpha)
        return;
    float *alpha = udm_field_window_plane(d->window, channels);
    for (size_t i = 0; !from_alpha && i < pixels; i++)
        alpha[i] = 1;
    if (from_alpha)
        read_component(d, from_alpha, 0, alpha);
}

bool udm_deinterlacer_ready(udm_deinterlacer *d)
{
    udm_telecine_picture picture, next;
    if (!d || !d->window)
        return false;
    if (d->film)
        return udm_telecine_peek(d->film, &picture, &next);
    const bool follows = !d->ended && udm_field_window_waits(d->window); // a frame that it is seen with
    if (!follows && !udm_field_window_middle(d->window) && d->passed < d->pushed)
        udm_field_window_pass(d->window);
    return udm_field_window_middle(d->window);
}

static void push_frame(udm_deinterlacer *d, const udm_woven *frame, udm_field_frame is)
{
    read_frame(d, frame->image, frame->alpha);
    udm_field_window_added(d->window, is);
}

bool udm_deinterlacer_push(udm_deinterlacer *d, const udm_woven *frame, udm_error *error)
{
    if (!udm_check_argument(d, "the deinterlacer", error) || !udm_check_argument(frame, "the frame", error) ||
        !check_image(d, frame->image, error) || !check_alpha(d, frame->alpha, error))
        return false;
    if (d->ended)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame after udm_deinterlacer_end(): reset it first");
    if (udm_deinterlacer_ready(d))
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "a frame is left to be pulled: call udm_deinterlacer_pull() until there is nothing");
    if (!d->window && !open_window(d, frame->image, error))
        return false;
    const udm_field_frame is = { .first = frame->bottom_first,
                                 .fields = frame->one_field && !frame->progressive ? 1 : 2,
                                 .whole = frame->progressive,
                                 .begins = frame->discontinuity,
                                 .alone = d->hurried && !d->film };
    bool pushed = true;
    udm_pool_watch(d->pool, NULL); // what is taken in stays, so it is complete
    if (d->film)
        pushed = udm_telecine_push(d->film, frame->image, frame->alpha, is, frame->repeat_first, error);
    else
        push_frame(d, frame, is);
    udm_pool_watch(d->pool, &d->cancelled);
    d->pushed += pushed;
    d->stats.memory = udm_field_window_memory(d->window) + (d->film ? udm_telecine_memory(d->film) : 0);
    return pushed;
}

static void write_component(const udm_image *image, int c, const float *plane)
{
    const int width = udm_samples_width(image, c), height = udm_samples_height(image, c);
    for (int y = 0; y < height; y++)
        udm_samples_write(image, c, y, plane + (size_t)y * width);
}

static bool check_cancelled(udm_deinterlacer *d, udm_error *error)
{
    if (!atomic_load(&d->cancelled))
        return true;
    if (d->window)
        udm_field_window_retry(d->window);
    return udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
}

// A field of the frame in the middle of the window, completed.
static bool write_frame(udm_deinterlacer *d, int field, const udm_image *out, const udm_image *alpha, udm_error *error)
{
    const int channels = d->settings.channels, components = channels + (alpha != NULL);
    for (int c = 0; c < components; c++) {
        const float *plane = udm_field_window_make(d->window, field, c);
        if (!check_cancelled(d, error))
            return false;
        write_component(c < channels ? out : alpha, c < channels ? c : 0, plane);
    }
    return true;
}

// ---- fields, one after the other

static bool make_field(udm_deinterlacer *d, const udm_image *out, const udm_image *alpha, udm_unwoven *made,
                       udm_error *error)
{
    const udm_field_frame *is = udm_field_window_middle(d->window);
    const int fields = d->how == UDM_DEINTERLACE_FIELDS && !is->whole ? is->fields : 1;
    if (!write_frame(d, d->next, out, alpha, error))
        return false;
    const udm_field_at first = { d->passed, d->next }, last = { d->passed, fields == 1 ? is->fields - 1 : d->next };
    *made = (udm_unwoven){ .first = first, .last = last, .next = last, .woven = is->whole };
    if (++d->next == fields) {
        d->next = 0;
        d->passed++;
        udm_field_window_leave(d->window);
    }
    made->done = d->passed;
    return true;
}

// ---- pictures of film

// The rows of a field.
static void copy_field(const udm_held *from, int field, const udm_image *out, const udm_image *alpha)
{
    const int parity = from->is.first ^ (field & 1);
    for (int c = 0; c < out->channels; c++)
        for (int y = parity; y < udm_samples_height(out, c); y += 2)
            udm_samples_copy(&from->image, out, c, y);
    for (int y = parity; alpha && y < alpha->height; y += 2)
        udm_samples_copy(&from->alpha, alpha, 0, y);
}

// Brings a frame and those around it into the window, unless they are there.
static void look_at(udm_deinterlacer *d, uint64_t number)
{
    const bool goes_on = d->middle != UINT64_MAX && number == d->middle + 1;
    if (number == d->middle)
        return;
    if (!goes_on)
        udm_field_window_clear(d->window);
    for (uint64_t n = goes_on ? number + 1 : number == 0 ? 0 : number - 1; n <= number + 1; n++) {
        const udm_held *frame = udm_telecine_frame(d->film, n);
        if (!frame) {
            udm_field_window_pass(d->window);
            continue;
        }
        read_frame(d, &frame->image, d->settings.alpha ? &frame->alpha : NULL);
        udm_field_window_added(d->window, frame->is);
    }
    d->middle = number;
}

static void look_at_one(udm_deinterlacer *d, const udm_held *frame)
{
    udm_field_frame is = frame->is;
    is.alone = true;
    udm_field_window_clear(d->window);
    read_frame(d, &frame->image, d->settings.alpha ? &frame->alpha : NULL);
    udm_field_window_added(d->window, is);
    udm_field_window_pass(d->window);
    d->middle = UINT64_MAX;
}

static bool guess_field(udm_deinterlacer *d, const udm_telecine_field *at, const udm_image *out, const udm_image *alpha,
                        udm_error *error)
{
    udm_pool_watch(d->pool, NULL);
    if (d->hurried)
        look_at_one(d, at->frame);
    else
        look_at(d, at->frame->number);
    udm_pool_watch(d->pool, &d->cancelled);
    return write_frame(d, at->field & 1, out, alpha, error);
}

static udm_field_at place_of(const udm_telecine_field *field)
{
    return (udm_field_at){ field->frame->number, field->field };
}

static bool make_picture(udm_deinterlacer *d, const udm_image *out, const udm_image *alpha, udm_unwoven *made,
                         udm_error *error)
{
    udm_telecine_picture picture, next;
    udm_telecine_peek(d->film, &picture, &next);
    if (picture.other.frame) {
        copy_field(picture.first.frame, picture.first.field, out, alpha);
        copy_field(picture.other.frame, picture.other.field, out, alpha);
    } else if (!guess_field(d, &picture.first, out, alpha, error)) {
        return false;
    }
    *made = (udm_unwoven){ .first = place_of(&picture.first),
                           .last = place_of(&picture.last),
                           .next = place_of(next.last.frame ? &next.last : &picture.last),
                           .woven = picture.other.frame };
    udm_telecine_left(d->film);
    made->done = udm_telecine_done(d->film);
    return true;
}

// ---- frames that leave

udm_pulled udm_deinterlacer_pull(udm_deinterlacer *d, const udm_image *out, const udm_image *alpha, udm_unwoven *made,
                                 udm_error *error)
{
    const double start = udm_now_ms();
    udm_unwoven own;
    if (!udm_check_argument(d, "the deinterlacer", error) || !check_image(d, out, error) ||
        !check_alpha(d, alpha, error) || !check_cancelled(d, error))
        return UDM_PULLED_FAILED;
    if (!udm_deinterlacer_ready(d))
        return d->ended ? UDM_PULLED_END : UDM_PULLED_NOTHING;
    if (!(d->film ? make_picture : make_field)(d, out, alpha, made ? made : &own, error))
        return UDM_PULLED_FAILED;
    udm_stats_count(&d->stats, start);
    return UDM_PULLED_FRAME;
}

void udm_deinterlacer_hurry(udm_deinterlacer *d, bool hurry)
{
    if (d)
        d->hurried = hurry;
}

void udm_deinterlacer_end(udm_deinterlacer *d)
{
    if (!d)
        return;
    d->ended = true;
    if (d->film)
        udm_telecine_end(d->film);
}

void udm_deinterlacer_reset(udm_deinterlacer *d)
{
    if (!d)
        return;
    if (d->window)
        udm_field_window_clear(d->window);
    if (d->film)
        udm_telecine_reset(d->film);
    d->middle = UINT64_MAX;
    d->pushed = d->passed = 0;
    d->next = 0;
    d->ended = false;
}

int udm_deinterlacer_delay(const udm_deinterlacer *d)
{
    return !d ? 0 : finds_film(d) ? UDM_TELECINE_DELAY : 1;
}

void udm_deinterlacer_cancel(udm_deinterlacer *d, bool cancel)
{
    if (d)
        atomic_store(&d->cancelled, cancel);
}

void udm_deinterlacer_stats(const udm_deinterlacer *d, udm_stats *stats, size_t size)
{
    static const udm_stats none;
    if (stats)
        udm_copy_sized(stats, size, d ? &d->stats : &none, sizeof none);
}
