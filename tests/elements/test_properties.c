// SPDX-License-Identifier: LGPL-2.1-or-later
// What applications, editors and bindings show and use of the elements: names, texts and documentation of properties.
#include "harness.h"

static const char *const elements[] = { "udmdenoise", "udminterp", "udmsrc", "udmslowmotion" };

// Of Python and of C++, for which a property may become an attribute or a variable.
static const char *const keywords[] = {
    "and",    "as",       "assert",   "async",    "auto",     "await",    "bool",     "break",     "case",
    "catch",  "char",     "class",    "const",    "continue", "def",      "default",  "del",       "delete",
    "do",     "double",   "elif",     "else",     "enum",     "except",   "explicit", "export",    "extern",
    "false",  "finally",  "float",    "for",      "friend",   "from",     "global",   "goto",      "if",
    "import", "in",       "inline",   "int",      "is",       "lambda",   "long",     "mutable",   "namespace",
    "new",    "nonlocal", "not",      "operator", "or",       "pass",     "private",  "protected", "public",
    "raise",  "register", "requires", "return",   "short",    "signed",   "sizeof",   "static",    "struct",
    "switch", "template", "this",     "throw",    "true",     "try",      "typedef",  "typeid",    "typename",
    "union",  "unsigned", "using",    "virtual",  "void",     "volatile", "while",    "with",      "xor",
    "yield",  NULL,
};

static GstElement *make(const char *name)
{
    GstElement *element = gst_element_factory_make(name, NULL);

    fail_unless(element != NULL, "there is no %s: is GST_PLUGIN_PATH set?", name);
    return gst_object_ref_sink(element);
}

static GParamSpec **list_properties(GstElement *element, guint *count)
{
    GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), count);

    fail_unless(*count > 5, "%s has %u properties", GST_OBJECT_NAME(element), *count);
    return specs;
}

static gboolean is_ours(const GParamSpec *spec)
{
    return g_str_has_prefix(g_type_name(spec->owner_type), "GstUdm");
}

static void check_texts(const char *element, GParamSpec *spec)
{
    const char *nick = g_param_spec_get_nick(spec), *blurb = g_param_spec_get_blurb(spec);

    fail_unless(nick && *nick, "%s: %s has no nick", element, spec->name);
    fail_unless(blurb && *blurb, "%s: %s has no blurb", element, spec->name);
    fail_unless(g_ascii_strcasecmp(nick, blurb) != 0, "%s: the blurb of %s repeats its nick", element, spec->name);
    fail_if(g_strv_contains(keywords, spec->name), "%s: %s is a keyword", element, spec->name);
    if (is_ours(spec)) {
        fail_unless(g_ascii_isupper(nick[0]) && g_ascii_isupper(blurb[0]), "%s: texts of %s", element, spec->name);
        fail_if(g_str_has_suffix(blurb, "."), "%s: the blurb of %s is a phrase", element, spec->name);
    }
}

GST_START_TEST(properties_have_names_and_texts)
{
    GstElement *element = make(elements[__i__]);
    guint count;
    GParamSpec **specs = list_properties(element, &count);

    for (guint i = 0; i < count; i++)
        check_texts(elements[__i__], specs[i]);
    g_free(specs);
    gst_object_unref(element);
}
GST_END_TEST;

