// SPDX-License-Identifier: LGPL-2.1-or-later
// What a file says about itself and its streams: titles, languages, chapters, timecode.
#ifndef UDM_CLI_RESTORE_ABOUT_H
#define UDM_CLI_RESTORE_ABOUT_H

#include "cli/restore/sink.h"
#include "cli/restore/source.h"

// restored: tags about the old encoding are dropped.
bool about_stream(const AVOutputFormat *container, const AVStream *from, AVStream *to, bool restored);
// The tags, chapters and timecode of the file; sink_begin_at() was called.
bool about_file(const source *source, sink *sink, udm_error *error);

#endif
