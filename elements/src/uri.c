// SPDX-License-Identifier: LGPL-2.1-or-later
// An element's properties as a URI.
#include "uri.h"

#include "settings.h"

static gboolean belongs(const GParamSpec *spec, GType owner)
{
    return (spec->flags & G_PARAM_WRITABLE) && !(spec->flags & GST_UDM_PARAM_READS) && spec->owner_type == owner &&
           !g_str_equal(spec->name, "model");
}

static void add_to_query(GstUri *uri, GObject *object, GParamSpec *spec)
{
    GValue value = G_VALUE_INIT;

    g_value_init(&value, spec->value_type);
    g_object_get_property(object, spec->name, &value);
    if (!g_param_value_defaults(spec, &value)) {
        char *text = gst_value_serialize(&value);

        gst_uri_set_query_value(uri, spec->name, text);
        g_free(text);
    }
    g_value_unset(&value);
}

static gchar *uri_of(GstURIHandler *handler)
{
    GObject *object = G_OBJECT(handler);
    const GType owner = G_OBJECT_TYPE(object);
    guint count;
    GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(object), &count);
    gboolean directory;
    char *model, *text;
    GstUri *uri;

    g_object_get(object, "model", &model, NULL);
    directory = model && strchr(model, '/');
    uri = gst_uri_new(GST_UDM_URI_PROTOCOL, NULL, directory ? "" : model, GST_URI_NO_PORT, directory ? model : NULL,
                      NULL, NULL);
    for (guint i = 0; i < count; i++)
        if (belongs(specs[i], owner))
            add_to_query(uri, object, specs[i]);
    text = gst_uri_to_string(uri);
    gst_uri_unref(uri);
    g_free(model);
    g_free(specs);
    return text;
}

static gboolean set_one(GObject *object, GType owner, const char *name, const char *text, GError **error)
{
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(object), name);
    GValue value = G_VALUE_INIT;
    gboolean good = FALSE;

    if (spec && belongs(spec, owner)) {
        g_value_init(&value, spec->value_type);
        good = text && gst_value_deserialize(&value, text) && !g_param_value_validate(spec, &value);
        if (good)
            g_object_set_property(object, name, &value);
        g_value_unset(&value);
    }
    if (!good)
        g_set_error(error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI, "Invalid property or value in the URI: %s=%s", name,
                    text ? text : "");
    return good;
}

static void set_model(GObject *object, const GstUri *uri)
{
    const char *host = gst_uri_get_host(uri);
    char *path = gst_uri_get_path(uri);

    if (host && *host)
        g_object_set(object, "model", host, NULL);
    else if (path && *path)
        g_object_set(object, "model", path, NULL);
    g_free(path);
}

static gboolean set_all(GObject *object, GType owner, const GstUri *uri, GError **error)
{
    GHashTable *query = gst_uri_get_query_table(uri);
    gboolean good = TRUE;
    gpointer name, text;
    GHashTableIter iter;

    if (!query)
        return TRUE;
    g_hash_table_iter_init(&iter, query);
    while (good && g_hash_table_iter_next(&iter, &name, &text))
        good = set_one(object, owner, name, text, error);
    g_hash_table_unref(query);
    return good;
}

static gboolean take(GObject *object, GType owner, const char *text, GError **error)
{
    GstUri *uri = gst_uri_from_string(text);
    gboolean good;

    if (!uri) {
        g_set_error(error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
                    "Invalid URI \"%s\": expected udm://MODEL?property=value&...", text);
        return FALSE;
    }
    set_model(object, uri);
    good = set_all(object, owner, uri, error);
    gst_uri_unref(uri);
    return good;
}

static gboolean set_uri(GstURIHandler *handler, const gchar *uri, GError **error)
{
    gboolean stopped;

    GST_OBJECT_LOCK(handler);
    stopped = GST_STATE(handler) <= GST_STATE_READY;
    GST_OBJECT_UNLOCK(handler);
    if (stopped)
        return take(G_OBJECT(handler), G_OBJECT_TYPE(handler), uri, error);
    g_set_error(error, GST_URI_ERROR, GST_URI_ERROR_BAD_STATE,
                "The URI of %s can only be changed in the NULL and READY states", GST_OBJECT_NAME(handler));
    return FALSE;
}

static GstURIType get_type(GType type)
{
    (void)type;
    return GST_URI_SRC;
}

static const gchar *const *get_protocols(GType type)
{
    static const gchar *protocols[] = { GST_UDM_URI_PROTOCOL, NULL };

    (void)type;
    return protocols;
}

void gst_udm_uri_handler_init(gpointer interface, gpointer data)
{
    GstURIHandlerInterface *handler = interface;

    (void)data;
    handler->get_type = get_type;
    handler->get_protocols = get_protocols;
    handler->get_uri = uri_of;
    handler->set_uri = set_uri;
}
