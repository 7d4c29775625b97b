// SPDX-License-Identifier: LGPL-2.1-or-later
// Storms: flushes, caps, states and properties change at random moments while frames flow, and a second thread changes
// properties all the while. Nothing hangs, no error or critical warning comes, memory does not grow; and after it the
// element does what a new one does: as many frames as there should be, at their times.
//     storm COUNT [SEED [FRAMES [RATE [WORD]]]]
// COUNT is the number of changes for each element, FRAMES that of the frames after it, at RATE, 25 a second by default:
// 86400 at 1 a second are a day. Of the set-ups only those with WORD in them, if there is one. Prints what was done,
// how many frames flowed meanwhile, and memory, in each 24th part of the frames: for a day, at each hour.
#include <gst/video/video.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 50, PARTS = 24, LONGEST = 300 /* seconds that a frame may take */, MANY = 32 };
#define FRAME (GST_SECOND / 25)

typedef struct Kind {
    const char *line;
    guint times;                  // frames out of one in,
    const char *property, *value; // where this is so
} Kind;

static const Kind kinds[] = {
    { "udmdenoise model=tiny-guess noise-level=20", 1, "strength", "1" },
    { "udmdenoise model=tiny-experts", 1, "strength", "1" },
    { "udmdenoise model=tiny-denoise lookahead=2 qos=true", 1, "qos", "true" },
    { "udminterp factor=2", 2, "factor", "2" },
    { "udminterp factor=3 model=tiny-interp", 3, "factor", "3" },
    { "udmslowmotion speed=0.5", 2, "speed", "0.5" },
    { "udmupscale model=tiny-guess", 1, "factor", "2" },
};

typedef struct Task {
    guint count, seed, frames, rate;
    double allowed; // MiB by which memory may grow
} Task;

static const char *const caps[] = {
    "video/x-raw,format=I420,width=32,height=24,framerate=25/1",
    "video/x-raw,format=NV12,width=50,height=34,framerate=30000/1001",
    "video/x-raw,format=RGB,width=33,height=17,framerate=50/1",
    "video/x-raw,format=GRAY16_LE,width=24,height=24,framerate=0/1",
    "video/x-raw,format=P010_10LE,width=64,height=16,framerate=25/1",
};

static const char *const settings[][2] = {
    { "noise-level", "-1" }, { "noise-level", "20" },       { "strength", "0.5" },     { "strength", "1" },
    { "lookahead", "1" },    { "lookahead", "0" },          { "model", "tiny-guess" }, { "model", "tiny-denoise" },
    { "n-threads", "1" },    { "n-threads", "2" },          { "factor", "2" },         { "speed", "0.25" },
    { "max-gap", "2" },      { "scene-threshold", "0.01" }, { "qos", "false" },        { "qos", "true" },
    { "grain", "0.5" },      { "deinterlace", "off" },      { "fill-gaps", "true" },   { "seed", "5" },
    { "factor", "4" },
};

// One element between two pads. A thread of its own pushes frames; what is done to the element first keeps it from
// pushing another one, and not from the one that it is at.
typedef struct Storm {
    GstElement *element;
    GstPad *out, *in; // the source and the sink
    GRand *dice;
    guint flushes, changes_of_caps, changes_of_state, changes_of_properties;
    gint frames; // that came out
    gint stop;   // to both threads

    GMutex lock;
    GCond changed;
    const char *caps;       // of the next frame
    GstClockTime lasts;     // a frame, of what comes after the storm
    gboolean held, pushing; // no more frames; one is on its way
    gboolean anew;          // the next frame begins a stream
} Storm;

static void fail(const Storm *storm, const char *what)
{
    fprintf(stderr, "%s: %s\n", storm->element ? GST_OBJECT_NAME(storm->element) : "storm", what);
    exit(1);
}

static guint draw(Storm *storm, guint limit)
{
    return (guint)g_rand_int_range(storm->dice, 0, (gint)limit);
}

