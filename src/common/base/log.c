/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/str_priv.h"

#define LOG_TEXT_MAX 4096               /* bytes of one event's text; the rest is cut */
#define LOG_LINE_MAX (LOG_TEXT_MAX * 8) /* an escaped byte takes at most six */

static const char *const level_words[] = {"error", "warn", "info", "debug"};

/* Written by log_init before there are threads; the descriptor may move later (a test, a rotation). */
static char log_component[64] = "isthmus";
static enum log_level log_level = LOG_LEVEL_INFO;
static enum log_format log_format = LOG_FORMAT_TEXT;
static atomic_int log_fd = STDERR_FILENO;

void log_init(const char *component, enum log_level level, enum log_format format)
{
    if (str_copy(log_component, sizeof(log_component), component) < 0)
        str_copy(log_component, sizeof(log_component), "isthmus");
    log_level = level;
    log_format = format;
}

void log_set_fd(int fd)
{
    atomic_store(&log_fd, fd);
}

int log_level_parse(const char *word, enum log_level *ret_level)
{
    for (size_t i = 0; i < ARRAY_SIZE(level_words); i++) {
        if (str_eq(word, level_words[i])) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* One character of a person's or a peer's text: what a terminal or a JSON reader could take for something
 * else is written as an escape. */
static void append_char(struct buf *out, const char *s, size_t n, uint32_t point, bool json)
{
    if (n == 0)
        buf_append_fmt(out, json ? "\\\\x%02x" : "\\x%02x", (unsigned char)*s);
    else if (point == '\\' || (json && point == '"'))
        buf_append_fmt(out, "\\%c", (char)point);
    else if (point == '\n')
        buf_append_str(out, "\\n");
    else if (point == '\t')
        buf_append_str(out, "\\t");
    else if (str_is_control(point) || point == 0x2028 || point == 0x2029)
        buf_append_fmt(out, "\\u%04x", point);
    else
        buf_append(out, s, n);
}

static void append_escaped(struct buf *out, const char *s, bool json)
{
    size_t len = strlen(s);

    while (len > 0) {
        uint32_t point = 0;
        size_t n = str_utf8_next(s, len, &point);

        append_char(out, s, n, point, json);
        s += n ? n : 1;
        len -= n ? n : 1;
    }
}

static void append_json_member(struct buf *out, const char *name, const char *value)
{
    buf_append_fmt(out, "%c\"%s\":\"", out->len ? ',' : '{', name);
    append_escaped(out, value, true);
    buf_append_str(out, "\"");
}

static void append_line(struct buf *out, enum log_level level, const char *session, const char *text)
{
    char now[21];

    clock_format_utc(clock_wall_s(NULL), now);
    if (log_format == LOG_FORMAT_JSON) {
        append_json_member(out, "time", now);
        append_json_member(out, "level", level_words[level]);
        append_json_member(out, "component", log_component);
        if (session)
            append_json_member(out, "session", session);
        append_json_member(out, "text", text);
        buf_append_str(out, "}\n");
        return;
    }
    buf_append_fmt(out, "%s %s %s ", now, level_words[level], log_component);
    if (session) {
        buf_append_str(out, "[");
        append_escaped(out, session, false);
        buf_append_str(out, "] ");
    }
    append_escaped(out, text, false);
    buf_append_str(out, "\n");
}

/* One write per line keeps the lines of threads and processes apart. What cannot be written is lost: there is
 * nowhere to say so. */
static void write_line(const struct buf *out)
{
    size_t done = 0;

    while (done < out->len) {
        ssize_t n = write(atomic_load(&log_fd), out->data + done, out->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

void log_event(enum log_level level, const char *session, const char *fmt, ...)
{
    int saved = errno; /* so that a caller may log first and return -errno after */
    char text[LOG_TEXT_MAX];
    struct buf out;
    va_list ap;
    int len;

    if (level > log_level)
        return;
    va_start(ap, fmt);
    len = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (len < 0)
        text[0] = '\0';
    else if ((size_t)len >= sizeof(text))
        memcpy(text + sizeof(text) - 4, "...", 4);
    buf_init(&out, LOG_LINE_MAX);
    append_line(&out, level, session, text);
    write_line(&out);
    buf_finish(&out);
    errno = saved;
}
