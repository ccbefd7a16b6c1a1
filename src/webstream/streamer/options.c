/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/streamer/options.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/file.h"
#include "base/str.h"

enum option_id {
    OPT_CONTROL = 1,
    OPT_USERNAME,
    OPT_STANDALONE,
    OPT_X11,
    OPT_XAUTHORITY,
    OPT_DISPLAY,
    OPT_WS,
    OPT_HTTP,
    OPT_BIND,
    OPT_KEY_FILE,
    OPT_SESSION,
    OPT_FPS,
    OPT_COMPRESSION,
    OPT_MAX_WIDTH,
    OPT_MAX_HEIGHT,
    OPT_RFB,
};

static const struct option_row {
    const char *name;
    enum option_id id;
    bool has_value;
} rows[] = {
    {"control", OPT_CONTROL, true},
    {"username", OPT_USERNAME, true},
    {"standalone", OPT_STANDALONE, false},
    {"x11", OPT_X11, true},
    {"xauthority", OPT_XAUTHORITY, true},
    {"display", OPT_DISPLAY, true},
    {"ws", OPT_WS, true},
    {"http", OPT_HTTP, true},
    {"bind", OPT_BIND, true},
    {"key-file", OPT_KEY_FILE, true},
    {"session", OPT_SESSION, true},
    {"fps", OPT_FPS, true},
    {"compression", OPT_COMPRESSION, true},
    {"max-width", OPT_MAX_WIDTH, true},
    {"max-height", OPT_MAX_HEIGHT, true},
    {"rfb", OPT_RFB, true},
};

static int read_key(const char *path, uint8_t key[32])
{
    cleanup_free char *text = NULL;
    size_t len;
    int r = file_read(AT_FDCWD, path, 4096, &text, &len);

    if (r < 0)
        return r;
    text[strcspn(text, "\r\n")] = '\0';
    return hex_decode(text, key, 32);
}

static int set_number(const char *value, int64_t min, int64_t max, int *ret_number)
{
    int64_t number;
    int r = str_to_int(value, min, max, &number);

    if (r == 0)
        *ret_number = (int)number;
    return r;
}

static int set_unsigned(const char *value, int64_t max, unsigned *ret_number)
{
    int number, r = set_number(value, 0, max, &number);

    if (r == 0)
        *ret_number = (unsigned)number;
    return r;
}

static int set(struct streamer_options *o, enum option_id id, const char *value)
{
    struct session_info *i = &o->info;

    switch (id) {
    case OPT_CONTROL:
        o->control = value;
        return 0;
    case OPT_USERNAME:
        o->username = value;
        return 0;
    case OPT_STANDALONE:
        return 0;
    case OPT_X11:
        return str_copy(i->x11, sizeof(i->x11), value);
    case OPT_XAUTHORITY:
        return str_copy(i->xauthority, sizeof(i->xauthority), value);
    case OPT_DISPLAY:
        return set_unsigned(value, 65535, &i->display);
    case OPT_WS:
        return set_unsigned(value, 65535, &i->ws_port);
    case OPT_HTTP:
        return set_unsigned(value, 65535, &i->http_port);
    case OPT_BIND:
        return str_copy(i->bind, sizeof(i->bind), value);
    case OPT_KEY_FILE:
        return read_key(value, i->key);
    case OPT_SESSION:
        return str_copy(i->session_id, sizeof(i->session_id), value);
    case OPT_FPS:
        return set_number(value, 1, 60, &i->frame_rate);
    case OPT_COMPRESSION:
        return set_number(value, 0, 2, &i->compression);
    case OPT_MAX_WIDTH:
        return set_number(value, 200, 7680, &i->max_width);
    case OPT_MAX_HEIGHT:
        return set_number(value, 200, 4320, &i->max_height);
    case OPT_RFB:
        return str_copy(i->rfb, sizeof(i->rfb), value);
    }
    return -EINVAL;
}

static bool complete(const struct streamer_options *o, const bool *seen)
{
    if (seen[OPT_STANDALONE])
        return !o->control && seen[OPT_X11] && seen[OPT_XAUTHORITY] && seen[OPT_DISPLAY] && seen[OPT_WS] &&
               seen[OPT_HTTP] && seen[OPT_KEY_FILE] && seen[OPT_SESSION];
    return o->control && o->username;
}

int streamer_options_parse(int argc, char **argv, struct streamer_options *ret_options)
{
    struct option long_options[ARRAY_SIZE(rows) + 1] = {0};
    bool seen[OPT_RFB + 1] = {false};
    struct streamer_options o = {0};
    int id;

    session_info_init(&o.info);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        long_options[i] = (struct option){rows[i].name, rows[i].has_value ? required_argument : no_argument,
                                          NULL, rows[i].id};
    optind = 1;
    while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (id == '?')
            return -EINVAL;
        seen[id] = true;
        if (set(&o, (enum option_id)id, optarg) < 0) {
            fprintf(stderr, "streamer: --%s %s: not possible\n", rows[id - 1].name, optarg);
            return -EINVAL;
        }
    }
    if (optind != argc || !complete(&o, seen)) {
        fprintf(
            stderr,
            "usage: streamer --control PATH --username NAME\n"
            "       streamer --standalone --x11 PATH --xauthority FILE --display N --ws PORT --http PORT\n"
            "                --key-file FILE --session ID [--bind ADDRESS] [--fps N] [--compression N]\n"
            "                [--max-width N] [--max-height N] [--rfb PATH]\n");
        return -EINVAL;
    }
    *ret_options = o;
    return 0;
}