static double memory_mib(void)
{
    long all, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file && fscanf(file, "%ld %ld", &all, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (double)resident * 4096 / 1048576;
}

// ---- the source

static void begin(Storm *storm, GstVideoInfo *info)
{
    GstCaps *caps = gst_caps_from_string(storm->caps);
    GstSegment segment;

    gst_video_info_from_caps(info, caps);
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(storm->out, gst_event_new_stream_start("storm"));
    gst_pad_push_event(storm->out, gst_event_new_caps(caps));
    gst_pad_push_event(storm->out, gst_event_new_segment(&segment));
    gst_caps_unref(caps);
}

static GstFlowReturn push_frame(Storm *storm, const GstVideoInfo *info, guint number)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);

    gst_buffer_memset(buffer, 0, (guint8)(100 + 7 * number), GST_VIDEO_INFO_SIZE(info));
    gst_buffer_memset(buffer, number % 50, (guint8)(31 * number), GST_VIDEO_INFO_SIZE(info) / 2);
    GST_BUFFER_PTS(buffer) = number * storm->lasts;
    GST_BUFFER_DURATION(buffer) = storm->lasts;
    return gst_pad_push(storm->out, buffer);
}

static gpointer feed(gpointer data)
{
    Storm *storm = data;
    GstVideoInfo info;

    for (guint number = 0; !g_atomic_int_get(&storm->stop); number++) {
        GstFlowReturn flow;
        gboolean anew;

        g_mutex_lock(&storm->lock);
        while (storm->held)
            g_cond_wait(&storm->changed, &storm->lock);
        anew = storm->anew;
        storm->anew = FALSE;
        storm->pushing = TRUE;
        g_mutex_unlock(&storm->lock);
        if (anew) {
            begin(storm, &info);
            number = 0;
        }
        flow = push_frame(storm, &info, number);
        if (flow != GST_FLOW_OK && flow != GST_FLOW_FLUSHING)
            fail(storm, gst_flow_get_name(flow));
        g_mutex_lock(&storm->lock);
        storm->pushing = FALSE;
        g_cond_broadcast(&storm->changed);
        g_mutex_unlock(&storm->lock);
    }
    return NULL;
}

static void hold(Storm *storm)
{
    g_mutex_lock(&storm->lock);
    storm->held = TRUE;
    g_mutex_unlock(&storm->lock);
}

static void wait_for_frame(Storm *storm)
{
    const gint64 end = g_get_monotonic_time() + LONGEST * G_TIME_SPAN_SECOND;

    g_mutex_lock(&storm->lock);
    while (storm->pushing)
        if (!g_cond_wait_until(&storm->changed, &storm->lock, end))
            fail(storm, "it hangs");
    g_mutex_unlock(&storm->lock);
}

static void go_on(Storm *storm)
{
    g_mutex_lock(&storm->lock);
    storm->held = FALSE;
    storm->anew = TRUE;
    g_cond_broadcast(&storm->changed);
    g_mutex_unlock(&storm->lock);
}

static GstFlowReturn take_frame(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    Storm *storm = g_object_get_data(G_OBJECT(pad), "storm");

    (void)parent;
    g_atomic_int_inc(&storm->frames);
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

// ---- what is done to it

static void flush(Storm *storm)
{
    hold(storm);
    gst_pad_push_event(storm->out, gst_event_new_flush_start());
    wait_for_frame(storm);
    gst_pad_push_event(storm->out, gst_event_new_flush_stop(TRUE));
    go_on(storm);
    storm->flushes++;
}

static void change_caps(Storm *storm)
{
    hold(storm);
    wait_for_frame(storm);
    storm->caps = caps[draw(storm, G_N_ELEMENTS(caps))];
    go_on(storm);
    storm->changes_of_caps++;
}

static void set_state(Storm *storm, GstState state)
{
    if (gst_element_set_state(storm->element, state) == GST_STATE_CHANGE_FAILURE)
        fail(storm, "a change of state failed");
    storm->changes_of_state++;
}

static void change_state(Storm *storm)
{
    static const GstState states[] = { GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_NULL };

    hold(storm);
    set_state(storm, states[draw(storm, G_N_ELEMENTS(states))]);
    wait_for_frame(storm);
    set_state(storm, GST_STATE_PLAYING);
    go_on(storm);
}

static void change_property(GstElement *element, guint which)
{
    const char *const *setting = settings[which % G_N_ELEMENTS(settings)];

    if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), setting[0]))
        gst_util_set_object_arg(G_OBJECT(element), setting[0], setting[1]);
}

static void ask(Storm *storm)
{
    GstStructure *stats = NULL;
    GstQuery *latency = gst_query_new_latency();
    gint64 position;

    gst_pad_peer_query_position(storm->in, GST_FORMAT_TIME, &position);
    gst_pad_peer_query(storm->in, latency);
    gst_query_unref(latency);
    g_object_get(storm->element, "stats", &stats, NULL);
    if (!stats)
        fail(storm, "there are no stats");
    gst_structure_free(stats);
}

