/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions of this front-end over those of the host, and what the host tells of them. */
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"
#include "ovd/message/password.h"

#define RETRY_MS 200

struct aps_session *aps_session_find(struct aps *aps, const char *session_id)
{
    struct aps_session *session;
    HASH_FIND(hh_id, aps->by_id, session_id, strlen(session_id), session);
    return session;
}

struct aps_session *aps_session_by_ovd(struct aps *aps, const char *ovd_id)
{
    struct aps_session *session;
    HASH_FIND(hh_ovd, aps->by_ovd, ovd_id, strlen(ovd_id), session);
    return session;
}

static int rename_session(struct aps_session *session, const char *ovd_id)
{
    struct aps *aps = session->aps;
    if (strlen(ovd_id) >= sizeof(session->ovd_id))
        return -ENAMETOOLONG;
    if (*session->ovd_id)
        HASH_DELETE(hh_ovd, aps->by_ovd, session);
    (void)str_copy(session->ovd_id, sizeof(session->ovd_id), ovd_id);
    HASH_ADD(hh_ovd, aps->by_ovd, ovd_id, strlen(session->ovd_id), session);
    return 0;
}

struct aps_session *aps_session_make(struct aps *aps, const char *session_id, const char *ovd_id)
{
    struct aps_session *session = aps_session_find(aps, session_id);
    bool is_new = !session;
    if (is_new) {
        session = xcalloc(1, sizeof(*session));
        session->aps = aps;
    }
    if (strlen(session_id) >= sizeof(session->session_id) || rename_session(session, ovd_id) < 0) {
        if (is_new)
            free(session);
        return NULL;
    }
    if (is_new) {
        (void)str_copy(session->session_id, sizeof(session->session_id), session_id);
        HASH_ADD(hh_id, aps->by_id, session_id, strlen(session->session_id), session);
    }
    return session;
}

struct aps_session *aps_session_new(struct aps *aps, struct host_session *host, const char *ovd_id)
{
    struct aps_session *session = aps_session_make(aps, host_session_id(host), ovd_id);
    if (session)
        session->host = host;
    return session;
}

static void guest_free(struct aps_session *session, struct aps_guest *guest)
{
    DL_DELETE(session->guests, guest);
    secret_wipe(guest->rfb_password, sizeof(guest->rfb_password));
    secret_wipe(guest->token, sizeof(guest->token));
    free(guest->email);
    free(guest);
}

/* Whatever a session that is over needs no more, secrets first of all. */
static void empty(struct aps_session *session)
{
    struct aps_guest *guest, *next_guest;
    struct aps_instance *instance, *next_instance;
    secret_wipe(session->ssh_password, sizeof(session->ssh_password));
    secret_wipe(session->rfb_password, sizeof(session->rfb_password));
    for (size_t i = 0; i < OVD_SETTING_COUNT; i++)
        aps_session_set(session, (enum ovd_setting)i, NULL);
    for (size_t i = 0; i < session->menu_count; i++)
        free(session->menu[i].desktopfile);
    free(session->menu);
    free(session->argument);
    session->argument = NULL;
    session->menu = NULL;
    session->menu_count = 0;
    DL_FOREACH_SAFE(session->guests, guest, next_guest)
    {
        aps_visitors_drop(session, guest);
        guest_free(session, guest);
    }
    DL_FOREACH_SAFE(session->instances, instance, next_instance)
    {
        DL_DELETE(session->instances, instance);
        free(instance);
    }
}

void aps_session_free(struct aps_session *session)
{
    aps_visitors_drop(session, NULL);
    empty(session);
    HASH_DELETE(hh_id, session->aps->by_id, session);
    HASH_DELETE(hh_ovd, session->aps->by_ovd, session);
    free(session);
}

void aps_session_changed(struct aps_session *session)
{
    if (aps_session_status(session) == SESSION_DESTROYED)
        return; /* its note is gone for good */
    json_t *note = aps_note_write(session);
    int r = note ? host_session_set_note(session->host, note) : -EINVAL;
    if (r < 0)
        log_event(LOG_LEVEL_WARN, session->session_id, "what its OVD clients need is not kept: %s",
                  strerror(-r));
}

