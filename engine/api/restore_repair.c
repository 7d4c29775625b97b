// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames of old film and tape are repaired where they wait, when there are enough of them, and before anything else
// looks at them.
#include <math.h>

#include "api/restorer.h"
#include "process/process.h"

static bool check(const udm_restorer *restorer, const char *name, double value, udm_error *error)
{
    if (!(value >= 0 && value <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s is %g: it must be 0 to 1", name, value);
    if (value > 0 && !restorer->scheduler->process->factors)
        return udm_fail(
            error, UDM_ERROR_SETTINGS,
            "%s is %g, but %s removes no noise, and old film and tape have some: it must be 0, or the model "
            "another",
            name, value, udm_model_directory(restorer->model));
    return true;
}

bool udm_restorer_open_repair(udm_restorer *restorer, udm_error *error)
{
    const udm_settings *s = &restorer->settings;
    if (!check(restorer, "dirt", s->dirt, error) || !check(restorer, "deflicker", s->deflicker, error) ||
        !check(restorer, "stabilize_gate", s->stabilize_gate, error))
        return false;
    if (s->dirt == 0 && s->deflicker == 0 && s->stabilize_gate == 0)
        return true;
    const udm_repair_settings repair = { .channels = s->channels,
                                         .width = s->width,
                                         .height = s->height,
                                         .dirt = s->dirt,
                                         .deflicker = s->deflicker,
                                         .stabilize = s->stabilize_gate,
                                         .scenes_given = s->scenes_given };
    restorer->repair = udm_repair_new(&repair, restorer->pool, error);
    return restorer->repair;
}

void udm_restorer_repair_later(udm_restorer *restorer, queued *frame)
{
    restorer->unseen = restorer->unseen ? restorer->unseen : frame;
    restorer->unrepaired = restorer->unrepaired ? restorer->unrepaired : frame;
}

static void take_repaired(udm_restorer *restorer)
{
    while (restorer->unrepaired &&
           udm_repair_pull(restorer->repair, restorer->unrepaired->planes, &restorer->unrepaired->repaired)) {
        udm_restorer_settle(restorer, restorer->unrepaired);
        restorer->unrepaired = restorer->unrepaired->next;
    }
}

bool udm_restorer_repair(udm_restorer *restorer, udm_error *error)
{
    while (restorer->unseen) {
        if (atomic_load(&restorer->cancelled))
            return udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
        const queued *frame = restorer->unseen;
        udm_repair_push(restorer->repair, frame->planes,
                        (udm_repair_frame){ .begins = frame->discontinuity, .whole = frame->whole });
        restorer->unseen = frame->next;
        take_repaired(restorer);
    }
    if (restorer->repair && restorer->ended) {
        udm_repair_end(restorer->repair);
        take_repaired(restorer);
    }
    return true;
}

void udm_restorer_count_repaired(udm_stats *stats, const udm_repaired *repaired)
{
    const double frames = (double)(stats->frames + 1);
    stats->dirt += (repaired->dirt - stats->dirt) / frames;
    stats->flicker += (fabs(repaired->gain - 1) - stats->flicker) / frames;
    stats->weave += (hypot(repaired->x, repaired->y) - stats->weave) / frames;
}

void udm_restorer_forget_repair(udm_restorer *restorer)
{
    restorer->unseen = restorer->unrepaired = NULL;
    if (restorer->repair)
        udm_repair_reset(restorer->repair);
}
