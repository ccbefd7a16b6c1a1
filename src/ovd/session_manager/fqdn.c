/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/session_manager/fqdn.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <pthread.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/str.h"
#include "net/addr.h"

#define KNOWN_MAX 256
#define FRESH_MS 60000
#define RETRY_MS 5000 /* after a look-up that the name service did not answer */
#define WAIT_S 2      /* for the look-up of another request */
#define BUSY_MAX 4    /* requests that look up or wait: some workers are left for everybody else */

struct known {
    char name[FQDN_SIZE];
    char peer[ADDR_TEXT_LEN];
    bool good;         /* it was right when it was looked up last */
    bool looking;      /* a look-up is under way */
    bool failed;       /* the last one had no answer */
    uint64_t verified; /* monotonic ms: when it was right; */
    uint64_t tried;    /* when the last look-up ended */
};

struct fqdn_checker {
    pthread_mutex_t lock;
    pthread_cond_t looked; /* a look-up has ended */
    unsigned busy;
    struct fqdn_resolver resolver;
    const struct clock *clock;
    struct known known[KNOWN_MAX];
    size_t count;
};

static int is_temporary(int error)
{
    return error == EAI_AGAIN || error == EAI_FAIL || error == EAI_SYSTEM || error == EAI_MEMORY;
}

static int system_forward(void *arg, const char *name, const char *address)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int found = 0;
    (void)arg;
    int error = getaddrinfo(name, NULL, &hints, &list);
    if (error != 0)
        return is_temporary(error) ? -EAGAIN : 0;
    for (const struct addrinfo *a = list; a && !found; a = a->ai_next) {
        char text[ADDR_TEXT_LEN];
        addr_text(a->ai_addr, text);
        found = strcmp(text, address) == 0;
    }
    freeaddrinfo(list);
    return found;
}

static int system_reverse(void *arg, const char *address, char ret_name[FQDN_SIZE])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    (void)arg;
    if (getaddrinfo(address, NULL, &hints, &list) != 0)
        return 0;
    int error = getnameinfo(list->ai_addr, list->ai_addrlen, ret_name, FQDN_SIZE, NULL, 0, NI_NAMEREQD);
    freeaddrinfo(list);
    if (error != 0)
        return is_temporary(error) ? -EAGAIN : 0;
    return 1;
}

struct fqdn_checker *fqdn_checker_create(const struct fqdn_resolver *resolver, const struct clock *clock)
{
    struct fqdn_checker *checker = xcalloc(1, sizeof(*checker));
    pthread_mutex_init(&checker->lock, NULL);
    pthread_cond_init(&checker->looked, NULL);
    checker->resolver =
        resolver ? *resolver : (struct fqdn_resolver){.forward = system_forward, .reverse = system_reverse};
    checker->clock = clock;
    return checker;
}

struct fqdn_checker *fqdn_checker_destroy(struct fqdn_checker *checker)
{
    if (!checker)
        return NULL;
    pthread_cond_destroy(&checker->looked);
    pthread_mutex_destroy(&checker->lock);
    free(checker);
    return NULL;
}

