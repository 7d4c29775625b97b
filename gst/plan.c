// SPDX-License-Identifier: LGPL-2.1-or-later
// The plan of a film: lines of JSON, each with a header, a frame, a segment or the end.
#include "plan.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"

#define MOST_OF_A_LINE 65536           // bytes
#define NEAR (GST_SECOND / 1000)       // how far a time may be from that of a frame
#define AGAIN "run udm-film plan anew" // what to do where a plan is of no use
#define WHICH "The property plan is the plan.jsonl in the folder that udm-film plan wrote"

struct GstUdmPlan {
    char *path;
    gboolean begun, ended; // the header, and the end, were read
    gdouble noise_level;
    gint width, height;
    gint base_n, base_d; // seconds of a unit of time
    guint warm_up;
    GArray *frames;   // of GstUdmPlanned
    GArray *segments; // of Segment
};

typedef struct Segment {
    gint64 first, warm_up;
} Segment;

void gst_udm_plan_free(GstUdmPlan *plan)
{
    if (!plan)
        return;
    g_free(plan->path);
    g_array_unref(plan->frames);
    g_array_unref(plan->segments);
    g_free(plan);
}

static GstUdmPlanned *frame_at(const GstUdmPlan *plan, guint64 number)
{
    return number < plan->frames->len ? &g_array_index(plan->frames, GstUdmPlanned, (guint)number) : NULL;
}

// ---- lines, each FALSE with the error set if it is not what it should be

static gboolean take_header(GstUdmPlan *plan, json_t *line, udm_error *error)
{
    const char *base;
    int version, warm_up, width, height;

    if (json_unpack(line, "{s:i}", "udm-film", &version) || version != 1)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "it is of another version of udm-film");
    if (json_unpack(line, "{s:F, s:i, s:s, s:{s:i, s:i}}", "sigma", &plan->noise_level, "warm_up", &warm_up,
                    "time_base", &base, "shape", "width", &width, "height", &height) ||
        warm_up < 0 || width < 1 || height < 1)
        return udm_fail(error, UDM_ERROR_CORRUPT, "the header lacks something");
    plan->base_d = 1;
    if (sscanf(base, "%d/%d", &plan->base_n, &plan->base_d) < 1 || plan->base_n < 1 || plan->base_d < 1)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s is no unit of time", base);
    plan->width = width;
    plan->height = height;
    plan->warm_up = (guint)warm_up;
    plan->begun = TRUE;
    return TRUE;
}

// FALSE if it is beyond all times.
static gboolean nanoseconds(const GstUdmPlan *plan, gint64 pts, gint64 *time)
{
    const guint64 size = pts < 0 ? -(guint64)pts : (guint64)pts;
    const guint64 scaled = gst_util_uint64_scale_round(size, (guint64)plan->base_n * GST_SECOND, (guint64)plan->base_d);

    *time = pts < 0 ? -(gint64)(scaled & G_MAXINT64) : (gint64)(scaled & G_MAXINT64);
    return scaled <= G_MAXINT64;
}

static gboolean is_noise(const udm_finding *found)
{
    const gdouble sigmas[] = { found->sigma, found->real_sigma, found->apart_sigma, found->chroma_sigma };

    for (guint i = 0; i < G_N_ELEMENTS(sigmas); i++)
        if (sigmas[i] < 0 || sigmas[i] > 255)
            return FALSE;
    return TRUE;
}

static gboolean take_frame(GstUdmPlan *plan, json_t *line, udm_error *error)
{
    const GstUdmPlanned *before = plan->frames->len > 0 ? frame_at(plan, plan->frames->len - 1) : NULL;
    GstUdmPlanned frame = { .number = plan->frames->len };
    udm_finding *found = &frame.finding;
    json_int_t number;
    json_t *pts;
    int cut, kind;

    if (json_unpack(line, "{s:I, s:o, s:b, s:F, s:F, s:i, s?F, s?F}", "frame", &number, "pts", &pts, "cut", &cut,
                    "sigma", &found->sigma, "real_sigma", &found->real_sigma, "kind", &kind, "chroma_sigma",
                    &found->chroma_sigma, "apart_sigma", &found->apart_sigma) ||
        (guint64)number != frame.number || kind < UDM_NOISE_JUDGED || kind > UDM_NOISE_OTHER || !is_noise(found))
        return udm_fail(error, UDM_ERROR_CORRUPT, "the frame lacks something, or is not the next one");
    if (!json_is_integer(pts) || !nanoseconds(plan, json_integer_value(pts), &frame.time) ||
        (before && frame.time <= before->time))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "the frames of the film have no times that rise, by which to know them: put it into a "
                        "container that has, as with ffmpeg -fflags +genpts -i IN -map 0 -c copy OUT.mkv");
    frame.pts = json_integer_value(pts);
    found->kind = (udm_noise_kind)kind;
    found->begins = cut;
    frame.scene = cut || !before ? frame.number : before->scene;
    g_array_append_val(plan->frames, frame);
    return TRUE;
}

