/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the session prints: viewers are told of each document and can fetch it. */
#ifndef ISTHMUS_WEBSTREAM_STREAMER_PRINTS_H
#define ISTHMUS_WEBSTREAM_STREAMER_PRINTS_H

#include "http/http_server.h"
#include "webstream/streamer/channels.h"

struct prints;

/* path: the session's spool. channels is lent. */
int prints_create(struct loop *loop, const char *path, struct channels *channels, struct prints **ret_prints);
struct prints *prints_destroy(struct prints *prints); /* NULL-safe; returns NULL */
/* Somebody has come: tells what was printed while nobody was there. NULL-safe. */
void prints_announce(struct prints *prints);
/* GET /print/{time}; prints may be NULL. Any thread. */
void prints_answer(const struct prints *prints, struct http_request *r);

#endif