// Editors read all that they can write, and show what they read.
GST_START_TEST(properties_can_be_read_back)
{
    GstElement *element = make(elements[__i__]);
    guint count;
    GParamSpec **specs = list_properties(element, &count);

    for (guint i = 0; i < count; i++) {
        GValue value = G_VALUE_INIT;

        fail_unless(specs[i]->flags & G_PARAM_READABLE, "%s cannot be read", specs[i]->name);
        g_value_init(&value, specs[i]->value_type);
        g_object_get_property(G_OBJECT(element), specs[i]->name, &value);
        if (is_ours(specs[i]) && specs[i]->flags & G_PARAM_WRITABLE) {
            fail_unless(g_param_value_defaults(specs[i], &value), "%s is not its default", specs[i]->name);
            g_object_set_property(G_OBJECT(element), specs[i]->name, &value);
        }
        g_value_unset(&value);
    }
    g_free(specs);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- enumerations

static void check_values(GType type)
{
    GEnumClass *values = g_type_class_ref(type);

    for (guint i = 0; i < values->n_values; i++) {
        char *start = g_strconcat(values->values[i].value_nick, ": ", NULL);
        const char *text = values->values[i].value_name;

        fail_unless(g_str_has_prefix(text, start) && strlen(text) > strlen(start), "%s: \"%s\"", g_type_name(type),
                    text);
        g_free(start);
    }
    fail_unless(gst_type_is_plugin_api(type, NULL), "%s is not marked as API", g_type_name(type));
    g_type_class_unref(values);
}

GST_START_TEST(values_of_enumerations_begin_with_their_names)
{
    GstElement *element = make(elements[__i__]);
    guint count, enumerations = 0;
    GParamSpec **specs = list_properties(element, &count);

    for (guint i = 0; i < count; i++) {
        if (!is_ours(specs[i]) || !G_IS_PARAM_SPEC_ENUM(specs[i]))
            continue;
        check_values(specs[i]->value_type);
        enumerations++;
    }
    fail_unless(enumerations >= 4);
    g_free(specs);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- views: an editor's page

static gint get_enum(GstElement *element, const char *name)
{
    gint value;

    g_object_get(element, name, &value, NULL);
    return value;
}

// The nick of what a property is.
static const char *named(GstElement *element, const char *name)
{
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), name);

    return g_enum_get_value(G_PARAM_SPEC_ENUM(spec)->enum_class, get_enum(element, name))->value_nick;
}

static void set_by_name(GstElement *element, const char *name, const char *value)
{
    gst_util_set_object_arg(G_OBJECT(element), name, value);
}

static void count_call(GObject *object, GParamSpec *spec, gpointer count)
{
    ++*(guint *)count;
}

static void assert_model(GstElement *element, const char *wanted)
{
    char *model;

    g_object_get(element, "model", &model, NULL);
    assert_equals_string(model, wanted);
    g_free(model);
}

GST_START_TEST(quality_is_a_view_of_what_takes_time)
{
    GstElement *element = make("udmdenoise");
    guint calls = 0;
    gint lookahead, ensemble;

    g_signal_connect(element, "notify::quality", G_CALLBACK(count_call), &calls);
    assert_equals_string(named(element, "quality"), "balanced");
    set_by_name(element, "quality", "best");
    g_object_get(element, "lookahead", &lookahead, "ensemble", &ensemble, NULL);
    assert_equals_int(lookahead, 4);
    assert_equals_int(ensemble, 2);
    assert_equals_string(named(element, "quality"), "best");
    g_object_set(element, "ensemble", 8, NULL);
    assert_equals_string(named(element, "quality"), "custom");
    set_by_name(element, "quality", "custom"); // as a project is loaded: leaves what is set
    g_object_get(element, "ensemble", &ensemble, NULL);
    assert_equals_int(ensemble, 8);
    set_by_name(element, "quality", "live");
    g_object_get(element, "lookahead", &lookahead, "ensemble", &ensemble, NULL);
    assert_equals_int(lookahead, 0);
    assert_equals_int(ensemble, 1);
    assert_equals_string(named(element, "quality"), "live");
    assert_model(element, "denoise-live");
    g_object_set(element, "model", "auto", NULL);
    assert_equals_string(named(element, "quality"), "custom");
    set_by_name(element, "quality", "live");
    set_by_name(element, "quality", "balanced");
    assert_equals_string(named(element, "quality"), "balanced");
    assert_model(element, "auto");
    g_object_set(element, "model", "deblur", NULL); // has no other size
    set_by_name(element, "quality", "live");
    assert_equals_string(named(element, "quality"), "live");
    assert_model(element, "deblur");
    fail_unless(calls >= 4);
    gst_object_unref(element);
}
GST_END_TEST;

GST_START_TEST(restore_is_a_view_of_the_model)
{
    GstElement *element = make("udmdenoise");
    guint calls = 0;
    char *model;

    assert_equals_string(named(element, "restore"), "model"); // the default is none of the tests' models
    g_signal_connect(element, "notify::restore", G_CALLBACK(count_call), &calls);
    set_by_name(element, "restore", "tiny-denoise");
    g_object_get(element, "model", &model, NULL);
    assert_equals_string(model, "tiny-denoise");
    g_free(model);
    g_object_set(element, "model", "/some/where", NULL);
    assert_equals_string(named(element, "restore"), "model");
    set_by_name(element, "restore", "model"); // as a project is loaded
    g_object_get(element, "model", &model, NULL);
    assert_equals_string(model, "/some/where");
    g_free(model);
    g_object_set(element, "model", "tiny-temporal", NULL);
    assert_equals_string(named(element, "restore"), "tiny-temporal");
    fail_unless(calls >= 3);
    gst_object_unref(element);
}
GST_END_TEST;

