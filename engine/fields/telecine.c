// SPDX-License-Identifier: LGPL-2.1-or-later
// Fields of frames in a row, what is seen of them (combing.c), what they are decided to be (cadence.c), and the
// pictures that come of it.
#include "fields/telecine.h"

#include <stdlib.h>
#include <string.h>

#include "fields/cadence.h"
#include "fields/combing.h"
#include "fields/guess.h"
#include "fields/samples.h"

enum { QUEUE = 48 }; // pictures: more than fields that are held

struct udm_telecine {
    udm_shelf shelf;
    udm_combing *combing;
    udm_cadence *cadence;
    bool every_frame, ended;
    float *row;              // of a component that luma is made of
    uint64_t frames, fields; // that came
    uint64_t asked;          // first field of the next frame that a picture is asked for, if every frame is to have one
    udm_gap_is gap;          // before the last field
    int parity;              // of the last field
    udm_picture queue[QUEUE]; // decided
    int queued;
};

udm_telecine *udm_telecine_new(const udm_image *kind, bool alpha, bool every_frame, udm_pool *pool, udm_error *error)
{
    udm_telecine *t = calloc(1, sizeof *t);
    if (!t) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for film");
        return NULL;
    }
    t->shelf.kind = *kind, t->shelf.alpha = alpha;
    t->every_frame = every_frame;
    t->combing = udm_combing_new(kind->width, udm_field_rows(kind->height), pool, error);
    t->cadence = t->combing ? udm_cadence_new(error) : NULL;
    t->row = malloc((size_t)kind->width * sizeof(float));
    if (!t->row && t->cadence)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for film");
    if (t->row && t->cadence)
        return t;
    udm_telecine_free(t);
    return NULL;
}

void udm_telecine_free(udm_telecine *t)
{
    if (!t)
        return;
    udm_shelf_free(&t->shelf);
    udm_combing_free(t->combing);
    udm_cadence_free(t->cadence);
    free(t->row);
    free(t);
}

void udm_telecine_reset(udm_telecine *t)
{
    udm_shelf_clear(&t->shelf);
    udm_combing_reset(t->combing);
    udm_cadence_reset(t->cadence);
    t->frames = t->fields = t->asked = 0;
    t->queued = 0;
    t->ended = false;
}

size_t udm_telecine_memory(const udm_telecine *t)
{
    return udm_shelf_memory(&t->shelf) + udm_combing_memory(t->combing);
}

// ---- fields come in

// Luma of every second row, in codes of 8 bits.
static void take_luma(udm_telecine *t, const udm_image *image, int parity)
{
    static const float weights[] = { 0.299f, 0.587f, 0.114f };
    const bool colours = image->channels == 3 && image->matrix == UDM_MATRIX_RGB;
    const int width = image->width;
    for (int r = 0; r < udm_field_rows(image->height); r++) {
        float *to = udm_combing_field(t->combing) + (size_t)r * width;
        memset(to, 0, (size_t)width * sizeof(float));
        for (int c = 0; c < (colours ? 3 : 1); c++) {
            udm_samples_read(image, c, udm_field_row(r, parity, image->height), t->row);
            for (int x = 0; x < width; x++)
                to[x] += (colours ? weights[c] : 1) * (t->row[x] + 1) * 127.5f;
        }
    }
}

// What is seen of a gap is known a field later, as what follows tells of it, too.
static void add_gap(udm_telecine *t, udm_gap_is is, int fields_after)
{
    const float combed = is == UDM_GAP_SEEN ? udm_combing_seen(t->combing, fields_after) : 0;
    udm_cadence_add(t->cadence, (udm_gap){ is, combed });
}

static void add_field(udm_telecine *t, const udm_held *frame, int field, udm_gap_is gap)
{
    const int parity = frame->is.first ^ (field & 1);
    if (field == 2) {
        udm_combing_repeat(t->combing);
    } else {
        take_luma(t, &frame->image, parity);
        udm_combing_add(t->combing, parity);
    }
    if (gap == UDM_GAP_SEEN && parity == t->parity && t->fields > 0)
        gap = UDM_GAP_CUT;
    if (t->fields > 0)
        add_gap(t, t->gap, 1);
    t->gap = gap;
    t->parity = parity;
    t->fields++;
}

static udm_gap_is gap_before(const udm_telecine *t, const udm_held *frame, int field)
{
    const udm_held *last = field == 0 && frame->number > 0 ? udm_shelf_frame(&t->shelf, frame->number - 1) : NULL;
    if (field > 0)
        return frame->is.whole ? UDM_GAP_JOINED : UDM_GAP_SEEN;
    if (frame->is.begins)
        return UDM_GAP_BREAK;
    return frame->is.whole || (last && last->is.whole) ? UDM_GAP_CUT : UDM_GAP_SEEN;
}

