/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISTHMUS_WEBSTREAM_STREAMER_OPTIONS_H
#define ISTHMUS_WEBSTREAM_STREAMER_OPTIONS_H

#include "webstream/streamer/session_info.h"

/* The command line of streamer.h. Strings are argv's. */
struct streamer_options {
    const char *control; /* NULL: alone */
    const char *username;
    struct session_info info; /* alone */
};

/* 0; -EINVAL after saying on standard error what is wrong. */
int streamer_options_parse(int argc, char **argv, struct streamer_options *ret_options);

#endif
