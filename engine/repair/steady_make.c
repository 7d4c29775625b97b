// SPDX-License-Identifier: LGPL-2.1-or-later
// Moves a frame, by Lanczos' filter of six taps, and gives it its light. What comes into view at a border is taken from
// the frame nearest in time that shows it.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/lanczos.h"
#include "repair/sample.h"
#include "repair/steady.h"

enum { TAPS = UDM_LANCZOS_TAPS };

#define WHOLE (1 / 128.0) // of a pixel: less is none

typedef struct move {
    int whole;
    float weight[TAPS];
} move;

typedef struct job {
    const udm_steady_frame *frame;
    const udm_steady_picture *picture;
    move across, down;
    float gain[UDM_CHANGE_CELLS];
    float *out;
} job;

static move move_by(double way)
{
    const double whole = fabs(way - nearbyint(way)) < WHOLE ? nearbyint(way) : floor(way), part = way - whole;
    move m = { .whole = (int)whole };
    udm_lanczos_weights(fabs(part) < WHOLE ? 0 : part, m.weight);
    return m;
}

static bool is_moved(const move *m)
{
    return m->whole != 0 || m->weight[TAPS / 2 - 1] != 1;
}

// The nearest frame whose picture has that place, which is one of the frame's own; else the border goes on.
static float from_others(const job *j, int channel, double x, double y)
{
    const udm_steady_frame *f = j->frame;
    const udm_steady_picture *p = j->picture;
    const size_t plane = (size_t)channel * (size_t)p->width * (size_t)p->height;
    for (int away = 1; away <= UDM_STEADY_HELD; away++)
        for (int side = -1; side <= 1; side += 2) {
            const int k = f->at + side * away;
            if (k < 0 || k >= f->count || !p->frames[k])
                continue;
            const double px = x + f->way_x[k], py = y + f->way_y[k];
            if (px >= 0 && px <= p->width - 1 && py >= 0 && py <= p->height - 1)
                return udm_sample(p->frames[k] + plane, p->width, p->height, (float)px, (float)py);
        }
    return udm_sample(p->frames[f->at] + plane, p->width, p->height, (float)x, (float)y);
}

static void move_row(const job *j, int channel, int y, float *to)
{
    const udm_steady_picture *p = j->picture;
    const float *plane = p->frames[j->frame->at] + (size_t)channel * (size_t)p->width * (size_t)p->height;
    const double py = y + j->frame->y;
    const bool inside = py >= 0 && py <= p->height - 1;
    for (int x = 0; x < p->width; x++) {
        const double px = x + j->frame->x;
        if (!inside || px < 0 || px > p->width - 1) {
            to[x] = from_others(j, channel, px, py);
            continue;
        }
        float sum = 0;
        for (int k = 0; k < TAPS; k++) {
            const int row = udm_clamp_index(y + j->down.whole + k - TAPS / 2 + 1, p->height);
            const float *from = plane + (size_t)row * (size_t)p->width;
            float line = 0;
            for (int i = 0; i < TAPS; i++)
                line += j->across.weight[i] * from[udm_clamp_index(x + j->across.whole + i - TAPS / 2 + 1, p->width)];
            sum += j->down.weight[k] * line;
        }
        to[x] = sum;
    }
}

static void light_row(const job *j, int y, float *row)
{
    const udm_steady_picture *p = j->picture;
    const float at_y = ((float)y + 0.5f) * UDM_CHANGE_ROWS / (float)p->height - 0.5f;
    for (int x = 0; x < p->width; x++) {
        const float at_x = ((float)x + 0.5f) * UDM_CHANGE_COLUMNS / (float)p->width - 0.5f;
        row[x] = (row[x] + 1) * udm_sample_linear(j->gain, UDM_CHANGE_COLUMNS, UDM_CHANGE_ROWS, at_x, at_y) - 1;
    }
}

static bool is_lit(const udm_steady_frame *f)
{
    bool lit = f->gain != 1;
    for (int i = 0; i < UDM_CHANGE_CELLS; i++)
        lit |= f->local[i] != 1;
    return lit;
}

static void make_row(void *context, int index, int worker)
{
    const job *j = context;
    (void)worker;
    const udm_steady_picture *p = j->picture;
    const int channel = index / p->height, y = index % p->height;
    float *to = j->out + (size_t)index * (size_t)p->width;
    if (is_moved(&j->across) || is_moved(&j->down))
        move_row(j, channel, y, to);
    else
        memcpy(to, p->frames[j->frame->at] + (size_t)index * (size_t)p->width, (size_t)p->width * sizeof *to);
    if (is_lit(j->frame))
        light_row(j, y, to);
}

void udm_steady_make(const udm_steady_frame *frame, const udm_steady_picture *picture, udm_pool *pool, float *out)
{
    job j = { .frame = frame, .picture = picture, .across = move_by(frame->x), .down = move_by(frame->y), .out = out };
    for (int i = 0; i < UDM_CHANGE_CELLS; i++)
        j.gain[i] = (float)frame->gain * frame->local[i];
    udm_pool_run(pool, picture->channels * picture->height, make_row, &j);
}