static gboolean take_segment(GstUdmPlan *plan, json_t *line, udm_error *error)
{
    json_int_t first, count, warm_up;
    Segment segment;

    if (json_unpack(line, "{s:I, s:I, s:I}", "first", &first, "count", &count, "warm_up", &warm_up) || first < 0 ||
        count < 1 || warm_up < 0 || warm_up > first || warm_up > plan->warm_up)
        return udm_fail(error, UDM_ERROR_CORRUPT, "the segment lacks something");
    segment = (Segment){ first, warm_up };
    g_array_append_val(plan->segments, segment);
    return TRUE;
}

static gboolean take(GstUdmPlan *plan, json_t *line, udm_error *error)
{
    if (json_object_get(line, "udm-film"))
        return take_header(plan, line, error);
    if (!plan->begun)
        return udm_fail(error, UDM_ERROR_CORRUPT, "it has no header");
    if (json_object_get(line, "segment"))
        return take_segment(plan, line, error);
    if (json_object_get(line, "frame"))
        return take_frame(plan, line, error);
    plan->ended = json_object_get(line, "frames") != NULL;
    return plan->ended || udm_fail(error, UDM_ERROR_CORRUPT, "it is nothing that a plan has");
}

// ---- the file

static gboolean read_line(GstUdmPlan *plan, const char *text, udm_error *error)
{
    json_error_t wrong;
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &wrong);
    gboolean good = line ? take(plan, line, error) : udm_fail(error, UDM_ERROR_CORRUPT, "%s", wrong.text);

    json_decref(line);
    return good;
}

static gboolean read_lines(GstUdmPlan *plan, FILE *file, udm_error *error)
{
    g_autofree char *text = g_malloc(MOST_OF_A_LINE);
    udm_error why = { 0 };

    for (guint number = 1; fgets(text, MOST_OF_A_LINE, file); number++)
        if (!read_line(plan, text, &why))
            return udm_fail(error, why.code,
                            "%s is no plan that can be followed, line %u: %s. If it was changed, " AGAIN, plan->path,
                            number, why.message);
    if (ferror(file))
        return udm_fail(error, UDM_ERROR_UNREADABLE, "the plan %s cannot be read: %s. " WHICH, plan->path,
                        g_strerror(errno));
    if (!plan->ended || plan->frames->len == 0)
        return udm_fail(error, UDM_ERROR_CORRUPT, "the plan %s is not complete: " AGAIN " to its end", plan->path);
    return TRUE;
}

// Segments that do not begin with a scene are where it is split.
static gboolean mark_splits(GstUdmPlan *plan, udm_error *error)
{
    for (guint i = 0; i < plan->segments->len; i++) {
        const Segment *segment = &g_array_index(plan->segments, Segment, i);
        GstUdmPlanned *first = frame_at(plan, (guint64)segment->first);

        if (!first || (guint64)(segment->first - segment->warm_up) < first->scene)
            return udm_fail(error, UDM_ERROR_CORRUPT, "the segments of the plan %s are not its frames: " AGAIN,
                            plan->path);
        if (first->number == first->scene)
            continue;
        first->splits = TRUE;
        first->warm_up = (guint)segment->warm_up;
        for (guint n = 1; n <= first->warm_up; n++)
            frame_at(plan, first->number - n)->kept = TRUE;
    }
    return TRUE;
}

GParamSpec *gst_udm_plan_param(void)
{
    return g_param_spec_string("plan", "Plan (expert)", "The plan.jsonl of the film, as udm-film plan wrote it", NULL,
                               G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY |
                                   GST_UDM_PARAM_READS);
}

