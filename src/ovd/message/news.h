/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of a Session Manager's get_news.php. Schema ovd-news. */
#ifndef ISTHMUS_OVD_MESSAGE_NEWS_H
#define ISTHMUS_OVD_MESSAGE_NEWS_H

#include "base/buf.h"
#include "xml/xml.h"

struct ovd_news_item {
    char *title;
    int64_t timestamp; /* Unix time */
    char *text;
};

struct ovd_news {
    struct ovd_news_item *items;
    size_t count;
};

/* White space around a text is not part of it. -EINVAL or -EMSGSIZE after telling why. ovd_news_finish
 * afterwards. */
int ovd_news_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                   struct ovd_news *ret_news);
int ovd_news_build(const struct ovd_news *news, struct buf *out);
void ovd_news_finish(struct ovd_news *news); /* NULL-safe */

#endif