// What generates, or refines frames between others, is not among what restores.
GST_START_TEST(restore_lists_models_that_restore)
{
    GstElement *element = make("udmdenoise");
    GEnumClass *values =
        G_PARAM_SPEC_ENUM(g_object_class_find_property(G_OBJECT_GET_CLASS(element), "restore"))->enum_class;

    fail_unless(g_enum_get_value_by_nick(values, "tiny-denoise") != NULL);
    fail_unless(g_enum_get_value_by_nick(values, "tiny-grey") != NULL);
    fail_unless(g_enum_get_value_by_nick(values, "tiny-video") == NULL);
    fail_unless(g_enum_get_value_by_nick(values, "unet2d-ddpm") == NULL);
    gst_object_unref(element);
}
GST_END_TEST;

// ---- what is the same in two elements

GST_START_TEST(lookahead_is_the_same_property_in_both_filters)
{
    GstElement *denoise = make("udmdenoise"), *interp = make("udminterp");
    GParamSpec *one = g_object_class_find_property(G_OBJECT_GET_CLASS(denoise), "lookahead");
    GParamSpec *other = g_object_class_find_property(G_OBJECT_GET_CLASS(interp), "lookahead");

    fail_unless(one->value_type == G_TYPE_INT && other->value_type == G_TYPE_INT);
    assert_equals_int(one->flags, other->flags);
    assert_equals_int(G_PARAM_SPEC_INT(one)->minimum, -1); // by itself
    assert_equals_int(G_PARAM_SPEC_INT(one)->default_value, -1);
    assert_equals_int(G_PARAM_SPEC_INT(other)->minimum, 0);
    gst_object_unref(denoise);
    gst_object_unref(interp);
}
GST_END_TEST;

// Those of the filters belong to their base class, and are documented there.
GST_START_TEST(the_source_has_the_properties_that_all_elements_share)
{
    static const char *const shared[] = { "model",   "device",   "precision", "n-threads", "steps",
                                          "sampler", "schedule", "spacing",   "seed",      "stats" };
    GstElement *source = make("udmsrc"), *filter = make("udmdenoise");

    for (guint i = 0; i < G_N_ELEMENTS(shared); i++) {
        GParamSpec *one = g_object_class_find_property(G_OBJECT_GET_CLASS(source), shared[i]);
        GParamSpec *other = g_object_class_find_property(G_OBJECT_GET_CLASS(filter), shared[i]);

        fail_unless(one && other, "%s", shared[i]);
        fail_unless(one->value_type == other->value_type, "%s", shared[i]);
        // A source has nothing to pass through while a model is missing, so it takes one only before it starts.
        if (!g_str_equal(shared[i], "model"))
            assert_equals_int(one->flags, other->flags);
    }
    gst_object_unref(source);
    gst_object_unref(filter);
}
GST_END_TEST;

// ---- documentation

static void append_sources(GString *text, const char *folder)
{
    char *path = g_build_filename(g_getenv("UDM_SOURCE_ROOT"), folder, NULL);
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    fail_unless(dir != NULL, "%s cannot be listed: is UDM_SOURCE_ROOT set?", path);
    while ((name = g_dir_read_name(dir))) {
        char *file = g_build_filename(path, name, NULL), *contents;

        if (g_str_has_suffix(name, ".c")) {
            fail_unless(g_file_get_contents(file, &contents, NULL, NULL), "cannot read %s", file);
            g_string_append(text, contents);
            g_free(contents);
        }
        g_free(file);
    }
    g_dir_close(dir);
    g_free(path);
}

