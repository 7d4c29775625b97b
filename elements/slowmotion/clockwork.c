// SPDX-License-Identifier: LGPL-2.1-or-later
// How time passes in slow motion: slowed(t) = integral of 1 / speed from 0 to t. It is a function of time alone, so
// that a seek ends where playing would have come.
#include "clockwork.h"

#define STEP (10 * GST_MSECOND)

void gst_udm_clockwork_init(GstUdmClockwork *self, GstObject *object)
{
    self->object = object;
    self->ends = g_array_new(FALSE, FALSE, sizeof(gdouble));
    gst_udm_clockwork_reset(self);
}

void gst_udm_clockwork_clear(GstUdmClockwork *self)
{
    g_array_unref(self->ends);
}

static gdouble current_speed(GstUdmClockwork *self)
{
    gdouble speed;

    g_object_get(self->object, "speed", &speed, NULL);
    return speed;
}

void gst_udm_clockwork_reset(GstUdmClockwork *self)
{
    g_array_set_size(self->ends, 0);
    self->speed = current_speed(self);
    self->since = self->slowed = self->furthest = 0;
}

// FALSE if it is not controlled.
static gboolean speed_at(GstUdmClockwork *self, GstClockTime time, gdouble *speed)
{
    GValue *value = gst_object_get_value(self->object, "speed", time);

    if (!value)
        return FALSE;
    *speed = g_value_get_double(value);
    g_value_unset(value);
    g_free(value);
    return TRUE;
}

// Slowed time at the end of a step; FALSE if the speed is not controlled.
static gboolean end_of(GstUdmClockwork *self, guint step, gdouble *end)
{
    gdouble speed;

    while (self->ends->len <= step) {
        guint next = self->ends->len;
        gdouble before = next > 0 ? g_array_index(self->ends, gdouble, next - 1) : 0;

        if (!speed_at(self, next * STEP + STEP / 2, &speed))
            return FALSE;
        before += STEP / speed;
        g_array_append_val(self->ends, before);
    }
    *end = g_array_index(self->ends, gdouble, step);
    return TRUE;
}

static GstClockTime at_constant_speed(const GstUdmClockwork *self, GstClockTime time)
{
    gdouble away = (gdouble)GST_CLOCK_DIFF(self->since, time) / self->speed;

    return (GstClockTime)MAX((gdouble)self->slowed + away + 0.5, 0);
}

GstClockTime gst_udm_clockwork_slow(GstUdmClockwork *self, GstClockTime time)
{
    const guint step = (guint)(time / STEP);
    const gdouble part = (gdouble)(time % STEP) / STEP;
    gdouble begin = 0, end, speed;

    if (gst_object_has_active_control_bindings(self->object) && end_of(self, step, &end)) {
        if (step > 0)
            end_of(self, step - 1, &begin);
        return (GstClockTime)(begin + part * (end - begin) + 0.5);
    }
    speed = current_speed(self);
    if (speed != self->speed) { // from the newest frame on
        self->slowed = at_constant_speed(self, self->furthest);
        self->since = self->furthest;
        self->speed = speed;
    }
    self->furthest = MAX(self->furthest, time);
    return at_constant_speed(self, time);
}

GstClockTime gst_udm_clockwork_back(GstUdmClockwork *self, GstClockTime slowed)
{
    gdouble begin = 0, end;

    if (!gst_object_has_active_control_bindings(self->object))
        return (GstClockTime)((gdouble)slowed * current_speed(self) + 0.5);
    for (guint step = 0; end_of(self, step, &end); step++, begin = end)
        if (end >= slowed)
            return step * STEP + (GstClockTime)(((gdouble)slowed - begin) / (end - begin) * STEP + 0.5);
    return slowed;
}
