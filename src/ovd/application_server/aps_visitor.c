/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who a request comes from: its cookie. The cookie is 128 random bits in hex and is made here only; the
 * server keeps its SHA-256, so that nobody who reads the note can become a visitor. Limits: APS_VISITORS_MAX
 * of one session, and what http_server.h says of heads. */
#include <strings.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"

bool aps_cookie_read(const char *line, char ret_value[SECRET_ID_LEN])
{
    static const char name[] = APS_COOKIE "=";
    bool found = false;
    while (*line) {
        line += strspn(line, " \t;");
        size_t len = strcspn(line, ";");
        size_t used = len;
        while (used > 0 && (line[used - 1] == ' ' || line[used - 1] == '\t'))
            used--;
        if (used >= sizeof(name) - 1 && memcmp(line, name, sizeof(name) - 1) == 0) {
            char value[SECRET_ID_LEN] = "";
            size_t size = used - (sizeof(name) - 1);
            if (size < sizeof(value))
                memcpy(value, line + sizeof(name) - 1, size);
            found = str_is_id(value);
            if (found)
                memcpy(ret_value, value, sizeof(value));
        }
        line += len;
    }
    return found;
}

struct cookie_search {
    bool found;
    char value[SECRET_ID_LEN];
};

static void look_at(void *arg, const char *name, const char *value)
{
    struct cookie_search *search = arg;
    if (strcasecmp(name, "Cookie") == 0 && aps_cookie_read(value, search->value))
        search->found = true;
}

static void make_key(const char *cookie, char ret_key[SECRET_ID_LEN * 2])
{
    uint8_t hash[SECRET_HASH_LEN];
    secret_sha256(cookie, strlen(cookie), hash);
    hex_encode(hash, sizeof(hash), ret_key);
}

static struct aps_visitor *find(struct aps *aps, const char *key)
{
    struct aps_visitor *visitor;
    HASH_FIND_STR(aps->visitors, key, visitor);
    return visitor;
}

static struct aps_visitor *find_any(struct aps *aps, struct http_request *r)
{
    struct cookie_search search = {0};
    char key[SECRET_ID_LEN * 2];
    http_each_header(r, look_at, &search);
    if (!search.found)
        return NULL;
    make_key(search.value, key);
    secret_wipe(&search, sizeof(search));
    return find(aps, key);
}

struct aps_visitor *aps_visitor_of(struct aps *aps, struct http_request *r)
{
    struct aps_visitor *visitor = find_any(aps, r);
    if (!visitor || visitor->lost)
        return NULL;
    visitor->seen = clock_wall_s(NULL);
    return visitor;
}

bool aps_visitor_is_lost(struct aps *aps, struct http_request *r)
{
    const struct aps_visitor *visitor = find_any(aps, r);
    return visitor && visitor->lost && aps_session_status(visitor->session) != SESSION_DESTROYED;
}

void aps_visitor_forget(struct aps_visitor *visitor)
{
    HASH_DEL(visitor->session->aps->visitors, visitor);
    visitor->session->visitors--;
    free(visitor);
}

struct aps_visitor *aps_visitor_restore(struct aps_session *session, const char *key)
{
    if (find(session->aps, key))
        return NULL;
    struct aps_visitor *visitor = xcalloc(1, sizeof(*visitor));
    visitor->session = session;
    if (str_copy(visitor->key, sizeof(visitor->key), key) < 0) {
        free(visitor);
        return NULL;
    }
    HASH_ADD_STR(session->aps->visitors, key, visitor);
    session->visitors++;
    return visitor;
}

static void make_room(struct aps_session *session)
{
    struct aps_visitor *visitor, *next, *oldest = NULL;
    if (session->visitors < APS_VISITORS_MAX)
        return;
    HASH_ITER(hh, session->aps->visitors, visitor, next)
    {
        if (visitor->session == session && (!oldest || visitor->seen < oldest->seen))
            oldest = visitor;
    }
    if (oldest)
        aps_visitor_forget(oldest);
}

struct aps_visitor *aps_visitor_enter(struct aps *aps, struct http_request *r, struct aps_session *session,
                                      struct aps_guest *guest)
{
    char cookie[SECRET_ID_LEN], key[SECRET_ID_LEN * 2];
    struct aps_visitor *before = find_any(aps, r);
    if (before)
        aps_visitor_forget(before);
    make_room(session);
    secret_random_id(cookie);
    make_key(cookie, key);
    struct aps_visitor *visitor = aps_visitor_restore(session, key);
    if (visitor) {
        cleanup_free char *line = xasprintf(APS_COOKIE "=%s; path=/; HttpOnly", cookie);
        http_add_header(r, "Set-Cookie", line);
        secret_wipe(line, strlen(line));
        visitor->guest = guest;
        visitor->seen = clock_wall_s(NULL);
    }
    secret_wipe(cookie, sizeof(cookie));
    return visitor;
}

void aps_visitors_drop(struct aps_session *session, const struct aps_guest *guest)
{
    struct aps_visitor *visitor, *next;
    HASH_ITER(hh, session->aps->visitors, visitor, next)
    {
        if (visitor->session != session || (guest && visitor->guest != guest))
            continue;
        if (guest) {
            visitor->guest = NULL;
            visitor->lost = true;
        } else {
            aps_visitor_forget(visitor);
        }
    }
}
