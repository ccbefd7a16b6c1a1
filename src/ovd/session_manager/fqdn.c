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

struct known {
    char name[FQDN_SIZE];
    char peer[ADDR_TEXT_LEN];
    uint64_t verified; /* monotonic ms */
};

struct fqdn_checker {
    pthread_mutex_t lock;
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
    checker->resolver =
        resolver ? *resolver : (struct fqdn_resolver){.forward = system_forward, .reverse = system_reverse};
    checker->clock = clock;
    return checker;
}

struct fqdn_checker *fqdn_checker_destroy(struct fqdn_checker *checker)
{
    if (!checker)
        return NULL;
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

/* max_age 0: however long ago. */
static bool is_known(struct fqdn_checker *checker, const char *name, const char *peer, uint64_t max_age)
{
    pthread_mutex_lock(&checker->lock);
    const struct known *known = find(checker, name, peer);
    bool is = known && (max_age == 0 || clock_monotonic_ms(checker->clock) - known->verified < max_age);
    pthread_mutex_unlock(&checker->lock);
    return is;
}

static void forget(struct fqdn_checker *checker, const char *name, const char *peer)
{
    pthread_mutex_lock(&checker->lock);
    struct known *known = find(checker, name, peer);
    if (known)
        *known = checker->known[--checker->count];
    pthread_mutex_unlock(&checker->lock);
}

static void remember(struct fqdn_checker *checker, const char *name, const char *peer)
{
    pthread_mutex_lock(&checker->lock);
    struct known *known = find(checker, name, peer);
    if (!known && checker->count < KNOWN_MAX)
        known = &checker->known[checker->count++];
    if (!known) { /* full: the oldest one goes */
        known = &checker->known[0];
        for (size_t i = 1; i < KNOWN_MAX; i++)
            known = checker->known[i].verified < known->verified ? &checker->known[i] : known;
    }
    if (str_copy(known->name, sizeof(known->name), name) == 0)
        (void)str_copy(known->peer, sizeof(known->peer), peer);
    known->verified = clock_monotonic_ms(checker->clock);
    pthread_mutex_unlock(&checker->lock);
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
    if (is_private(rules, name, peer) || is_known(checker, name, peer, FRESH_MS))
        return true;
    int r = look_up(checker, rules, name, peer);
    if (r == 1)
        remember(checker, name, peer);
    else if (r == 0)
        forget(checker, name, peer);
    return r == 1 || (r < 0 && is_known(checker, name, peer, 0));
}
