/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/util.h"

#include <stdarg.h>
#include <stdio.h>

/* Without memory for a few bytes there is nothing sensible left to do: stop at once, so that the supervisor
 * starts afresh. */
static void *alive(void *p)
{
    if (!p)
        abort();
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    return alive(calloc(count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
    return alive(strdup(s));
}

char *xasprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    return alive(text);
}
