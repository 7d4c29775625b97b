// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that an editor's page is for, each a view of others.
#include "page.h"

#include "choices.h"
#include "options.h"

enum {
    PROP_RESTORE = GST_UDM_PROP_OWN + 100,
    PROP_QUALITY,
};

// ---- restore

// Whether it restores frames of any size: others generate, or are for udminterp.
static gboolean restores(const char *name)
{
    udm_model *model = udm_model_open(name, NULL);
    udm_info info;
    gboolean does = model && udm_model_info(model, &info, sizeof info, NULL) && info.width == 0 && info.frames == 0 &&
                    udm_model_degradation(model)->most <= 1000;

    udm_model_free(model);
    return does;
}

typedef struct Found {
    udm_found found;
    void *context;
} Found;

static void pass_restoring(void *context, const char *name, const char *about)
{
    const Found *to = context;

    if (restores(name))
        to->found(to->context, name, *about ? about : "has no card");
}

static void list_restoring(udm_found found, void *context)
{
    udm_list_models(pass_restoring, &(Found){ found, context });
}

// Of the models that were there when the type was first needed.
static GType restore_type(void)
{
    static gsize type = 0;

    return gst_udm_choices_type(&type, "GstUdmRestore", "what the property model says, such as a directory",
                                list_restoring);
}

// ---- quality

enum { LIVE, BALANCED, BEST, CUSTOM };

static GType quality_type(void)
{
    static const GEnumValue values[] = {
        { LIVE, "live: fast, for playback and cameras, by a smaller model of noise", "live" },
        { BALANCED, "balanced: as good as it gets in one pass", "balanced" },
        { BEST, "best: twice the time, for the final render", "best" },
        { CUSTOM, "custom: as the properties model, precision, lookahead and ensemble are set", "custom" },
        { 0, NULL, NULL },
    };
    static gsize type = 0;

    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstUdmQuality", values));
    return type;
}

typedef struct Cost {
    gint precision, lookahead, ensemble;
} Cost;

static gint default_of(GObject *object, const char *name)
{
    const GValue *value =
        g_param_spec_get_default_value(g_object_class_find_property(G_OBJECT_GET_CLASS(object), name));

    return G_VALUE_HOLDS_ENUM(value) ? g_value_get_enum(value) : g_value_get_int(value);
}

static Cost cost_of(GObject *object, gint quality)
{
    const GType precisions = gst_udm_precision_get_type();

    switch (quality) {
    case LIVE:
        return (Cost){ gst_udm_choice_value(precisions, "auto"), 0, 1 };
    case BEST:
        return (Cost){ gst_udm_choice_value(precisions, "f32"), 4, 2 };
    default:
        return (Cost){ default_of(object, "precision"), default_of(object, "lookahead"),
                       default_of(object, "ensemble") };
    }
}

#define LIVE_MODEL "denoise-live"

static char *model_of(GObject *object)
{
    char *model;

    g_object_get(object, "model", &model, NULL);
    return model;
}

// Live is the one quality that has a model of its own, instead of the default one; what others restore is not its
// business.
static void set_model(GObject *object, gint quality)
{
    char *model = model_of(object);

    if (quality == LIVE && g_strcmp0(model, GST_UDM_DENOISE_DEFAULT_MODEL) == 0)
        g_object_set(object, "model", LIVE_MODEL, NULL);
    else if (quality != LIVE && g_strcmp0(model, LIVE_MODEL) == 0)
        g_object_set(object, "model", GST_UDM_DENOISE_DEFAULT_MODEL, NULL);
    g_free(model);
}

static gboolean has_model_for(GObject *object, gint quality)
{
    char *model = model_of(object);
    const gboolean has = g_strcmp0(model, quality == LIVE ? GST_UDM_DENOISE_DEFAULT_MODEL : LIVE_MODEL) != 0;

    g_free(model);
    return has;
}

static gint quality_of(GObject *object)
{
    static const gint qualities[] = { BALANCED, LIVE, BEST };
    Cost is;

    g_object_get(object, "precision", &is.precision, "lookahead", &is.lookahead, "ensemble", &is.ensemble, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(qualities); i++) {
        const Cost other = cost_of(object, qualities[i]);

        if (is.precision == other.precision && is.lookahead == other.lookahead && is.ensemble == other.ensemble &&
            has_model_for(object, qualities[i]))
            return qualities[i];
    }
    return CUSTOM;
}

// ---- both

gboolean gst_udm_denoise_page_set(GObject *object, guint id, const GValue *value)
{
    const gint number = id == PROP_RESTORE || id == PROP_QUALITY ? g_value_get_enum(value) : 0;
    const Cost cost = cost_of(object, number);

    if (id == PROP_RESTORE && number > 0)
        g_object_set(object, "model", gst_udm_choice_name(restore_type(), number), NULL);
    if (id == PROP_QUALITY && number != CUSTOM) {
        g_object_set(object, "precision", cost.precision, "lookahead", cost.lookahead, "ensemble", cost.ensemble, NULL);
        set_model(object, number);
    }
    return id == PROP_RESTORE || id == PROP_QUALITY;
}

gboolean gst_udm_denoise_page_get(GObject *object, guint id, GValue *value)
{
    char *model;

    if (id == PROP_QUALITY) {
        g_value_set_enum(value, quality_of(object));
    } else if (id == PROP_RESTORE) {
        g_object_get(object, "model", &model, NULL);
        g_value_set_enum(value, gst_udm_choice_value(restore_type(), model ? model : ""));
        g_free(model);
    }
    return id == PROP_RESTORE || id == PROP_QUALITY;
}

void gst_udm_denoise_page_follow(GObject *object, const GParamSpec *spec)
{
    const gboolean model = g_str_equal(spec->name, "model");

    if (model)
        g_object_notify(object, "restore");
    if (model || g_str_equal(spec->name, "precision") || g_str_equal(spec->name, "lookahead") ||
        g_str_equal(spec->name, "ensemble"))
        g_object_notify(object, "quality");
}

void gst_udm_denoise_page_install(GObjectClass *object_class)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

    /**
     * GstUdmDenoise:restore:
     *
     * What to restore: the installed models that do, to choose from. It is a view of #GstUdmDenoise:model, which it
     * sets; "model" is shown if that is none of these.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_RESTORE,
        g_param_spec_enum("restore", "Restore", "What to restore: one of the installed models", restore_type(),
                          gst_udm_choice_value(restore_type(), GST_UDM_DENOISE_DEFAULT_MODEL), flags));
    /**
     * GstUdmDenoise:quality:
     *
     * How much time to take. It is a view of #GstUdmTransform:precision, #GstUdmDenoise:lookahead and
     * #GstUdmDenoise:ensemble, which it sets: "balanced" to what they are by default, "live" to the fastest, and "best"
     * to four frames ahead and two views of each frame. "live" also sets #GstUdmDenoise:model to "denoise-live" if it
     * is "auto", and the others set it back.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_QUALITY,
        g_param_spec_enum("quality", "Quality", "How much time to take", quality_type(), BALANCED, flags));
    gst_type_mark_as_plugin_api(quality_type(), 0);
}
