// SPDX-License-Identifier: LGPL-2.1-or-later
// The likeliest way to part a row of fields into pictures, by Viterbi's algorithm (1967). A field is the first, second,
// third or fourth of a picture of film, after pictures of so many fields; or it is video. Gaps cost what is seen
// against them, pictures of film what they depart from the pattern, which is that each lasts as long as the one before
// the last (3:2, 2:2), or the last but three (2:3:3:2, 2:2:2:4). Where nothing is seen, as nothing moves, the pattern
// goes on. What is decided is never taken back.
#include "fields/cadence.h"

#include <stdlib.h>
#include <string.h>

enum {
    LENGTHS = UDM_PICTURE_FIELDS + 1,              // of a picture before; 0: there is none
    KNOWN = LENGTHS * LENGTHS * LENGTHS * LENGTHS, // lengths of the last four, of the last one first
    FILM = UDM_PICTURE_FIELDS * KNOWN,
    VIDEO = FILM, // the state after those of film
    STATES,
    QUEUE = 8, // pictures decided and not taken: more than fields of a frame
};

#define SEEN 2.f // what is against all that is seen of a gap; the others are measured against that
#define NEVER 1e9f
#define IMPOSSIBLE 1e6f // of what is known not to be
#define DEPARTS 1.2f    // another number of fields than the pattern has
#define LONGER 0.4f     // one that only a pattern of four pictures has
#define RARE 1.5f       // departing to 1 or 4 fields
#define ALONE 0.8f      // a first or last picture whose other field is beyond the beginning or the end
#define EVEN 0.01f      // 2 after 2, where 3 and 2 fit as well
#define GUESSED 0.02f   // a field of video, which is to be completed, where nothing is seen
#define SWITCHES 3.f    // from film to video, or back

struct udm_cadence {
    float cost[STATES];
    uint16_t from[UDM_CADENCE_LAG + 1][STATES]; // state before each of the last gaps, the oldest first
    int gaps;                                   // of those
    bool any, ended;
    uint64_t first; // of the picture that is not complete
    int fields;     // of it
    bool film;
    udm_picture queue[QUEUE];
    int queued;
};

// The state of a field at a place in its picture, from 0 on, after pictures of known lengths.
static int film_state(int place, int known)
{
    return place * KNOWN + known;
}

// Lengths with one more.
static int known_with(int known, int length)
{
    return length * (KNOWN / LENGTHS) + known / LENGTHS;
}

udm_cadence *udm_cadence_new(udm_error *error)
{
    udm_cadence *c = malloc(sizeof *c);
    if (c)
        udm_cadence_reset(c);
    else
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the cadence of fields");
    return c;
}

void udm_cadence_free(udm_cadence *c)
{
    free(c);
}

void udm_cadence_reset(udm_cadence *c)
{
    memset(c, 0, sizeof *c);
}

// ---- what things cost

// A picture of so many fields is over.
static float cost_of_length(int length, int known)
{
    const bool rare = length == 1 || length > 3;
    int last[4];
    for (int i = 3; i >= 0; i--, known /= LENGTHS)
        last[i] = known % LENGTHS;
    if (last[0] == 0)
        return length == 1 ? ALONE : rare ? DEPARTS + RARE : 0;
    const float even = length == 2 && last[0] == 2 ? EVEN : 0;
    if (length == last[1] || (!rare && (last[1] == 0 || last[1] == 1) && (length == 2 || length != last[0])))
        return even;
    return length == last[3] ? LONGER : DEPARTS + (rare ? RARE : 0);
}

static float cost_joined(udm_gap gap)
{
    return gap.is == UDM_GAP_JOINED ? 0
           : gap.is == UDM_GAP_SEEN ? (gap.combed > 0 ? SEEN * gap.combed : 0)
                                    : IMPOSSIBLE;
}

static float cost_cut(udm_gap gap)
{
    return gap.is == UDM_GAP_JOINED ? IMPOSSIBLE : gap.is == UDM_GAP_SEEN && gap.combed < 0 ? -SEEN * gap.combed : 0;
}

// ---- a step

typedef struct step {
    float cost[STATES];
    uint16_t *from;
} step;

static void reach(step *s, int state, int from, float cost)
{
    if (cost < s->cost[state])
        s->cost[state] = cost, s->from[state] = (uint16_t)from;
}

