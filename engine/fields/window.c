// SPDX-License-Identifier: LGPL-2.1-or-later
// Three frames of fields, the motion between them, and the guess of what a field lacks.
#include "fields/window.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fields/guess.h"
#include "fields/kernels/kernels.h"
#include "flow/optical_flow.h"

enum { FRAMES = 3, MIDDLE = 1, FIELDS = 2 * FRAMES };

// One picture at one instant.
typedef struct field {
    float *planes; // all components, [height, width] each; rows that the field lacks are guessed from the others
    float *luma;   // [rows, width]: of its own rows
    int parity;
} field;

typedef struct frame {
    udm_field_frame is;
    bool there, left; // left: it came out already, and is what was before the next
    float *planes;    // as they came
    field fields[2];
} frame;

struct udm_field_window {
    udm_field_format format;
    udm_pool *pool;
    udm_flow *flow;
    size_t offset[UDM_FIELD_COMPONENTS + 1]; // of each component among the planes of a picture; the last: of its end
    size_t floats;
    float *memory;
    frame frames[FRAMES];                                     // the oldest first
    float *motion[UDM_FIELD_SIDES], *narrow[UDM_FIELD_SIDES]; // of luma, and of a component that is smaller
    float *scratch, *made;
    int moved; // the field of the middle frame that the motion is of, or -1
    bool has_motion[UDM_FIELD_SIDES];
};

static size_t size_of(const udm_field_format *format, int c)
{
    return (size_t)format->width[c] * (size_t)format->height[c];
}

static size_t size_of_field(const udm_field_format *format)
{
    return (size_t)format->width[0] * (size_t)udm_field_rows(format->height[0]);
}

static void take(float **where, size_t count, float *memory, size_t *next)
{
    *where = memory ? memory + *next : NULL;
    *next += count;
}

// Places everything in memory, or counts its floats where that is NULL.
static size_t lay_out(udm_field_window *window, float *memory)
{
    const udm_field_format *format = &window->format;
    const size_t picture = window->offset[format->components], one = size_of_field(format);
    size_t next = 0;
    for (int i = 0; i < FRAMES; i++) {
        frame *f = &window->frames[i];
        take(&f->planes, picture, memory, &next);
        for (int k = 0; k < 2; k++) {
            take(&f->fields[k].planes, picture, memory, &next);
            take(&f->fields[k].luma, one, memory, &next);
        }
    }
    for (int s = 0; s < UDM_FIELD_SIDES; s++) {
        take(&window->motion[s], 2 * one, memory, &next);
        take(&window->narrow[s], 2 * one, memory, &next);
    }
    take(&window->scratch, udm_guess_scratch(format->width[0], format->height[0], window->pool), memory, &next);
    take(&window->made, size_of(format, 0), memory, &next);
    return next;
}

udm_field_window *udm_field_window_new(const udm_field_format *format, udm_pool *pool, udm_error *error)
{
    udm_field_window *window = calloc(1, sizeof *window);
    if (!window) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for fields");
        return NULL;
    }
    window->format = *format;
    window->pool = pool;
    for (int c = 0; c < format->components; c++)
        window->offset[c + 1] = window->offset[c] + size_of(format, c);
    window->floats = lay_out(window, NULL);
    window->memory = window->floats < SIZE_MAX / sizeof(float) ? malloc(window->floats * sizeof(float)) : NULL;
    if (!window->memory)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for fields of %dx%d", format->width[0], format->height[0]);
    window->flow =
        window->memory ? udm_flow_new(format->width[0], udm_field_rows(format->height[0]), pool, error) : NULL;
    if (!window->flow) {
        udm_field_window_free(window);
        return NULL;
    }
    lay_out(window, window->memory);
    udm_field_window_clear(window);
    return window;
}

void udm_field_window_free(udm_field_window *window)
{
    if (!window)
        return;
    udm_flow_free(window->flow);
    free(window->memory);
    free(window);
}

size_t udm_field_window_memory(const udm_field_window *window)
{
    return window->floats * sizeof(float) + udm_flow_memory(window->flow);
}

void udm_field_window_clear(udm_field_window *window)
{
    for (int i = 0; i < FRAMES; i++)
        window->frames[i].there = false;
    udm_field_window_retry(window);
}

void udm_field_window_retry(udm_field_window *window)
{
    window->moved = -1;
}

void udm_field_window_pass(udm_field_window *window)
{
    const frame oldest = window->frames[0];
    memmove(window->frames, window->frames + 1, (FRAMES - 1) * sizeof *window->frames);
    window->frames[FRAMES - 1] = oldest;
    window->frames[FRAMES - 1].there = false;
    window->moved = -1;
}

float *udm_field_window_plane(udm_field_window *window, int component)
{
    return window->frames[0].planes + window->offset[component];
}

static float luma_of(const float *const planes[3], size_t i)
{
    return 0.299f * planes[0][i] + 0.587f * planes[1][i] + 0.114f * planes[2][i];
}

static void take_luma(const udm_field_window *window, const frame *from, field *to)
{
    const int width = window->format.width[0], height = window->format.height[0];
    const float *planes[3];
    for (int c = 0; c < 3; c++)
        planes[c] = from->planes + window->offset[window->format.colours ? c : 0];
    for (int r = 0; r < udm_field_rows(height); r++) {
        const size_t start = (size_t)udm_field_row(r, to->parity, height) * width;
        float *row = to->luma + (size_t)r * width;
        if (!window->format.colours)
            memcpy(row, planes[0] + start, width * sizeof(float));
        for (int x = 0; window->format.colours && x < width; x++)
            row[x] = luma_of(planes, start + x);
    }
}

