/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http_static.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/str.h"

static const struct {
    const char *extension;
    const char *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"ico", "image/vnd.microsoft.icon"},
    {"webp", "image/webp"},
    {"woff2", "font/woff2"},
    {"txt", "text/plain; charset=utf-8"},
    {"wasm", "application/wasm"},
};

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < ARRAY_SIZE(types); i++)
        if (strcasecmp(dot + 1, types[i].extension) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/* No segment may be empty (but the last) or start with a dot: neither "..", nor a hidden file. */
static bool path_is_good(const char *path)
{
    if (strlen(path) > 1024 || path[0] == '/')
        return false;
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, "/");
        if (len == 0 || p[0] == '.')
            return false;
        p += len;
        p += *p == '/';
    }
    return true;
}

static int open_below(const char *root, const char *path)
{
    cleanup_close int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
    return fd < 0 ? -errno : (int)fd;
}

/* Whether If-None-Match names this tag; weak comparison, as RFC 9110 section 13.1.2 asks. */
static bool tag_matches(const char *list, const char *tag)
{
    while (list && *list) {
        list += strspn(list, " \t,");
        size_t len = strcspn(list, ",");
        while (len > 0 && strchr(" \t", list[len - 1]))
            len--;
        const char *item = list;
        size_t item_len = len;
        if (item_len > 2 && item[0] == 'W' && item[1] == '/') {
            item += 2;
            item_len -= 2;
        }
        if ((item_len == 1 && *item == '*') || (item_len == strlen(tag) && memcmp(item, tag, item_len) == 0))
            return true;
        list += len;
        list += strcspn(list, ",");
    }
    return false;
}

void http_static_answer(struct http_request *r, const char *root, const char *path)
{
    size_t len = strlen(path);
    cleanup_free char *name = xasprintf("%s%s", path, len == 0 || path[len - 1] == '/' ? "index.html" : "");
    struct stat st;
    int fd = path_is_good(name) ? open_below(root, name) : -ENOENT;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        http_answer_error(r, 404, "not_found", "nothing is here");
        return;
    }
    char tag[64];
    snprintf(tag, sizeof tag, "\"%llx-%llx%09lx\"", (unsigned long long)st.st_size,
             (unsigned long long)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    http_add_header(r, "ETag", tag);
    http_add_header(r, "Cache-Control", "no-cache"); /* kept, but asked for each time: a 304 is cheap */
    http_add_header(r, "X-Content-Type-Options", "nosniff");
    if (tag_matches(http_header(r, "If-None-Match"), tag)) {
        close(fd);
        http_answer(r, 304, NULL, NULL, 0);
        return;
    }
    http_answer_file(r, 200, type_of(name), fd, (uint64_t)st.st_size);
}
