/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Session Manager is who has its address, or whose address has its name: spec/ovd.md 2. Names are looked
 * up on a worker; what came out is kept for a minute, and who was right stays so while the name service
 * cannot tell. Strangers may ask as often as they like: one address is looked up once at a time, few are at
 * all, and the Session Manager's place among what is known is not theirs. */
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
#define CHECKS_MAX 2   /* on workers at a time */
#define WAITING_MAX 32 /* requests, for one of them */

struct known {
    char peer[ADDR_TEXT_LEN];
    bool good;
    uint64_t since; /* monotonic ms; 0: free */
};

struct waiting {
    struct http_request *r;
    void (*fn)(struct http_request *r, void *ctx);
};

/* One look-up. The worker touches peer, name and failed only. */
struct check {
    struct aps *aps; /* NULL: it has gone */
    char peer[ADDR_TEXT_LEN];
    char name[NAME_SIZE]; /* found */
    bool failed;          /* the name service cannot tell */
    struct waiting waiting[WAITING_MAX];
    unsigned waiting_count;
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

static struct known *find_known(struct aps_callers *callers, const char *peer)
{
    for (size_t i = 0; i < KNOWN_MAX; i++) {
        struct known *known = &callers->known[i];
        if (known->since && str_eq(known->peer, peer))
            return known;
    }
    return NULL;
}

/* In the place of the same address; else of the oldest stranger, and only without one of those of the oldest
 * at all. */
static struct known *place_for(struct aps_callers *callers, const char *peer)
{
    struct known *same = find_known(callers, peer), *place = &callers->known[0];
    for (size_t i = 1; i < KNOWN_MAX && !same; i++) {
        struct known *known = &callers->known[i];
        if (known->good != place->good ? place->good : known->since < place->since)
            place = known;
    }
    return same ? same : place;
}

static void keep_known(struct aps_callers *callers, const char *peer, bool good)
{
    struct known *place = place_for(callers, peer);
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
    int error = getnameinfo(list->ai_addr, list->ai_addrlen, check->name, NAME_SIZE, NULL, 0, NI_NAMEREQD);
    if (error != 0)
        check->name[0] = '\0';
    check->failed = error == EAI_AGAIN || error == EAI_FAIL || error == EAI_SYSTEM || error == EAI_MEMORY;
    freeaddrinfo(list);
}

static bool judge(struct aps *aps, const struct check *check)
{
    char manager[NAME_SIZE];
    const struct known *known = find_known(aps->callers, check->peer);
    if (check->failed)
        return known && known->good;
    manager_host(aps, manager);
    bool good = check->name[0] && strcasecmp(check->name, manager) == 0;
    keep_known(aps->callers, check->peer, good);
    return good;
}

static void looked_up(void *arg)
{
    struct check *check = arg;
    struct aps *aps = check->aps;
    if (aps) {
        DL_DELETE(aps->callers->checks, check);
        aps->callers->count--;
        bool good = judge(aps, check);
        for (unsigned i = 0; i < check->waiting_count; i++)
            decide(aps, check->waiting[i].r, good, check->waiting[i].fn);
    }
    free(check);
}

static struct check *find_check(const struct aps_callers *callers, const char *peer)
{
    struct check *check;
    DL_FOREACH(callers->checks, check)
    {
        if (str_eq(check->peer, peer))
            return check;
    }
    return NULL;
}

static struct check *begin(struct aps *aps, const char *peer)
{
    if (aps->callers->count >= CHECKS_MAX)
        return NULL;
    struct check *check = xcalloc(1, sizeof *check);
    check->aps = aps;
    (void)str_copy(check->peer, sizeof check->peer, peer);
    if (loop_work(aps->s.loop, look_up, looked_up, check) < 0) {
        free(check);
        return NULL;
    }
    DL_APPEND(aps->callers->checks, check);
    aps->callers->count++;
    return check;
}

/* -EAGAIN: it cannot be looked up now. */
static int ask(struct aps *aps, struct http_request *r, void (*fn)(struct http_request *r, void *ctx))
{
    struct check *check = find_check(aps->callers, http_peer(r));
    if (!check)
        check = begin(aps, http_peer(r));
    if (!check || check->waiting_count == WAITING_MAX)
        return -EAGAIN;
    check->waiting[check->waiting_count++] = (struct waiting){r, fn};
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
    const struct known *known = find_known(aps->callers, http_peer(r));
    bool fresh = known && clock_monotonic_ms(NULL) - known->since < FRESH_MS;
    if (fresh || ask(aps, r, fn) < 0)
        decide(aps, r, known && known->good, fn);
}

void aps_callers_close(struct aps *aps)
{
    struct check *check, *next;
    if (!aps->callers)
        return;
    DL_FOREACH_SAFE(aps->callers->checks, check, next)
    {
        check->aps = NULL;
        for (unsigned i = 0; i < check->waiting_count; i++)
            refuse(check->waiting[i].r);
    }
    free(aps->callers);
    aps->callers = NULL;
}