int aps_session_status(const struct aps_session *session)
{
    return host_session_status(session->host);
}

void aps_session_set(struct aps_session *session, enum ovd_setting setting, const char *value)
{
    char *old = session->settings[setting];
    if (old)
        secret_wipe(old, strlen(old));
    free(old);
    session->settings[setting] = value ? xstrdup(value) : NULL;
}

const char *aps_session_setting(const struct aps_session *session, enum ovd_setting setting)
{
    return session->settings[setting] ? session->settings[setting] : "";
}

bool aps_session_setting_on(const struct aps_session *session, enum ovd_setting setting)
{
    return str_eq(session->settings[setting], "1");
}

/* ---- guests ---- */

struct aps_guest *aps_guest_find(struct aps_session *session, const char *token)
{
    struct aps_guest *guest;
    DL_FOREACH(session->guests, guest)
    {
        if (str_eq(guest->token, token))
            return guest;
    }
    return NULL;
}

/* "desktop" is what those are invited to who are to see the session itself, whatever it shows. */
const char *aps_guest_display(struct aps_session *session, const struct aps_guest *guest)
{
    const struct aps_instance *instance = aps_instance_find(session, guest->access_id);
    if (instance)
        return aps_instance_display(instance);
    return str_eq(guest->access_id, "desktop") ? "" : NULL;
}

bool aps_guest_is_alive(const struct aps_session *session, const struct aps_guest *guest)
{
    uint64_t good_ms = (uint64_t)config_int(session->aps->s.config, "ovd.guestAliveMs");
    return guest->polled_ms && !guest->left && clock_monotonic_ms(NULL) - guest->polled_ms <= good_ms;
}

/* The one that will be missed least: the oldest that never came or has left, else the one that is silent for
 * the longest time. */
static struct aps_guest *spare_guest(struct aps_session *session)
{
    struct aps_guest *guest, *silent = NULL;
    DL_FOREACH(session->guests, guest)
    {
        if (guest->left || !*guest->rfb_password)
            return guest;
        if (!aps_guest_is_alive(session, guest) && (!silent || guest->polled_ms < silent->polled_ms))
            silent = guest;
    }
    return silent;
}

static void guest_makes_room(struct aps_session *session, struct aps_guest *guest)
{
    aps_visitors_drop(session, guest);
    if (*guest->rfb_password)
        (void)pool_participant_remove(session->aps->s.pool, session->session_id, guest->token);
    guest_free(session, guest);
}

static unsigned guest_count(const struct aps_session *session)
{
    struct aps_guest *guest;
    unsigned count = 0;
    DL_COUNT(session->guests, guest, count);
    return count;
}

struct aps_guest *aps_guest_new(struct aps_session *session, const char *token, const char *email,
                                enum ovd_guest_mode mode, const char *access_id)
{
    if (guest_count(session) >= APS_GUESTS_MAX) {
        struct aps_guest *spare = spare_guest(session);
        if (!spare)
            return NULL;
        guest_makes_room(session, spare);
    }
    struct aps_guest *guest = xcalloc(1, sizeof(*guest));
    if (!ovd_id_is_valid(token) || !ovd_id_is_valid(access_id) || str_eq(token, APS_OWNER) ||
        str_copy(guest->token, sizeof(guest->token), token) < 0 ||
        str_copy(guest->access_id, sizeof(guest->access_id), access_id) < 0) {
        free(guest);
        return NULL;
    }
    guest->email = xstrdup(email);
    guest->mode = mode;
    guest->invited = clock_wall_s(NULL);
    DL_APPEND(session->guests, guest);
    return guest;
}

/* ---- the streamer ---- */

static int tell_guest(struct aps_session *session, const struct aps_guest *guest)
{
    const char *display = aps_guest_display(session, guest);
    if (guest->left || !display || !*guest->rfb_password)
        return 0;
    return pool_participant_set(session->aps->s.pool, session->session_id, guest->token, guest->rfb_password,
                                guest->mode == OVD_GUEST_PASSIVE, display);
}

