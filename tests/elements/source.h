// SPDX-License-Identifier: LGPL-2.1-or-later
// udmsrc in a harness, its frames, and the errors that it posts.
#ifndef TEST_SOURCE_H
#define TEST_SOURCE_H

#include "harness.h"

#define SIDE 16
#define CAPS "video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1"

static inline GstElement *make_source(const char *properties)
{
    char *line = g_strdup_printf("udmsrc model=tiny-video n-threads=1 device=%s %s",
                                 engine_is_fake() ? "auto" : "reference", properties);
    GstElement *element = gst_parse_launch(line, NULL);

    fail_unless(element != NULL, "\"%s\" does not parse: is GST_PLUGIN_PATH set?", line);
    g_free(line);
    return gst_object_ref_sink(element);
}

// Takes the element. Caps may be NULL.
static inline GstHarness *play(GstElement *element, const char *caps)
{
    GstHarness *harness = gst_harness_new_with_element(element, NULL, "src");

    gst_object_unref(element);
    if (caps)
        gst_harness_set_sink_caps_str(harness, caps);
    gst_harness_play(harness);
    return harness;
}

static inline guint64 hash(GstBuffer *buffer)
{
    GstMapInfo map;
    guint64 sum = 14695981039346656037ull;

    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    for (gsize i = 0; i < map.size; i++)
        sum = (sum ^ map.data[i]) * 1099511628211ull;
    gst_buffer_unmap(buffer, &map);
    return sum;
}

static inline guint first_byte(GstBuffer *buffer)
{
    guint8 byte;

    fail_unless_equals_int(gst_buffer_extract(buffer, 0, &byte, 1), 1);
    return byte;
}

// What the fake engine paints.
static inline guint painted(guint number, int class, double guidance)
{
    return (number % 64 + 64 * (guint)(class + 1) + 10 * (guint)guidance) & 255;
}

static inline void seek(GstHarness *harness, guint frame)
{
    GstEvent *event = gst_event_new_seek(1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET,
                                         (gint64)(frame * FRAME_DURATION), GST_SEEK_TYPE_NONE, 0);

    fail_unless(gst_harness_push_upstream_event(harness, event));
}

// The next frame that has this number; those before a flush may still be on their way.
static inline GstBuffer *pull_frame(GstHarness *harness, guint64 number)
{
    for (int tries = 0; tries < 100; tries++) {
        GstBuffer *buffer = gst_harness_pull(harness);

        fail_unless(buffer != NULL);
        if (GST_BUFFER_OFFSET(buffer) == number)
            return buffer;
        gst_buffer_unref(buffer);
    }
    fail("frame %d did not come", (int)number);
    return NULL;
}

static inline guint64 frame_hash(GstHarness *harness, guint number)
{
    GstBuffer *buffer = pull_frame(harness, number);
    guint64 sum = hash(buffer);

    gst_buffer_unref(buffer);
    return sum;
}

static inline void expect_failure(const char *properties, const char *caps, GQuark domain, int code)
{
    char *line = g_strdup_printf("udmsrc model=tiny-video device=%s %s ! capsfilter caps=\"%s\" ! fakesink",
                                 engine_is_fake() ? "auto" : "reference", properties, caps);
    GstElement *pipeline = gst_parse_launch(line, NULL);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message;
    GError *error = NULL;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, LONGEST, GST_MESSAGE_ERROR);
    fail_unless(message != NULL, "no error was posted");
    gst_message_parse_error(message, &error, NULL);
    fail_unless(g_error_matches(error, domain, code), "posted %s %d (%s)", g_quark_to_string(error->domain),
                error->code, error->message);
    g_clear_error(&error);
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
    g_free(line);
}

#endif