bool udm_telecine_push(udm_telecine *t, const udm_image *image, const udm_image *alpha, udm_field_frame is,
                       bool repeats, udm_error *error)
{
    udm_held *held = udm_shelf_add(&t->shelf, image, alpha, error);
    if (!held)
        return false;
    held->is = is;
    held->number = t->frames++;
    held->first = t->fields;
    held->fields = is.fields + (repeats && is.fields == 2);
    for (int k = 0; k < held->fields; k++)
        add_field(t, held, k, gap_before(t, held, k));
    return true;
}

void udm_telecine_end(udm_telecine *t)
{
    if (t->ended)
        return;
    t->ended = true;
    if (t->fields == 0)
        return;
    add_gap(t, t->gap, 0);
    udm_cadence_end(t->cadence);
}

// ---- pictures come out

static void fetch(udm_telecine *t)
{
    udm_picture picture;
    while (t->queued < QUEUE && udm_cadence_next(t->cadence, &picture))
        t->queue[t->queued++] = picture;
}

static udm_telecine_field field_at(const udm_telecine *t, uint64_t field)
{
    const udm_held *frame = udm_shelf_field(&t->shelf, field);
    return (udm_telecine_field){ frame, (int)(field - frame->first) };
}

// The picture of film, or frame of video, that begins with a field; how many there are of the queue. 0: it cannot be
// told yet.
static int join(const udm_telecine *t, int from, udm_telecine_picture *picture)
{
    if (from >= t->queued)
        return 0;
    const udm_picture *p = &t->queue[from];
    *picture = (udm_telecine_picture){ .first = field_at(t, p->first),
                                       .last = field_at(t, p->first + (uint64_t)p->fields - 1) };
    if (p->fields > 1)
        picture->other = field_at(t, p->first + 1);
    const bool second = !p->film && picture->first.field == 0 && picture->first.frame->fields > 1;
    if (!second)
        return 1;
    if (from + 1 == t->queued)
        return t->ended ? 1 : 0;
    if (p[1].film)
        return 1;
    picture->last = field_at(t, p[1].first);
    return 2;
}

static const udm_picture *picture_of(const udm_telecine *t, uint64_t field)
{
    for (int i = 0; i < t->queued; i++)
        if (field - t->queue[i].first < (uint64_t)t->queue[i].fields)
            return &t->queue[i];
    return NULL;
}

// The picture of the first field of a frame.
static bool picture_at(const udm_telecine *t, uint64_t field, udm_telecine_picture *picture)
{
    const udm_picture *p = picture_of(t, field);
    const udm_held *frame = udm_shelf_field(&t->shelf, field);
    if (!p || !frame)
        return false;
    const uint64_t end = p->first + (uint64_t)p->fields;
    *picture = (udm_telecine_picture){ .first = { frame, 0 }, .last = { frame, frame->fields - 1 } };
    if (field + 1 < end)
        picture->other = field_at(t, field + 1);
    else if (field > p->first)
        picture->other = field_at(t, field - 1);
    return true;
}

bool udm_telecine_peek(udm_telecine *t, udm_telecine_picture *picture, udm_telecine_picture *next)
{
    fetch(t);
    *next = (udm_telecine_picture){ 0 };
    if (t->every_frame)
        return picture_at(t, t->asked, picture);
    const int used = join(t, 0, picture), more = used > 0 ? join(t, used, next) : 0;
    if (more == 0)
        *next = (udm_telecine_picture){ 0 };
    return used > 0 && (more > 0 || t->ended);
}

// Pictures that end before a field.
static void forget(udm_telecine *t, uint64_t field)
{
    int gone = 0;
    while (gone < t->queued && t->queue[gone].first + (uint64_t)t->queue[gone].fields <= field)
        gone++;
    t->queued -= gone;
    memmove(t->queue, t->queue + gone, sizeof *t->queue * (size_t)t->queued);
}

void udm_telecine_left(udm_telecine *t)
{
    udm_telecine_picture picture, next;
    if (!udm_telecine_peek(t, &picture, &next))
        return;
    if (t->every_frame)
        t->asked = picture.first.frame->first + (uint64_t)picture.first.frame->fields;
    else
        t->asked = picture.last.frame->first + (uint64_t)picture.last.field + 1;
    // The field before the next one may be of its picture, and the frame before that is seen when it is guessed.
    forget(t, t->every_frame && t->asked > 0 ? t->asked - 1 : t->asked);
    const uint64_t done = udm_telecine_done(t);
    udm_shelf_drop(&t->shelf, done > 1 ? done - 1 : 0);
}

uint64_t udm_telecine_done(const udm_telecine *t)
{
    const udm_held *frame = udm_shelf_field(&t->shelf, t->asked);
    return frame ? frame->number : t->frames;
}

const udm_held *udm_telecine_frame(const udm_telecine *t, uint64_t number)
{
    return udm_shelf_frame(&t->shelf, number);
}