// From every state of film to those that may follow it.
static void leave_film(const udm_cadence *c, udm_gap gap, step *s)
{
    const bool anew = gap.is == UDM_GAP_BREAK;
    const float joined = cost_joined(gap), cut = cost_cut(gap);
    for (int state = 0; state < FILM; state++) {
        const int place = state / KNOWN, known = state % KNOWN;
        const float cost = c->cost[state];
        if (cost >= NEVER)
            continue;
        if (place + 1 < UDM_PICTURE_FIELDS)
            reach(s, film_state(place + 1, known), state, cost + joined);
        const float over = cost + cut + (anew ? 0 : cost_of_length(place + 1, known));
        reach(s, film_state(0, anew ? 0 : known_with(known, place + 1)), state, over);
        reach(s, VIDEO, state, cost + cut + GUESSED + (anew ? 0 : SWITCHES));
    }
}

static void leave_video(const udm_cadence *c, udm_gap gap, step *s)
{
    const float cost = c->cost[VIDEO] + cost_cut(gap);
    if (c->cost[VIDEO] >= NEVER)
        return;
    reach(s, VIDEO, VIDEO, cost + GUESSED);
    reach(s, film_state(0, 0), VIDEO, cost + (gap.is == UDM_GAP_BREAK ? 0 : SWITCHES));
}

// Costs are counted from the least, so that they do not grow.
static void settle(udm_cadence *c, const step *s)
{
    float least = NEVER;
    for (int i = 0; i < STATES; i++)
        least = s->cost[i] < least ? s->cost[i] : least;
    for (int i = 0; i < STATES; i++)
        c->cost[i] = s->cost[i] < NEVER ? s->cost[i] - least : NEVER;
}

static int best_state(const udm_cadence *c)
{
    int best = 0;
    for (int i = 1; i < STATES; i++)
        if (c->cost[i] < c->cost[best])
            best = i;
    return best;
}

// The state after one of the gaps, on the way to a state as it is; -1: before the oldest.
static int state_after(const udm_cadence *c, int gap, int state)
{
    for (int i = c->gaps - 1; i > gap; i--)
        state = c->from[i][state];
    return state;
}

// ---- decisions

static void complete(udm_cadence *c)
{
    c->queue[c->queued++] = (udm_picture){ c->first, c->fields, c->film };
    c->first += (uint64_t)c->fields;
    c->fields = 1;
}

// The oldest gap: from one state to the other.
static void decide(udm_cadence *c, int from, int to)
{
    c->film = from != VIDEO;
    if (to != VIDEO && to / KNOWN > 0)
        c->fields++;
    else
        complete(c);
}

// Decides the oldest gap; ways that had it otherwise are closed.
static void decide_oldest(udm_cadence *c)
{
    const int best = best_state(c), after = state_after(c, 0, best);
    for (int i = 0; i < STATES; i++)
        if (c->cost[i] < NEVER && state_after(c, 0, i) != after)
            c->cost[i] = NEVER;
    decide(c, state_after(c, -1, best), after);
    memmove(c->from, c->from + 1, sizeof *c->from * (size_t)--c->gaps);
}

void udm_cadence_add(udm_cadence *c, udm_gap gap)
{
    step s;
    if (!c->any) {
        for (int i = 0; i < STATES; i++)
            c->cost[i] = i == film_state(0, 0) || i == VIDEO ? 0 : NEVER;
        c->any = true;
        c->fields = 1;
        return;
    }
    for (int i = 0; i < STATES; i++)
        s.cost[i] = NEVER;
    s.from = c->from[c->gaps++];
    leave_film(c, gap, &s);
    leave_video(c, gap, &s);
    settle(c, &s);
    if (c->gaps > UDM_CADENCE_LAG)
        decide_oldest(c);
}

void udm_cadence_end(udm_cadence *c)
{
    if (!c->any || c->ended)
        return;
    for (int state = 0; state < FILM; state++) // which may be cut short, but is not longer than it should be
        c->cost[state] += state < film_state(1, 0)   ? ALONE
                          : state < film_state(2, 0) ? 0
                                                     : cost_of_length(state / KNOWN + 1, state % KNOWN);
    c->ended = true;
}

bool udm_cadence_next(udm_cadence *c, udm_picture *picture)
{
    while (c->queued == 0 && c->ended) {
        if (c->gaps > 0) {
            decide_oldest(c);
            continue;
        }
        c->film = best_state(c) != VIDEO;
        complete(c);
        c->ended = c->any = false;
    }
    if (c->queued == 0)
        return false;
    *picture = c->queue[0];
    memmove(c->queue, c->queue + 1, sizeof *c->queue * (size_t)--c->queued);
    return true;
}