/* "*" stands for any number of characters; capital letters count as small ones, as in every name. */
static bool matches(const char *pattern, size_t pattern_len, const char *name)
{
    const char *end = pattern + pattern_len, *star = NULL, *retry = NULL;
    while (*name) {
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (pattern < end && tolower((unsigned char)*pattern) == tolower((unsigned char)*name)) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (pattern < end && *pattern == '*')
        pattern++;
    return pattern == end;
}

static bool is_listed(const struct fqdn_rules *rules, const char *name)
{
    for (const char *p = rules->authorized; *p;) {
        p += strspn(p, ", \t");
        size_t len = strcspn(p, ", \t");
        if (len > 0 && len <= FQDN_MAX) {
            cleanup_free char *around = xasprintf(rules->unanchored ? "*%.*s*" : "%.*s", (int)len, p);
            if (matches(around, strlen(around), name))
                return true;
        }
        p += len;
    }
    return false;
}

static bool is_private(const struct fqdn_rules *rules, const char *name, const char *peer)
{
    size_t name_len = strlen(name), peer_len = strlen(peer);
    for (const char *p = rules->private_addresses; *p;) {
        p += strspn(p, ", \t");
        size_t len = strcspn(p, ", \t");
        if (len == name_len + 1 + peer_len && strncasecmp(p, name, name_len) == 0 && p[name_len] == '=' &&
            strncmp(p + name_len + 1, peer, peer_len) == 0)
            return true;
        p += len;
    }
    return false;
}

static bool is_address(const char *name)
{
    struct in6_addr any;
    return inet_pton(AF_INET, name, &any) == 1 || inet_pton(AF_INET6, name, &any) == 1;
}

static struct known *find(struct fqdn_checker *checker, const char *name, const char *peer)
{
    for (size_t i = 0; i < checker->count; i++) {
        if (strcasecmp(checker->known[i].name, name) == 0 && strcmp(checker->known[i].peer, peer) == 0)
            return &checker->known[i];
    }
    return NULL;
}

static bool is_older(const struct known *a, const struct known *b)
{
    return a->good != b->good ? b->good : a->verified < b->verified;
}

/* A place for one that is not known yet: strangers make room first, then who was right the longest ago. */
static struct known *add(struct fqdn_checker *checker, const char *name, const char *peer)
{
    struct known *place = checker->count < KNOWN_MAX ? &checker->known[checker->count++] : NULL;
    for (size_t i = 0; i < KNOWN_MAX && checker->count == KNOWN_MAX; i++) {
        struct known *known = &checker->known[i];
        if (!known->looking && (!place || is_older(known, place)))
            place = known;
    }
    *place = (struct known){0}; /* never more than BUSY_MAX are looking */
    if (str_copy(place->name, sizeof(place->name), name) == 0)
        (void)str_copy(place->peer, sizeof(place->peer), peer);
    return place;
}

/* Until the look-up that another request has begun is over, or takes too long. */
static void wait_for_it(struct fqdn_checker *checker, const char *name, const char *peer)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += WAIT_S;
    checker->busy++;
    for (const struct known *known = find(checker, name, peer); known && known->looking;
         known = find(checker, name, peer)) {
        if (pthread_cond_timedwait(&checker->looked, &checker->lock, &end) != 0)
            break;
    }
    checker->busy--;
}

/* True: the caller looks it up, and says end_look; false: *ret_good is what counts. Who was right before
 * never waits: a name service that hangs holds up one request at a time. */
static bool begin_look(struct fqdn_checker *checker, const char *name, const char *peer, bool *ret_good)
{
    pthread_mutex_lock(&checker->lock);
    struct known *known = find(checker, name, peer);
    if (known && known->looking && !known->good && checker->busy < BUSY_MAX) {
        wait_for_it(checker, name, peer);
        known = find(checker, name, peer);
    }
    uint64_t now = clock_monotonic_ms(checker->clock);
    bool fresh = known && known->good && now - known->verified < FRESH_MS;
    bool early = known && (known->looking || (known->failed && now - known->tried < RETRY_MS));
    bool looks = !fresh && !early && checker->busy < BUSY_MAX;
    if (looks) {
        known = known ? known : add(checker, name, peer);
        known->looking = true;
        checker->busy++;
    }
    *ret_good = known && known->good;
    pthread_mutex_unlock(&checker->lock);
    return looks;
}

/* What the look-up found, 1, 0 or -EAGAIN; whether the name counts as right. */
static bool end_look(struct fqdn_checker *checker, const char *name, const char *peer, int found)
{
    pthread_mutex_lock(&checker->lock);
    struct known *known = find(checker, name, peer);
    checker->busy--;
    known->looking = false;
    known->failed = found < 0;
    known->tried = clock_monotonic_ms(checker->clock);
    known->good = found == 1 || (found < 0 && known->good);
    if (found == 1)
        known->verified = known->tried;
    bool good = known->good;
    if (found == 0)
        *known = checker->known[--checker->count];
    pthread_cond_broadcast(&checker->looked);
    pthread_mutex_unlock(&checker->lock);
    return good;
}

/* The look-ups that the rules ask for: 1, 0 or -EAGAIN. */
static int look_up(struct fqdn_checker *checker, const struct fqdn_rules *rules, const char *name,
                   const char *peer)
{
    char found[FQDN_SIZE] = "";
    int r = rules->original ? 1 : checker->resolver.forward(checker->resolver.arg, name, peer);
    if (r != 1 || rules->disable_check)
        return r;
    r = checker->resolver.reverse(checker->resolver.arg, peer, found);
    if (r != 1)
        return r;
    size_t len = strlen(found);
    if (len > 0 && found[len - 1] == '.')
        found[len - 1] = '\0';
    return strcasecmp(found, name) == 0;
}

bool fqdn_is_authorized(struct fqdn_checker *checker, const struct fqdn_rules *rules, const char *name,
                        const char *peer)
{
    if (!*name || strlen(name) > FQDN_MAX || !is_listed(rules, name))
        return false;
    if (rules->original && rules->disable_check)
        return true;
    if (is_address(name))
        return strcmp(name, peer) == 0;
    bool good = is_private(rules, name, peer);
    if (good || !begin_look(checker, name, peer, &good))
        return good;
    return end_look(checker, name, peer, look_up(checker, rules, name, peer));
}
