/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files below one directory: no symbolic links, no dot files, a table of content types, ETag and 304. */
#ifndef ISTHMUS_HTTP_HTTP_STATIC_H
#define ISTHMUS_HTTP_HTTP_STATIC_H

#include "http/http_server.h"

/* Answers the request with path below root ("" or ending in '/': index.html), or 404. */
void http_static_answer(struct http_request *r, const char *root, const char *path);

#endif