void udm_field_window_added(udm_field_window *window, udm_field_frame is)
{
    const udm_field_format *format = &window->format;
    udm_field_window_pass(window);
    frame *new = &window->frames[FRAMES - 1];
    new->is = is;
    new->there = true, new->left = false;
    for (int k = 0; k < 2; k++)
        new->fields[k].parity = k ^ is.first;
    for (int k = 0; !is.alone && k < 2; k++) {
        field *f = &new->fields[k];
        take_luma(window, new, f);
        memcpy(f->planes, new->planes, window->offset[format->components] * sizeof(float));
        for (int c = 0; !is.whole && c < format->components; c++)
            udm_guess_in_space(format->width[c], format->height[c], f->parity, f->planes + window->offset[c],
                               window->pool);
    }
}

bool udm_field_window_waits(const udm_field_window *window)
{
    const frame *newest = &window->frames[FRAMES - 1];
    return newest->there && !newest->is.alone;
}

const udm_field_frame *udm_field_window_middle(const udm_field_window *window)
{
    const frame *middle = &window->frames[MIDDLE];
    return middle->there && !middle->left ? &middle->is : NULL;
}

void udm_field_window_leave(udm_field_window *window)
{
    window->frames[MIDDLE].left = true;
}

// ---- a field and its neighbours

static const frame *frame_of(const udm_field_window *window, int field)
{
    return &window->frames[field / 2];
}

static bool is_there(const udm_field_window *window, int field)
{
    return field >= 0 && field < FIELDS && frame_of(window, field)->there && !frame_of(window, field)->is.alone &&
           (field % 2 < frame_of(window, field)->is.fields);
}

// The next field in a direction, or -1 if there is none or it has nothing to do with this one.
static int next_field(const udm_field_window *window, int from, int direction)
{
    int to = from + direction;
    if (to >= 0 && to < FIELDS && frame_of(window, to)->there && frame_of(window, to)->is.fields == 1 && to % 2 == 1)
        to += direction;
    const int later = direction > 0 ? to : from;
    if (!is_there(window, to) || (to / 2 != from / 2 && frame_of(window, later)->is.begins))
        return -1;
    return to;
}

// How many of the two are on that side; they alternate in parity, or they are none.
static bool find_side(const udm_field_window *window, int here, int side, int *beside, int *beyond)
{
    const int direction = side == UDM_FIELD_BEFORE ? -1 : 1;
    const field *all[FIELDS];
    for (int i = 0; i < FIELDS; i++)
        all[i] = &frame_of(window, i)->fields[i % 2];
    *beside = next_field(window, here, direction);
    *beyond = *beside >= 0 ? next_field(window, *beside, direction) : -1;
    return *beyond >= 0 && all[*beside]->parity != all[here]->parity && all[*beyond]->parity == all[here]->parity;
}

static void find_motion(udm_field_window *window, int here)
{
    const int which = here % 2;
    for (int s = 0; s < UDM_FIELD_SIDES && window->moved != which; s++) {
        int beside, beyond;
        window->has_motion[s] = find_side(window, here, s, &beside, &beyond);
        if (window->has_motion[s])
            udm_flow_estimate(window->flow, frame_of(window, here)->fields[which].luma,
                              frame_of(window, beyond)->fields[beyond % 2].luma, 0, window->motion[s]);
    }
    window->moved = which;
}

// The motion of a component with fewer samples than luma: the mean over those of luma that share one.
static const float *motion_of(udm_field_window *window, int component, int side)
{
    const udm_field_format *format = &window->format;
    if (format->width[component] == format->width[0] && format->height[component] == format->height[0])
        return window->motion[side];
    udm_narrowing_job n = { .full = format->width[0],
                            .all = udm_field_rows(format->height[0]),
                            .width = format->width[component],
                            .rows = udm_field_rows(format->height[component]),
                            .motion = window->motion[side],
                            .to = window->narrow[side] };
    udm_pool_run(window->pool, n.rows, udm_field_ops_for(window->pool)->narrow, &n);
    return window->narrow[side];
}

static const float *make_alone(udm_field_window *window, const frame *from, int which, int component)
{
    const udm_field_format *format = &window->format;
    memcpy(window->made, from->planes + window->offset[component], size_of(format, component) * sizeof(float));
    udm_guess_in_space(format->width[component], format->height[component], from->fields[which].parity, window->made,
                       window->pool);
    return window->made;
}

const float *udm_field_window_make(udm_field_window *window, int which, int component)
{
    const udm_field_format *format = &window->format;
    const frame *middle = &window->frames[MIDDLE];
    const size_t offset = window->offset[component];
    const int here = 2 * MIDDLE + which;
    const field *f = &middle->fields[which];
    if (middle->is.whole)
        return middle->planes + offset;
    if (middle->is.alone)
        return make_alone(window, middle, which, component);
    find_motion(window, here);
    udm_guess guess = { .width = format->width[component],
                        .height = format->height[component],
                        .parity = f->parity,
                        .here = f->planes + offset,
                        .scratch = window->scratch };
    for (int s = 0; s < UDM_FIELD_SIDES; s++) {
        int beside, beyond;
        if (!window->has_motion[s])
            continue;
        find_side(window, here, s, &beside, &beyond);
        guess.beside[s] = frame_of(window, beside)->fields[beside % 2].planes + offset;
        guess.beyond[s] = frame_of(window, beyond)->fields[beyond % 2].planes + offset;
        guess.part[s] = beside / 2 == beyond / 2 && frame_of(window, beside)->is.whole ? 1 : 0.5f;
        guess.motion[s] = motion_of(window, component, s);
    }
    memcpy(window->made, guess.here, size_of(format, component) * sizeof(float));
    udm_guess_fill(&guess, window->made, window->pool);
    return window->made;
}