static void act(Storm *storm)
{
    switch (draw(storm, 8)) {
    case 0:
    case 1:
        flush(storm);
        break;
    case 2:
        change_caps(storm);
        break;
    case 3:
        change_state(storm);
        break;
    case 4:
    case 5:
        change_property(storm->element, draw(storm, G_N_ELEMENTS(settings)));
        storm->changes_of_properties++;
        break;
    case 6:
        ask(storm);
        break;
    default:
        g_usleep(draw(storm, 4000));
    }
}

static gpointer meddle(gpointer data)
{
    Storm *storm = data;

    for (guint n = 0; !g_atomic_int_get(&storm->stop); n += 7) {
        change_property(storm->element, n);
        g_usleep(300);
    }
    return NULL;
}

// ---- what is looked at

static GstBusSyncReply look_at(GstBus *bus, GstMessage *message, gpointer data)
{
    gchar *details;
    GError *error;

    (void)bus;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, &error, &details);
        fprintf(stderr, "%s: %s\n", error->message, details);
        fail(data, "an error came");
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
}

static GstStaticPadTemplate source_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static void link_pad(Storm *storm, GstPad **pad, const char *name, GstPadDirection direction)
{
    GstPad *peer = gst_element_get_static_pad(storm->element, name);

    *pad = gst_pad_new_from_static_template(direction == GST_PAD_SRC ? &source_template : &sink_template, name);
    g_object_set_data(G_OBJECT(*pad), "storm", storm);
    if (direction == GST_PAD_SINK)
        gst_pad_set_chain_function(*pad, take_frame);
    gst_pad_set_active(*pad, TRUE);
    if (direction == GST_PAD_SINK ? gst_pad_link(peer, *pad) : gst_pad_link(*pad, peer))
        fail(storm, "a pad cannot be linked");
    gst_object_unref(peer);
}

static void make(Storm *storm, const char *line, guint seed)
{
    GstBus *bus = gst_bus_new();
    GError *error = NULL;

    *storm = (Storm){ .dice = g_rand_new_with_seed(seed), .caps = caps[0], .lasts = FRAME, .anew = TRUE };
    storm->element = gst_parse_launch(line, &error);
    if (error) {
        fprintf(stderr, "%s\n", error->message);
        exit(1);
    }
    gst_object_ref_sink(storm->element);
    g_mutex_init(&storm->lock);
    g_cond_init(&storm->changed);
    gst_bus_set_sync_handler(bus, look_at, storm, NULL);
    gst_element_set_bus(storm->element, bus);
    gst_object_unref(bus);
    link_pad(storm, &storm->out, "sink", GST_PAD_SRC);
    link_pad(storm, &storm->in, "src", GST_PAD_SINK);
}

static void free_storm(Storm *storm)
{
    gst_element_set_state(storm->element, GST_STATE_NULL);
    gst_element_set_bus(storm->element, NULL);
    gst_object_unref(storm->element);
    gst_object_unref(storm->out);
    gst_object_unref(storm->in);
    g_mutex_clear(&storm->lock);
    g_cond_clear(&storm->changed);
    g_rand_free(storm->dice);
}

// ---- after the storm

typedef struct Calm {
    guint frames, astray; // those that are not where the one before ended
    GstClockTime next;
} Calm;

static GstPadProbeReturn look_at_frame(GstPad *pad, GstPadProbeInfo *probe, gpointer data)
{
    const GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(probe);
    Calm *calm = data;

    (void)pad;
    calm->astray += ABS(GST_CLOCK_DIFF(calm->next, GST_BUFFER_PTS(buffer))) > 1;
    calm->next = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
    calm->frames++;
    return GST_PAD_PROBE_OK;
}

static void push_calmly(Storm *storm, const Task *task)
{
    const guint frames = task->frames;
    double memory[PARTS];
    GstVideoInfo info;
    guint part = 0;

    begin(storm, &info);
    for (guint n = 0; n < frames; n++) {
        if (push_frame(storm, &info, n) != GST_FLOW_OK)
            fail(storm, "after the storm a frame is refused");
        if (n + 1 >= (part + 1) * (guint64)frames / PARTS)
            memory[part++] = memory_mib();
    }
    gst_pad_push_event(storm->out, gst_event_new_eos());
    if (frames == FEW)
        return;
    printf("%u frames, MiB in each part of the time:", frames);
    for (part = 0; part < PARTS; part++)
        printf(" %.0f", memory[part]);
    printf("\n");
    if (memory[PARTS - 1] > memory[1] + task->allowed)
        fail(storm, "memory grows");
}

