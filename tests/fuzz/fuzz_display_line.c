// links: pool
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line between session host and streamer: what is taken says the same when it is built again. */
#include "pool/display_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct display_line line, again;
    char text[DISPLAY_LINE_MAX];
    if (display_line_parse((const char *)data, size, &line) < 0)
        return 0;
    int len = display_line_build(&line, text);
    if (len < 0 || display_line_parse(text, (size_t)len, &again) < 0 || line.verb != again.verb ||
        strcmp(line.password, again.password) != 0 || strcmp(line.participant, again.participant) != 0 ||
        strcmp(line.instance, again.instance) != 0 || line.display != again.display ||
        line.view_only != again.view_only || line.one_display != again.one_display)
        abort();
    return 0;
}