GstUdmPlan *gst_udm_plan_read(const char *path, udm_error *error)
{
    GstUdmPlan *plan;
    FILE *file = g_fopen(path, "rbe");
    gboolean good;

    if (!file) {
        udm_fail(error, errno == ENOENT ? UDM_ERROR_NOT_FOUND : UDM_ERROR_UNREADABLE,
                 "the plan %s cannot be opened: %s. " WHICH, path, g_strerror(errno));
        return NULL;
    }
    plan = g_new0(GstUdmPlan, 1);
    plan->path = g_strdup(path);
    plan->frames = g_array_new(FALSE, FALSE, sizeof(GstUdmPlanned));
    plan->segments = g_array_new(FALSE, FALSE, sizeof(Segment));
    good = read_lines(plan, file, error) && mark_splits(plan, error);
    fclose(file);
    if (good)
        return plan;
    gst_udm_plan_free(plan);
    return NULL;
}

// ---- what it says

const char *gst_udm_plan_path(const GstUdmPlan *plan)
{
    return plan->path;
}

gdouble gst_udm_plan_noise_level(const GstUdmPlan *plan)
{
    return plan->noise_level;
}

guint gst_udm_plan_warm_up(const GstUdmPlan *plan)
{
    return plan->warm_up;
}

gboolean gst_udm_plan_fits(const GstUdmPlan *plan, const GstVideoInfo *info, udm_error *error)
{
    if (GST_VIDEO_INFO_WIDTH(info) == plan->width && GST_VIDEO_INFO_HEIGHT(info) == plan->height)
        return TRUE;
    return udm_fail(error, UDM_ERROR_SETTINGS,
                    "the plan %s is of a film of %dx%d, and the frames are of %dx%d: put this element before what "
                    "scales them, or give the plan of this film",
                    plan->path, plan->width, plan->height, GST_VIDEO_INFO_WIDTH(info), GST_VIDEO_INFO_HEIGHT(info));
}

gdouble gst_udm_plan_seconds(const GstUdmPlan *plan, const GstUdmPlanned *a, const GstUdmPlanned *b)
{
    return (gdouble)(b->pts - a->pts) * plan->base_n / plan->base_d;
}

const GstUdmPlanned *gst_udm_plan_find(const GstUdmPlan *plan, GstClockTime time)
{
    guint low = 0, high = plan->frames->len; // the first frame from `time` - NEAR on lies between
    const GstUdmPlanned *found, *next;
    gint64 wanted;

    if (!GST_CLOCK_TIME_IS_VALID(time) || time > G_MAXINT64)
        return NULL;
    wanted = (gint64)time;
    while (low < high) {
        const guint middle = low + (high - low) / 2;

        if (frame_at(plan, middle)->time < wanted - (gint64)NEAR)
            low = middle + 1;
        else
            high = middle;
    }
    found = frame_at(plan, low);
    while (found && (next = frame_at(plan, found->number + 1)) && ABS(next->time - wanted) < ABS(found->time - wanted))
        found = next;
    return found && ABS(found->time - wanted) <= (gint64)NEAR ? found : NULL;
}

gboolean gst_udm_plan_goes_on(const GstUdmPlan *plan, GstClockTime time)
{
    return GST_CLOCK_TIME_IS_VALID(time) && (gint64)time > frame_at(plan, 0)->time &&
           (gint64)time < frame_at(plan, plan->frames->len - 1)->time;
}

void gst_udm_plan_lacks(const GstUdmPlan *plan, GstClockTime time, udm_error *error)
{
    udm_fail(error, UDM_ERROR_SETTINGS,
             "the plan %s has no frame at %" GST_TIME_FORMAT
             ": it is of another film, or something before this element changes the times. Run udm-film plan on this "
             "film, and put this element right behind the decoder",
             plan->path, GST_TIME_ARGS(time));
}

const GstUdmPlanned *gst_udm_plan_judged(const GstUdmPlan *plan, const GstUdmPlanned *frame, gint ahead)
{
    const GstUdmPlanned *first = frame, *next;
    guint place = 0, last = MIN(MAX(ahead, 0), UDM_FINDING_SETTLED);

    for (; place < last && first->number > 0 && !first->finding.begins; place++)
        first = frame_at(plan, first->number - 1);
    while (place++ < last && (next = frame_at(plan, frame->number + 1)) && !next->finding.begins)
        frame = next;
    return frame;
}
