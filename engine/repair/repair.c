// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames wait in a ring until enough of them follow, are made steady, and wait in another one until dirt was looked for
// between those before and after. Light and place come first: dirt is found where all else agrees.
#include "repair/repair.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/scene.h"
#include "base/maths.h"
#include "repair/dirt.h"
#include "repair/scratches.h"
#include "repair/steady.h"

enum {
    AROUND = 3, // frames that dirt is looked for in
    KNOWN = 64, // frames of which is known what they are
    UNSTEADY = UDM_STEADY_HELD + 1 + UDM_STEADY_AHEAD,
};

// Sigma of noise that is not taken for cuts: that of old film.
#define NOISE 12.0

// Frames by their numbers.
typedef struct ring {
    float *memory;
    size_t floats; // of a frame
    unsigned room; // for so many
} ring;

typedef struct known {
    udm_repair_frame is;
    udm_change change;            // since the frame before
    double scratched, gain, x, y; // what was done to it
} known;

struct udm_repair {
    udm_repair_settings settings;
    udm_pool *pool;
    udm_scene *scene;
    udm_changes *changes; // NULL unless frames are made steady
    udm_dirt *dirt;       // NULL unless dirt is looked for, like
    udm_scratches *scratches;
    ring came, made; // what came in; what is steady, which is what came in where nothing is made so
    known known[KNOWN];
    uint64_t in, steady, out; // frames that were pushed, made steady and pulled
    bool ended;
};

static bool is_steadying(const udm_repair_settings *s)
{
    return s->deflicker > 0 || s->stabilize > 0;
}

static bool open_ring(ring *r, size_t floats, unsigned room)
{
    *r = (ring){ .floats = floats, .room = room };
    r->memory = malloc(room * floats * sizeof *r->memory);
    return r->memory;
}

static float *frame_at(const ring *r, uint64_t number)
{
    return r->memory + number % r->room * r->floats;
}

static bool open_dirt(udm_repair *r, udm_error *error)
{
    const udm_repair_settings *s = &r->settings;
    r->dirt = udm_dirt_new(s->channels, s->width, s->height, s->dirt, r->pool, error);
    r->scratches = r->dirt ? udm_scratches_new(s->channels, s->width, s->height, s->dirt, r->pool, error) : NULL;
    return r->scratches;
}

udm_repair *udm_repair_new(const udm_repair_settings *s, udm_pool *pool, udm_error *error)
{
    const size_t floats = (size_t)s->channels * (size_t)s->width * (size_t)s->height;
    const bool steadying = is_steadying(s);
    udm_repair *r = calloc(1, sizeof *r);
    if (!r || !open_ring(&r->came, floats, steadying ? UNSTEADY : AROUND) ||
        (steadying && !open_ring(&r->made, floats, AROUND))) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to repair frames of %dx%d", s->width, s->height);
        udm_repair_free(r);
        return NULL;
    }
    r->settings = *s;
    r->pool = pool;
    r->scene = udm_scene_new(s->channels, s->width, s->height, error);
    r->changes = r->scene && steadying ? udm_changes_new(s->width, s->height, pool, error) : NULL;
    if (r->scene && (r->changes || !steadying) && (s->dirt == 0 || open_dirt(r, error)))
        return r;
    udm_repair_free(r);
    return NULL;
}

void udm_repair_free(udm_repair *r)
{
    if (!r)
        return;
    udm_scene_free(r->scene);
    udm_changes_free(r->changes);
    udm_dirt_free(r->dirt);
    udm_scratches_free(r->scratches);
    free(r->came.memory);
    free(r->made.memory);
    free(r);
}

size_t udm_repair_memory(const udm_repair *r)
{
    return sizeof *r + (r->came.room * r->came.floats + r->made.room * r->made.floats) * sizeof(float) +
           (r->changes ? udm_changes_memory(r->changes) : 0) +
           (r->dirt ? udm_dirt_memory(r->dirt) + udm_scratches_memory(r->scratches) : 0);
}

int udm_repair_ahead(const udm_repair *r)
{
    return (r->changes ? UDM_STEADY_AHEAD : 0) + (r->dirt ? 1 : 0);
}

void udm_repair_reset(udm_repair *r)
{
    r->in = r->steady = r->out = 0;
    r->ended = false;
    udm_scene_reset(r->scene);
}

