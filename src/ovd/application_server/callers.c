/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Session Manager is who has its address, or whose address has its name: spec/ovd.md 2. Names are looked
 * up on a worker; what came out is kept for a minute. */
#include "ovd/application_server/aps_priv.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <strings.h>
#include <sys/socket.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define NAME_SIZE 256
#define KNOWN_MAX 256
#define FRESH_MS 60000
#define CHECKS_MAX 32 /* on workers at a time */

struct known {
    char peer[ADDR_TEXT_LEN];
    bool good;
    uint64_t since; /* monotonic ms; 0: free */
};

/* One look-up. The worker touches peer, manager and name only. */
struct check {
    struct aps *aps; /* NULL: it has gone */
    struct http_request *r;
    void (*fn)(struct http_request *r, void *ctx);
    char peer[ADDR_TEXT_LEN];
    char name[NAME_SIZE]; /* found */
    struct check *prev, *next;
};

struct aps_callers {
    struct known known[KNOWN_MAX];
    struct check *checks;
    unsigned count;
};

/* Host part of the Session Manager's URL, an IPv6 address without its brackets. */
static void manager_host(const struct aps *aps, char ret_host[NAME_SIZE])
{
    const char *host = strstr(aps->manager_url, "://");
    host = host ? host + 3 : aps->manager_url;
    bool bracket = *host == '[';
    host += bracket;
    size_t len = MIN(strcspn(host, bracket ? "]" : ":/"), (size_t)NAME_SIZE - 1);
    memcpy(ret_host, host, len);
    ret_host[len] = '\0';
}

static bool is_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static void refuse(struct http_request *r)
{
    log_warn("%s is not the Session Manager: %s refused", http_peer(r), http_path(r));
    aps_answer(r, 400, APS_TEXT, "ERROR - Request not coming from Session Manager");
}

static void decide(struct aps *aps, struct http_request *r, bool good,
                   void (*fn)(struct http_request *r, void *ctx))
{
    if (good)
        fn(r, aps);
    else
        refuse(r);
}

/* ---- what is known ---- */

static const struct known *find_known(const struct aps_callers *callers, const char *peer, uint64_t now)
{
    for (size_t i = 0; i < KNOWN_MAX; i++) {
        const struct known *known = &callers->known[i];
        if (known->since && now - known->since < FRESH_MS && str_eq(known->peer, peer))
            return known;
    }
    return NULL;
}

/* In the place of the same address, or else of the oldest one. */
static void keep_known(struct aps_callers *callers, const char *peer, bool good)
{
    struct known *place = &callers->known[0];
    for (size_t i = 0; i < KNOWN_MAX; i++) {
        struct known *known = &callers->known[i];
        bool same = str_eq(known->peer, peer);
        if (same || known->since < place->since)
            place = known;
        if (same)
            break;
    }
    (void)str_copy(place->peer, sizeof place->peer, peer);
    place->good = good;
    place->since = clock_monotonic_ms(NULL);
}

/* ---- the name service ---- */

static void look_up(void *arg)
{
    struct check *check = arg;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    if (getaddrinfo(check->peer, NULL, &hints, &list) != 0)
        return;
    if (getnameinfo(list->ai_addr, list->ai_addrlen, check->name, NAME_SIZE, NULL, 0, NI_NAMEREQD) != 0)
        check->name[0] = '\0';
    freeaddrinfo(list);
}

static void looked_up(void *arg)
{
    struct check *check = arg;
    struct aps *aps = check->aps;
    if (aps) {
        char manager[NAME_SIZE];
        manager_host(aps, manager);
        bool good = check->name[0] && strcasecmp(check->name, manager) == 0;
        DL_DELETE(aps->callers->checks, check);
        aps->callers->count--;
        keep_known(aps->callers, check->peer, good);
        decide(aps, check->r, good, check->fn);
    }
    free(check);
}

static int begin(struct aps *aps, struct http_request *r, void (*fn)(struct http_request *r, void *ctx))
{
    if (aps->callers->count >= CHECKS_MAX)
        return -EAGAIN;
    struct check *check = xcalloc(1, sizeof *check);
    check->aps = aps;
    check->r = r;
    check->fn = fn;
    (void)str_copy(check->peer, sizeof check->peer, http_peer(r));
    int rc = loop_work(aps->s.loop, look_up, looked_up, check);
    if (rc < 0) {
        free(check);
        return rc;
    }
    DL_APPEND(aps->callers->checks, check);
    aps->callers->count++;
    http_defer(r);
    return 0;
}

void aps_caller_check(struct aps *aps, struct http_request *r, void (*fn)(struct http_request *r, void *ctx))
{
    char manager[NAME_SIZE];
    manager_host(aps, manager);
    if (is_address(manager)) {
        decide(aps, r, str_eq(manager, http_peer(r)), fn);
        return;
    }
    if (!aps->callers)
        aps->callers = xcalloc(1, sizeof *aps->callers);
    const struct known *known = find_known(aps->callers, http_peer(r), clock_monotonic_ms(NULL));
    if (known)
        decide(aps, r, known->good, fn);
    else if (begin(aps, r, fn) < 0)
        refuse(r);
}

void aps_callers_close(struct aps *aps)
{
    struct check *check, *next;
    if (!aps->callers)
        return;
    DL_FOREACH_SAFE(aps->callers->checks, check, next)
    {
        check->aps = NULL;
        refuse(check->r);
    }
    free(aps->callers);
    aps->callers = NULL;
}