// The comment that begins with this line, or NULL.
static char *find_block(const GString *sources, const char *title)
{
    char *start = g_strdup_printf("/**\n * %s\n", title), *indented = g_strdup_printf("/**\n     * %s\n", title);
    const char *found = strstr(sources->str, start), *end;

    if (!found)
        found = strstr(sources->str, indented);
    end = found ? strstr(found, "*/") : NULL;
    g_free(start);
    g_free(indented);
    return end ? g_strndup(found, (gsize)(end - found)) : NULL;
}

static void expect_block(const GString *sources, const char *title)
{
    char *block = find_block(sources, title);

    fail_unless(block != NULL, "there is no block of documentation \"%s\"", title);
    fail_unless(strstr(block, "* Since: ") != NULL, "\"%s\" does not say since when", title);
    g_free(block);
}

static guint count_lines(const char *block)
{
    guint count = 0;

    for (const char *line = block; (line = strstr(line, "* |[\n")); line++)
        count++;
    return count;
}

GST_START_TEST(elements_and_properties_are_documented)
{
    static const char *const folders[] = { "gst", "elements/denoise", "elements/interp", "elements/src",
                                           "elements/slowmotion" };
    GString *sources = g_string_new("");
    GstElement *element = make(elements[__i__]);
    char *section = g_strdup_printf("SECTION:element-%s", elements[__i__]), *block;
    guint count;
    GParamSpec **specs = list_properties(element, &count);

    for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
        append_sources(sources, folders[i]);
    expect_block(sources, section);
    block = find_block(sources, section);
    fail_unless(count_lines(block) >= 2, "%s has %u launch lines", section, count_lines(block));
    for (guint i = 0; i < count; i++) {
        char *title = g_strdup_printf("%s:%s:", g_type_name(specs[i]->owner_type), specs[i]->name);

        if (is_ours(specs[i]))
            expect_block(sources, title);
        g_free(title);
    }
    g_free(specs);
    g_free(block);
    g_free(section);
    g_string_free(sources, TRUE);
    gst_object_unref(element);
}
GST_END_TEST;

// Editors list what has Effect and Video in its class, by its long name.
GST_START_TEST(elements_are_found_by_class_and_long_name)
{
    static const char *const classes[] = { "Filter/Effect/Video", "Filter/Effect/Video", "Source/Video",
                                           "Filter/Effect/Video" };
    static const char *const names[] = { "Denoise", "Frame rate", "Video generator", "Slow motion" };
    GstElement *element = make(elements[__i__]);
    GstElementClass *klass = GST_ELEMENT_GET_CLASS(element);
    const char *name = gst_element_class_get_metadata(klass, GST_ELEMENT_METADATA_LONGNAME);

    assert_equals_string(gst_element_class_get_metadata(klass, GST_ELEMENT_METADATA_KLASS), classes[__i__]);
    fail_unless(g_str_has_prefix(name, names[__i__]) && strstr(name, "(diffusion)"), "%s", name);
    fail_unless(gst_element_class_get_metadata(klass, GST_ELEMENT_METADATA_ICON_NAME) != NULL);
    gst_object_unref(element);
}
GST_END_TEST;

static Suite *properties_suite(void)
{
    Suite *suite = suite_create("properties");
    TCase *properties = tcase_create("properties");

    tcase_add_loop_test(properties, properties_have_names_and_texts, 0, G_N_ELEMENTS(elements));
    tcase_add_loop_test(properties, properties_can_be_read_back, 0, G_N_ELEMENTS(elements));
    tcase_add_loop_test(properties, values_of_enumerations_begin_with_their_names, 0, 3);
    tcase_add_test(properties, quality_is_a_view_of_what_takes_time);
    if (!engine_is_fake()) { // which takes all for models that generate
        tcase_add_test(properties, restore_is_a_view_of_the_model);
        tcase_add_test(properties, restore_lists_models_that_restore);
    }
    tcase_add_test(properties, lookahead_is_the_same_property_in_both_filters);
    tcase_add_test(properties, the_source_has_the_properties_that_all_elements_share);
    tcase_add_loop_test(properties, elements_and_properties_are_documented, 0, G_N_ELEMENTS(elements));
    tcase_add_loop_test(properties, elements_are_found_by_class_and_long_name, 0, G_N_ELEMENTS(elements));
    suite_add_tcase(suite, properties);
    return suite;
}

int main(int argc, char **argv)
{
    return run_suite(properties_suite(), &argc, &argv);
}