static known *about(udm_repair *r, uint64_t number)
{
    return &r->known[number % KNOWN];
}

static double pixels_of(const udm_repair *r)
{
    return (double)r->settings.width * r->settings.height;
}

void udm_repair_push(udm_repair *r, const float *planes, udm_repair_frame frame)
{
    known *k = about(r, r->in);
    memcpy(frame_at(&r->came, r->in), planes, r->came.floats * sizeof *planes);
    if (frame.begins)
        udm_scene_reset(r->scene);
    if (!r->settings.scenes_given)
        frame.begins = udm_scene_begins(r->scene, planes, NOISE);
    frame.begins |= r->in == 0;
    *k = (known){ .is = frame, .gain = 1 };
    float *own = frame_at(&r->came, r->in++);
    if (r->scratches && !frame.whole)
        k->scratched = (double)udm_scratches_remove(r->scratches, own, frame.begins) / pixels_of(r);
    if (r->changes)
        udm_changes_look(r->changes, r->settings.channels, own, &k->change);
}

void udm_repair_end(udm_repair *r)
{
    r->ended = true;
}

// ---- steady frames

// Those around a frame, of its scene: [*first, *last].
static void find_window(udm_repair *r, uint64_t number, uint64_t *first, uint64_t *last)
{
    *first = *last = number;
    while (number - *first < UDM_STEADY_BEHIND && !about(r, *first)->is.begins)
        (*first)--;
    while (*last - number < UDM_STEADY_AHEAD && *last + 1 < r->in && !about(r, *last + 1)->is.begins)
        (*last)++;
}

static void make_steady(udm_repair *r, uint64_t number)
{
    const udm_change *changes[UDM_STEADY_WINDOW];
    const float *frames[UDM_STEADY_WINDOW];
    uint64_t first, last;
    known *k = about(r, number);
    find_window(r, number, &first, &last);
    for (uint64_t n = first; n <= last; n++) {
        changes[n - first] = &about(r, n)->change;
        frames[n - first] =
            n + UDM_STEADY_HELD >= number && n <= number + UDM_STEADY_HELD ? frame_at(&r->came, n) : NULL;
    }
    udm_steady_frame frame;
    const int count = (int)(last - first) + 1, at = (int)(number - first);
    const double wanted = k->is.whole ? 0 : 1;
    udm_steady_find(changes, count, at, wanted * r->settings.deflicker, wanted * r->settings.stabilize, &frame);
    const udm_steady_picture picture = { r->settings.channels, r->settings.width, r->settings.height, frames };
    udm_steady_make(&frame, &picture, r->pool, frame_at(&r->made, number));
    k->gain = frame.gain, k->x = frame.x, k->y = frame.y;
}

// All frames up to that one, if they are there.
static const ring *steady_to(udm_repair *r, uint64_t number)
{
    if (!r->changes)
        return &r->came;
    for (; r->steady <= number && r->steady < r->in; r->steady++)
        make_steady(r, r->steady);
    return &r->made;
}

// ---- dirt

static bool remove_dirt(udm_repair *r, uint64_t number, float *planes, udm_repaired *found)
{
    const udm_repair_frame *frame = &about(r, number)->is;
    const ring *from = steady_to(r, number + 1);
    if (frame->whole || frame->begins || number + 1 >= r->in || about(r, number + 1)->is.begins)
        return false;
    const float *const around[] = { frame_at(from, number - 1), frame_at(from, number), frame_at(from, number + 1) };
    const size_t count = udm_dirt_remove(r->dirt, around, planes);
    found->dirt += (double)count / pixels_of(r);
    return true;
}

bool udm_repair_pull(udm_repair *r, float *planes, udm_repaired *found)
{
    if (r->out == r->in || (!r->ended && r->in <= r->out + (uint64_t)udm_repair_ahead(r)))
        return false;
    const known *k = about(r, r->out);
    *found = (udm_repaired){ .dirt = k->scratched };
    if (!r->dirt || !remove_dirt(r, r->out, planes, found)) {
        const ring *from = steady_to(r, r->out);
        memcpy(planes, frame_at(from, r->out), from->floats * sizeof *planes);
    }
    found->gain = k->gain, found->x = k->x, found->y = k->y;
    r->out++;
    return true;
}
