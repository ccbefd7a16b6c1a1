/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/news.h"

#include "ovd/message/message_priv.h"

static void read_news(struct ovd_reader *in, const struct xml_node *root, struct ovd_news *news)
{
    const struct xml_node *node = xml_first(root, "new");

    news->items = ovd__array(in, root, "new", sizeof(*news->items), OVD_NEWS_MAX, &news->count);
    for (size_t i = 0; i < news->count; i++, node = xml_next(node, "new")) {
        news->items[i].title = ovd__str(in, node, "title", OVD_LINE_MAX);
        news->items[i].timestamp = ovd__int(in, node, "timestamp", 0, INT64_MAX, 0);
        news->items[i].text = ovd__text(in, node, OVD_TEXT_MAX);
        if (!news->items[i].title)
            ovd__refuse(in, node, "new needs title");
    }
}

int ovd_news_parse(const char *data, size_t len, xml_problem_fn problem, void *arg, struct ovd_news *ret_news)
{
    struct ovd_news news = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-news", "news", data, len, problem, arg);
    int r;

    if (root)
        read_news(&in, root, &news);
    r = ovd__close(&in);
    if (r < 0)
        ovd_news_finish(&news);
    else
        *ret_news = news;
    return r;
}

int ovd_news_build(const struct ovd_news *news, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, news->count > 0 ? "<news>" : "<news/>");
    for (size_t i = 0; i < news->count; i++) {
        ovd__raw(&w, "<new");
        ovd__put(&w, "title", news->items[i].title);
        ovd__put_int(&w, "timestamp", news->items[i].timestamp);
        ovd__raw(&w, ">");
        ovd__put_text(&w, news->items[i].text);
        ovd__raw(&w, "</new>");
    }
    ovd__raw(&w, news->count > 0 ? "</news>" : "");
    return ovd__end(&w);
}

void ovd_news_finish(struct ovd_news *news)
{
    if (!news)
        return;
    for (size_t i = 0; i < news->count; i++) {
        free(news->items[i].title);
        free(news->items[i].text);
    }
    free(news->items);
    *news = (struct ovd_news){0};
}
