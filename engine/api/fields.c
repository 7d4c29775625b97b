// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/fields.h: a window of three frames, the components of which are read from images and written to them.
#include "udm/fields.h"

#include <stdlib.h>
#include <string.h>

#include "api/settings.h"
#include "fields/samples.h"
#include "fields/window.h"

struct udm_deinterlacer {
    udm_settings settings;
    bool every_field;
    udm_pool *pool;
    udm_field_window *window; // from the first frame on
    udm_image kind;           // of that; what lies where does not matter
    uint64_t pushed, passed;  // frames that came in, and that are through
    int next;                 // field of the frame in the middle
    bool ended;
    atomic_bool cancelled;
    udm_stats stats;
};

udm_deinterlacer *udm_deinterlacer_open(const udm_settings *settings, bool every_field, udm_error *error)
{
    udm_settings own;
    if (!udm_settings_read(&own, settings, error) || !udm_settings_check(&own, error))
        return NULL;
    udm_deinterlacer *d = calloc(1, sizeof *d);
    if (!d) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a deinterlacer");
        return NULL;
    }
    d->settings = own;
    d->every_field = every_field;
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
                      (image->matrix == UDM_MATRIX_RGB) != (d->kind.matrix == UDM_MATRIX_RGB)))
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "the image shares chroma otherwise, or has other components, than the frames before: open "
                        "another deinterlacer for it");
    return true;
}

static bool check_alpha(const udm_deinterlacer *d, const udm_image *alpha, udm_error *error)
{
    if (alpha && !d->settings.alpha)
        return udm_fail(error, UDM_ERROR_SETTINGS, "there is alpha, but the settings say that there is none");
    return !alpha || udm_check_image(alpha, "the alpha", d->settings.width, d->settings.height, 1, error);
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
    if (d->window)
        d->stats.memory = udm_field_window_memory(d->window);
    return d->window != NULL;
}

static void read_component(const udm_deinterlacer *d, const udm_image *image, int c, float *plane)
{
    const int width = udm_samples_width(image, c), height = udm_samples_height(image, c);
    for (int y = 0; y < height; y++)
        udm_samples_read(image, c, y, plane + (size_t)y * width);
}

static void read_frame(const udm_deinterlacer *d, const udm_woven *frame)
{
    const int channels = d->settings.channels;
    const size_t pixels = (size_t)d->settings.width * d->settings.height;
    for (int c = 0; c < channels; c++)
        read_component(d, frame->image, c, udm_field_window_plane(d->window, c));
    if (!d->settings.alpha)
        return;
    float *alpha = udm_field_window_plane(d->window, channels);
    for (size_t i = 0; !frame->alpha && i < pixels; i++)
        alpha[i] = 1;
    if (frame->alpha)
        read_component(d, frame->alpha, 0, alpha);
}

static bool has_frame(const udm_deinterlacer *d)
{
    return d->window && udm_field_window_middle(d->window);
}

bool udm_deinterlacer_push(udm_deinterlacer *d, const udm_woven *frame, udm_error *error)
{
    if (!udm_check_argument(d, "the deinterlacer", error) || !udm_check_argument(frame, "the frame", error) ||
        !check_image(d, frame->image, error) || !check_alpha(d, frame->alpha, error))
        return false;
    if (d->ended)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame after udm_deinterlacer_end(): reset it first");
    if (has_frame(d))
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "a frame is left to be pulled: call udm_deinterlacer_pull() until there is nothing");
    if (!d->window && !open_window(d, frame->image, error))
        return false;
    read_frame(d, frame);
    udm_pool_watch(d->pool, NULL); // what is taken in stays, so it is complete
    udm_field_window_added(d->window, (udm_field_frame){ .first = frame->bottom_first,
                                                         .fields = frame->one_field && !frame->progressive ? 1 : 2,
                                                         .whole = frame->progressive,
                                                         .begins = frame->discontinuity });
    udm_pool_watch(d->pool, &d->cancelled);
    d->pushed++;
    return true;
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

static bool write_frame(udm_deinterlacer *d, const udm_image *out, const udm_image *alpha, udm_error *error)
{
    const int channels = d->settings.channels, components = channels + (alpha != NULL);
    for (int c = 0; c < components; c++) {
        const float *plane = udm_field_window_make(d->window, d->next, c);
        if (!check_cancelled(d, error))
            return false;
        write_component(c < channels ? out : alpha, c < channels ? c : 0, plane);
    }
    return true;
}

udm_pulled udm_deinterlacer_pull(udm_deinterlacer *d, const udm_image *out, const udm_image *alpha, udm_unwoven *made,
                                 udm_error *error)
{
    const double start = udm_now_ms();
    if (!udm_check_argument(d, "the deinterlacer", error) || !check_image(d, out, error) ||
        !check_alpha(d, alpha, error) || !check_cancelled(d, error))
        return UDM_PULLED_FAILED;
    if (d->ended && !has_frame(d) && d->passed < d->pushed)
        udm_field_window_pass(d->window);
    if (!has_frame(d))
        return d->ended ? UDM_PULLED_END : UDM_PULLED_NOTHING;
    if (!write_frame(d, out, alpha, error))
        return UDM_PULLED_FAILED;
    const udm_field_frame *is = udm_field_window_middle(d->window);
    const int fields = d->every_field && !is->whole ? is->fields : 1;
    if (made)
        *made = (udm_unwoven){ d->passed, d->next, fields };
    if (++d->next == fields) {
        d->next = 0;
        d->passed++;
        udm_field_window_leave(d->window);
    }
    udm_stats_count(&d->stats, start);
    return UDM_PULLED_FRAME;
}

void udm_deinterlacer_end(udm_deinterlacer *d)
{
    if (d)
        d->ended = true;
}

void udm_deinterlacer_reset(udm_deinterlacer *d)
{
    if (!d)
        return;
    if (d->window)
        udm_field_window_clear(d->window);
    d->pushed = d->passed = 0;
    d->next = 0;
    d->ended = false;
}

int udm_deinterlacer_delay(const udm_deinterlacer *d)
{
    return d ? 1 : 0;
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