static void stay_calm(Storm *storm, const Kind *kind, const Task *task)
{
    char *calmly = g_strdup_printf("video/x-raw,format=I420,width=32,height=24,framerate=%u/1", task->rate);
    const guint expected = task->frames * kind->times;
    Calm calm = { 0 };

    set_state(storm, GST_STATE_NULL);
    gst_util_set_object_arg(G_OBJECT(storm->element), kind->property, kind->value);
    gst_pad_add_probe(storm->in, GST_PAD_PROBE_TYPE_BUFFER, look_at_frame, &calm, NULL);
    set_state(storm, GST_STATE_PLAYING);
    storm->caps = calmly;
    storm->lasts = GST_SECOND / task->rate;
    push_calmly(storm, task);
    g_free(calmly);
    if (calm.frames != expected || calm.astray) {
        fprintf(stderr, "%u frames for %u, %u of them not at their times\n", calm.frames, expected, calm.astray);
        fail(storm, "after the storm it is not as new");
    }
}

// ---- the storms

static void rage(const Kind *kind, const Task *task)
{
    Storm storm;
    GThread *feeding, *meddling;
    double before = memory_mib(), after;

    make(&storm, kind->line, task->seed + (guint)(kind - kinds));
    set_state(&storm, GST_STATE_PLAYING);
    feeding = g_thread_new("feed", feed, &storm);
    meddling = g_thread_new("meddle", meddle, &storm);
    for (guint n = 0; n < task->count; n++) {
        if (n == task->count / 4)
            before = memory_mib();
        act(&storm);
    }
    g_atomic_int_set(&storm.stop, 1);
    g_thread_join(feeding);
    g_thread_join(meddling);
    after = memory_mib();
    printf("%s: %u flushes, %u changes of caps, %u of state, %u of properties, %d frames meanwhile, %.0f to %.0f MiB\n",
           kind->line, storm.flushes, storm.changes_of_caps, storm.changes_of_state, storm.changes_of_properties,
           storm.frames, before, after);
    fflush(stdout);
    if (after > before + task->allowed)
        fail(&storm, "memory grows");
    stay_calm(&storm, kind, task);
    free_storm(&storm);
}

// Many elements at once, which are let go of while they work.
static void crowd(guint times)
{
    for (guint n = 0; n < times; n++) {
        GString *line = g_string_new("videotestsrc ! video/x-raw,width=32,height=24 ! tee name=t");
        GstElement *pipeline;

        for (guint i = 0; i < MANY; i++)
            g_string_append_printf(line, " t. ! queue ! %s ! fakesink", kinds[i % G_N_ELEMENTS(kinds)].line);
        pipeline = gst_parse_launch(line->str, NULL);
        gst_element_set_state(pipeline, GST_STATE_PLAYING);
        g_usleep(100000 * (n % 3));
        gst_element_set_state(pipeline, GST_STATE_NULL);
        gst_object_unref(pipeline);
        g_string_free(line, TRUE);
    }
    printf("%u elements at once, %u times\n", MANY, times);
}

int main(int argc, char **argv)
{
    const guint given[] = { 0, 1, FEW, 25 };
    const char *word = argc > 5 ? argv[5] : "";
    guint numbers[4];
    Task task;

    for (int i = 0; i < 4; i++)
        numbers[i] = i + 1 < argc ? (guint)strtoul(argv[i + 1], NULL, 10) : given[i];
    task = (Task){ numbers[0], numbers[1], numbers[2], numbers[3], .allowed = 32 };
    if (getenv("ASAN_OPTIONS")) // what is freed stays in quarantine
        task.allowed = 1e6;
    if (task.count == 0 || task.rate == 0) {
        fprintf(stderr, "usage: %s COUNT [SEED [FRAMES [RATE [WORD]]]]\n", argv[0]);
        return 2;
    }
    gst_init(NULL, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (strstr(kinds[i].line, word))
            rage(&kinds[i], &task);
    if (!*word)
        crowd(1 + task.count / 100);
    return 0;
}
