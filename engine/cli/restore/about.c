// SPDX-License-Identifier: LGPL-2.1-or-later
// Copies tags, except those that the muxer writes itself and those about the old encoding.
#include "cli/restore/about.h"

#include <string.h>

#include <libavutil/avstring.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libavutil/timecode.h>

#include "cli/restore/container.h"

static void drop(AVDictionary **tags, const char *name)
{
    av_dict_set(tags, name, NULL, 0);
}

// The statistics of mkvmerge, with a language or without: "BPS", "BPS-eng".
static void drop_counts(AVDictionary **tags)
{
    static const char *const counted[] = { "BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "_STATISTICS_" };
    const AVDictionaryEntry *entry = NULL;
    while ((entry = av_dict_get(*tags, "", entry, AV_DICT_IGNORE_SUFFIX)))
        for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
            if (av_strstart(entry->key, counted[i], NULL)) {
                drop(tags, entry->key);
                entry = NULL; // av_dict_set() invalidates it
                break;
            }
}

// QuickTime has the bibliographic codes of ISO 639-2 for some languages.
static void name_language(AVDictionary **tags)
{
    static const char *const codes[][2] = { { "deu", "ger" }, { "nld", "dut" }, { "ell", "gre" }, { "isl", "ice" },
                                            { "zho", "chi" }, { "sqi", "alb" }, { "mkd", "mac" } };
    const AVDictionaryEntry *entry = av_dict_get(*tags, "language", NULL, 0);
    for (size_t i = 0; entry && i < sizeof codes / sizeof *codes; i++)
        if (strcmp(entry->value, codes[i][0]) == 0) {
            av_dict_set(tags, "language", codes[i][1], 0);
            return;
        }
}

bool about_stream(const AVOutputFormat *container, const AVStream *from, AVStream *to, bool restored)
{
    if (av_dict_copy(&to->metadata, from->metadata, 0) < 0)
        return false;
    drop(&to->metadata, "DURATION");
    const AVDictionaryEntry *title = av_dict_get(to->metadata, "title", NULL, 0);
    if (container_holds_matrix(container) && title) // the only name of a track in MP4
        av_dict_set(&to->metadata, "handler_name", title->value, 0);
    if (strcmp(container->name, "mov") == 0)
        name_language(&to->metadata);
    if (restored) {
        drop(&to->metadata, "encoder");
        drop_counts(&to->metadata);
    }
    return true;
}

static bool add_chapter(sink *s, const AVChapter *from, udm_error *error)
{
    const int64_t origin = av_rescale_q(s->origin, AV_TIME_BASE_Q, from->time_base);
    const int64_t end = s->end == INT64_MAX ? INT64_MAX : av_rescale_q(s->end, AV_TIME_BASE_Q, from->time_base);
    if (s->cut && (from->end <= origin || from->start >= end))
        return true;
    AVFormatContext *muxer = s->muxer;
    AVChapter *to = av_mallocz(sizeof *to);
    if (!to || av_reallocp_array(&muxer->chapters, muxer->nb_chapters + 1, sizeof *muxer->chapters) < 0) {
        av_free(to);
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a chapter");
    }
    to->id = from->id;
    to->time_base = from->time_base;
    to->start = s->cut ? FFMAX(from->start - origin, 0) : from->start - origin;
    to->end = FFMIN(from->end, end) - origin;
    muxer->chapters[muxer->nb_chapters++] = to;
    av_dict_copy(&to->metadata, from->metadata, 0);
    return true;
}

// Advances the timecode to the first frame that is kept.
static void move_timecode(const source *in, const sink *s, AVDictionary **tags)
{
    const AVDictionaryEntry *entry = av_dict_get(*tags, "timecode", NULL, 0);
    const int64_t begin = in->video->start_time == AV_NOPTS_VALUE
                              ? 0
                              : av_rescale_q(in->video->start_time, in->video->time_base, AV_TIME_BASE_Q);
    const AVRational rate = source_rate(in);
    char text[AV_TIMECODE_STR_SIZE];
    AVTimecode timecode;
    if (!s->cut || !entry || rate.num == 0 || av_timecode_init_from_string(&timecode, rate, entry->value, NULL) < 0)
        return;
    av_timecode_make_string(&timecode, text, (int)av_rescale_q(s->origin - begin, AV_TIME_BASE_Q, av_inv_q(rate)));
    av_dict_set(tags, "timecode", text, 0);
}

// Phones write tags with reverse domain names into QuickTime files: device, location. The muxer writes such tags only
// if all tags are written in that way.
static bool has_domains(const AVDictionary *tags)
{
    const AVDictionaryEntry *entry = NULL;
    while ((entry = av_dict_get(tags, "com.", entry, AV_DICT_IGNORE_SUFFIX)))
        if (strchr(entry->key + 4, '.'))
            return true;
    return false;
}

bool about_file(const source *in, sink *s, udm_error *error)
{
    AVFormatContext *muxer = s->muxer;
    if (av_dict_copy(&muxer->metadata, in->demuxer->metadata, 0) < 0)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for tags");
    static const char *const own[] = { "major_brand", "minor_version", "compatible_brands", "encoder" };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        drop(&muxer->metadata, own[i]);
    if (has_domains(muxer->metadata))
        av_opt_set(muxer, "movflags", "+use_metadata_tags", AV_OPT_SEARCH_CHILDREN); // other muxers lack the option
    for (unsigned i = 0; i < in->demuxer->nb_chapters; i++)
        if (!add_chapter(s, in->demuxer->chapters[i], error))
            return false;
    move_timecode(in, s, &muxer->metadata);
    move_timecode(in, s, &muxer->streams[s->video]->metadata);
    return true;
}