static int tell_owner(const struct aps_session *session)
{
    if (!session->owned || !*session->rfb_password)
        return 0;
    return pool_participant_set(session->aps->s.pool, session->session_id, APS_OWNER, session->rfb_password,
                                false, NULL);
}

void aps_session_participants(struct aps_session *session)
{
    struct aps_guest *guest;
    bool was_due = session->participants_due;
    session->participants_due = false;
    if (aps_session_status(session) != SESSION_READY)
        return;
    int r = tell_owner(session);
    DL_FOREACH(session->guests, guest)
    {
        int one = tell_guest(session, guest);
        r = r < 0 ? r : one;
    }
    if (r < 0) {
        session->participants_due = true;
        loop_timer_start(session->aps->retry_timer, RETRY_MS, 0);
    }
    if (r < 0 && !was_due)
        log_event(LOG_LEVEL_DEBUG, session->session_id, "its streamer is not ready for VNC clients yet: %s",
                  strerror(-r));
}

void aps_session_retry(void *arg)
{
    struct aps *aps = arg;
    struct aps_session *session, *next;
    HASH_ITER(hh_id, aps->by_id, session, next)
    {
        if (session->participants_due)
            aps_session_participants(session);
    }
}

/* ---- what the host tells ---- */

static void on_changed(void *arg, struct host_session *host, int before)
{
    struct aps_session *session = aps_session_find(arg, host_session_id(host));
    if (!session)
        return;
    /* Started by start.php, or by a browser: what its own display shows is known now. */
    if (before == SESSION_CREATED && session->owned && session_status_is_alive(aps_session_status(session)))
        (void)aps_instance_desktop(session);
    aps_instances_follow(session, before);
    if (aps_session_status(session) == SESSION_DESTROYED) {
        empty(session);
        (void)host_session_set_note(host, NULL);
    } else {
        aps_session_participants(session);
    }
}

static void on_display(void *arg, struct host_session *host)
{
    struct aps_session *session = aps_session_find(arg, host_session_id(host));
    if (session)
        aps_session_participants(session);
}

static void on_forgotten(void *arg, struct host_session *host)
{
    struct aps_session *session = aps_session_find(arg, host_session_id(host));
    if (session)
        aps_session_free(session);
}

static void on_joined(void *arg, struct host_session *host, const char *instance, const char *participant)
{
    (void)arg;
    log_event(LOG_LEVEL_INFO, host_session_id(host), "a VNC client of %s sees %s",
              str_eq(participant, APS_OWNER) ? "its owner" : "a guest", *instance ? instance : "it");
}

static void on_left(void *arg, struct host_session *host, const char *instance, const char *participant)
{
    (void)arg;
    log_event(LOG_LEVEL_INFO, host_session_id(host), "a VNC client of %s has left%s%s",
              str_eq(participant, APS_OWNER) ? "its owner" : "a guest", *instance ? " " : "", instance);
}

const struct host_session_events aps_host_events = {
    .changed = on_changed,
    .display = on_display,
    .forgotten = on_forgotten,
    .instance_ready = aps_instance_on_ready,
    .instance_ended = aps_instance_on_ended,
    .joined = on_joined,
    .left = on_left,
};

void aps_session_restore(struct aps *aps, struct host_session *host)
{
    const json_t *note = host_session_note(host);
    if (note && host_session_status(host) == SESSION_DESTROYED)
        (void)host_session_set_note(host, NULL); /* it ended while this process was not there */
    if (!note || host_session_status(host) == SESSION_DESTROYED)
        return;
    struct aps_session *session = aps_note_read(aps, host_session_id(host), note);
    if (!session) {
        log_event(LOG_LEVEL_WARN, host_session_id(host), "what its OVD clients need cannot be read");
        return;
    }
    session->host = host;
    aps_instances_adopt(session);
    aps_session_participants(session);
}
