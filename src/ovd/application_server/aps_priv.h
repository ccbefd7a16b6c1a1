/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Application Server's parts. Everything runs on the loop's thread and nothing blocks: what has to ask
 * the Session Manager defers its request.
 *
 * Three things. A session (struct aps_session) is what this front-end adds to a session of the host. A
 * visitor (struct aps_visitor) is a browser or client with a cookie, and is one participant of one session:
 * its owner, or a guest of an invitation. An instance (struct aps_instance) is a running application with a
 * display that clients can see. All of it is kept as one JSON note with the host's session (aps_note.c), so a
 * killed host knows it again. */
#ifndef ISTHMUS_OVD_APPLICATION_SERVER_APS_PRIV_H
#define ISTHMUS_OVD_APPLICATION_SERVER_APS_PRIV_H

#include <uthash.h>

#include "base/buf.h"
#include "base/secret.h"
#include "host/host_front_end.h"
#include "http/http_server.h"
#include "net/listener.h"
#include "ovd/message/host_name.h"
#include "ovd/message/ids.h"
#include "ovd/message/password.h"
#include "ovd/message/session_token.h"
#include "ovd/message/words.h"
#include "ovd/tunnel/tunnel.h"
#include "pool/pool.h"

#define APS_TEXT "text/html; charset=utf-8"
#define APS_XML "text/xml; charset=utf-8"
#define APS_COOKIE "PHPSESSID"
#define APS_OWNER "owner"   /* the owner's name as a participant; a guest's is the id of its token */
#define APS_VISITORS_MAX 64 /* cookies of one session */
#define APS_GUESTS_MAX 32   /* of one session */
#define APS_FIRST_PORT 5900 /* RFB port labels: the first one that no instance of this host has */
#define APS_LAST_PORT 8899
#define APS_APP_ID_LEN 24
#define APS_ARGUMENT_MAX 4096 /* bytes of an application's argument */

/* Status of an instance (spec/ovd.md 5.2). */
enum aps_instance_status {
    APS_INSTANCE_ORDERED = -1,
    APS_INSTANCE_STARTING = 1,
    APS_INSTANCE_READY = 2,
    APS_INSTANCE_TO_STOP = 3,
    APS_INSTANCE_ENDED = 4,
    APS_INSTANCE_TO_SUSPEND = 8,
    APS_INSTANCE_SUSPENDING = 9,
    APS_INSTANCE_SUSPENDED = 10,
    APS_INSTANCE_TO_RESUME = 11,
};

struct aps;
struct aps_call;

struct aps_instance {
    char id[POOL_INSTANCE_LEN];  /* "desktop", or five characters */
    char app_id[APS_APP_ID_LEN]; /* decimal; "desktop" for the desktop */
    bool own_display;            /* false: it is the session's own display (pool instance "") */
    int status;                  /* enum aps_instance_status */
    int width, height;           /* 0: the session's */
    unsigned port;               /* its RFB port label */
    uint64_t polled_ms;          /* monotonic: when the owner asked about it last, or it became ready */
    struct aps_instance *prev, *next;
};

struct aps_guest {
    char token[POOL_PARTICIPANT_LEN]; /* its invitation's; its name as a participant */
    char *email;
    enum ovd_guest_mode mode;
    char access_id[POOL_INSTANCE_LEN];
    char rfb_password[OVD_PASSWORD_SIZE]; /* "": it has not come yet */
    int64_t invited;                      /* Unix seconds */
    bool joined, left;                    /* has polled once; has said that it leaves */
    uint64_t polled_ms;                   /* monotonic; 0: not by this process */
    struct aps_guest *prev, *next;
};

struct aps_session {
    struct aps *aps;
    struct host_session *host;
    char session_id[SECRET_ID_LEN]; /* the host's name of it */
    char ovd_id[OVD_ID_MAX + 1];    /* the Session Manager's name of it */
    enum ovd_mode mode;             /* never OVD_MODE_SHARE */
    bool owned; /* its owner came by a token; false: begun elsewhere, only guests come from here */
    char *settings[OVD_SETTING_COUNT]; /* of the owner's last token; NULL: absent */
    char
        *argument; /* of the program that the session itself was started with, in external mode; NULL: none */
    char own_app[APS_APP_ID_LEN]; /* what the session itself runs, whoever began it; "": no application */
    struct ovd_menu_item *menu;
    size_t menu_count;
    int64_t opened; /* Unix seconds of the owner's last index.php: prints older than that are none of its
                       business */
    int64_t print_announced; /* time of the last announced document + 1, 0: none yet */
    char ssh_user[TUNNEL_USER_LEN];
    char ssh_password[OVD_PASSWORD_SIZE]; /* "": no credentials now */
    char rfb_password[OVD_PASSWORD_SIZE]; /* the owner's */
    struct aps_instance *instances;
    struct aps_guest *guests;
    uint64_t printed_ms; /* monotonic: when its documents were looked at last */
    unsigned visitors;
    bool participants_due; /* the streamer could not be told of all of them yet */
    UT_hash_handle hh_id;  /* by the host's session id */
    UT_hash_handle hh_ovd; /* by ovd_id */
};

struct aps_visitor {
    char key[SECRET_ID_LEN * 2]; /* hex of the cookie's SHA-256 */
    struct aps_session *session;
    struct aps_guest *guest;  /* NULL: the owner */
    bool lost;                /* was a guest that had to make room: nobody any more */
    enum ovd_token_type type; /* of the token it came with */
    int width, height;        /* of its last start.php; 0: none */
    int64_t seen;             /* Unix seconds */
    UT_hash_handle hh;
};

struct aps {
    struct host_front_end_services s;
    char *server_name; /* the FQDN that the Session Manager is told */
    char *manager_url; /* "http://127.0.0.1:9000/sessionmanager" */
    struct http_server *server;
    struct listener *listener;
    struct tunnel_server *tunnel;          /* NULL until its keys are there */
    unsigned ssh_ports[2], ssh_port_count; /* as access.php tells them, the legacy one first */
    struct aps_session *by_id, *by_ovd;
    struct aps_visitor *visitors; /* by key */
    struct aps_call *calls;       /* under way, manager_call.c */
    unsigned call_count;
    struct loop_timer *retry_timer; /* while participants are due */
    /* Of the parts that have them; made when they are needed first. */
    struct aps_starts *starts;   /* start_app.c */
    struct aps_apps *apps;       /* app_routes.c */
    struct aps_callers *callers; /* callers.c */
    struct loop_timer *instance_timer;
    bool stopping;
};

/* application_server.c: answers. */
void aps_answer(struct http_request *r, unsigned status, const char *type, const char *body);
void aps_answer_xml(struct http_request *r, const struct buf *xml);
/* The same, once everything that was said of sessions is on disk: what the client reads here is not lost when
 * this process is killed. type is a constant, the body is copied. */
void aps_answer_kept(struct aps *aps, struct http_request *r, unsigned status, const char *type,
                     const void *body, size_t len);
/* 200 and "CRITICAL ERROR", as the original says to whoever has no session. */
void aps_answer_critical(struct http_request *r);
/* An argument from the body's form or the query (GET or POST), the former first; NULL when absent. Lent with
 * the request, whose http_data this uses. Bodies that are no form, or past a limit of ovd/message/form.h:
 * NULL for what could not be read. */
const char *aps_argument(struct http_request *r, const char *name);

/* ports.c: the configured port (property; 0: none), or the one of the run before, the usual one, or the base
 * port and an offset: the first that nobody else has. listen is asked until it does not say -EADDRINUSE. */
struct aps_port {
    const char *property;
    unsigned usual, offset;
};
int aps_port_open(struct aps *aps, const struct aps_port *what,
                  int (*listen)(void *arg, unsigned port, unsigned *ret_port), void *arg, unsigned *ret_port,
                  char **ret_cause);

/* aps_session.c */
struct aps_session *aps_session_find(struct aps *aps, const char *session_id);
struct aps_session *aps_session_by_ovd(struct aps *aps, const char *ovd_id);
/* A new one over a session of the host, or the one that is there, which then has this ovd_id; the caller
 * fills it in and calls aps_session_changed. NULL: the ovd_id is too long. */
struct aps_session *aps_session_new(struct aps *aps, struct host_session *host, const char *ovd_id);
/* The same without its session of the host. */
struct aps_session *aps_session_make(struct aps *aps, const char *session_id, const char *ovd_id);
void aps_session_free(struct aps_session *session); /* with its visitors, guests and instances */
/* What has to survive this process has changed: writes the note. */
void aps_session_changed(struct aps_session *session);
/* The status that legacy peers are told: the host's. */
int aps_session_status(const struct aps_session *session);
struct aps_guest *aps_guest_find(struct aps_session *session, const char *token);
/* The one display that it was invited to, as the pool calls it; NULL: that is there no more. */
const char *aps_guest_display(struct aps_session *session, const struct aps_guest *guest);
/* It has asked lately, and has not left. */
bool aps_guest_is_alive(const struct aps_session *session, const struct aps_guest *guest);
/* A new guest; past APS_GUESTS_MAX one that is not there makes room. NULL when all are, or when the token
 * cannot be a participant's name. The email is copied. */
struct aps_guest *aps_guest_new(struct aps_session *session, const char *token, const char *email,
                                enum ovd_guest_mode mode, const char *access_id);
/* The note of an earlier run, if there is one, and what has to be done again for a session that is ready. */
void aps_session_restore(struct aps *aps, struct host_session *host);
/* value NULL: absent. Copied. */
void aps_session_set(struct aps_session *session, enum ovd_setting setting, const char *value);
/* A setting of the owner's last token, "" when absent. */
const char *aps_session_setting(const struct aps_session *session, enum ovd_setting setting);
bool aps_session_setting_on(const struct aps_session *session, enum ovd_setting setting); /* "1" */
/* Takes owner and guests, with their RFB passwords, to the streamer: at each new one and for each new guest.
 * What the streamer cannot be told now is told later. */
void aps_session_participants(struct aps_session *session);
/* Tells the streamers what they could not be told before: the function of retry_timer. */
void aps_session_retry(void *arg);
/* The host's events, application_server.c hands them to the parts: */
extern const struct host_session_events aps_host_events;

/* aps_note.c: the session as the JSON object that is kept with it, and back. */
json_t *aps_note_write(const struct aps_session *session);
/* NULL for a note that is none of ours. Visitors are restored, too; host is left to the caller. */
struct aps_session *aps_note_read(struct aps *aps, const char *session_id, const json_t *note);

/* aps_visitor.c: cookies. The cookie is 128 random bits in hex; only its hash is kept. */
/* NULL without a cookie that is known, and for a guest that had to make room. */
struct aps_visitor *aps_visitor_of(struct aps *aps, struct http_request *r);
/* Whether the cookie is that of such a guest, and the session is not over. */
bool aps_visitor_is_lost(struct aps *aps, struct http_request *r);
/* Makes the visitor of this request one of the session, with a new cookie, path "/", that is set in the
 * answer: what the visitor was before is forgotten, and nobody can have planted the cookie. guest NULL: the
 * owner. Past APS_VISITORS_MAX the one that was not seen for the longest time is forgotten. */
struct aps_visitor *aps_visitor_enter(struct aps *aps, struct http_request *r, struct aps_session *session,
                                      struct aps_guest *guest);
void aps_visitor_forget(struct aps_visitor *visitor);
/* Makes a visitor whose key is known: for notes. NULL when there is one with that key. */
struct aps_visitor *aps_visitor_restore(struct aps_session *session, const char *key);
/* Forgets all of the session (guest NULL), or marks those of the guest as lost. */
void aps_visitors_drop(struct aps_session *session, const struct aps_guest *guest);
/* The value of the last cookie of ours in a line of the header; false when there is none or it is not of our
 * form. */
bool aps_cookie_read(const char *line, char ret_value[SECRET_ID_LEN]);

/* access.c: the name (an IPv6 address in brackets) and the port by which the client called this server; false
 * when the request says none, or something that is none. */
bool aps_host_read(const struct http_request *r, char ret_name[OVD_HOST_MAX + 1], unsigned *ret_port);
/* The same; else our own name and port. The caller frees it. */
char *aps_host_name(const struct aps *aps, const struct http_request *r, unsigned *ret_port);
/* The same as SSH clients and the Session Manager want it: an IPv6 address has no brackets there. */
char *aps_host_bare(const struct aps *aps, const struct http_request *r);

/* redeem.c: index.php. Redeems the token, creates or finds the session, enters the visitor. */
void aps_route_index(struct http_request *r, void *ctx);

/* whatsup.c, start.c (start, exit, suspend), access.c, invite.c, print.c */
void aps_route_whatsup(struct http_request *r, void *ctx);
void aps_route_start(struct http_request *r, void *ctx);
void aps_route_exit(struct http_request *r, void *ctx);
void aps_route_suspend(struct http_request *r, void *ctx);
void aps_route_access(struct http_request *r, void *ctx);
void aps_route_invite(struct http_request *r, void *ctx);
void aps_route_print(struct http_request *r, void *ctx);

/* instance_state.c: the table of spec/ovd.md 5.2. */
enum aps_instance_event {
    APS_EV_LAUNCHED, /* its program is being started */
    APS_EV_READY,    /* its picture can be had */
    APS_EV_LEFT,     /* the owner left it, or asks no more */
    APS_EV_PARK,     /* the session is suspended */
    APS_EV_BACK,     /* the owner wants it again */
    APS_EV_STOP,
    APS_EV_NEXT, /* on from a status that is only passed through */
};
/* -EPERM, and nothing, for a pair that makes no sense. persistent: of the session. */
int aps_instance_step(int status, enum aps_instance_event event, bool persistent, int *ret_status);
const char *aps_instance_event_word(enum aps_instance_event event);

/* instance.c: running applications. */
struct aps_instance *aps_instance_find(struct aps_session *session, const char *id);
struct aps_instance *aps_instance_by_port(struct aps_session *session, unsigned port);
/* What the session's own display shows, from start.php on: in desktop mode the instance "desktop"; in
 * external mode the application that the session runs, which need not be the one that the owner now asks for,
 * ORDERED until start_app.php asks for it and not to be listed until then. In portal mode, and when the
 * session runs no application, nothing. -ENOSPC. */
int aps_instance_desktop(struct aps_session *session);
/* The RFB port label that its next instance gets. */
unsigned aps_label_free(const struct aps_session *session);
/* A further one, ORDERED. -ENOSPC. */
int aps_instance_new(struct aps_session *session, const char *app_id, int width, int height,
                     struct aps_instance **ret_instance);
/* Feeds one; what follows from it is done. -EPERM. The instance may be gone afterwards (APS_EV_STOP). */
int aps_instance_feed(struct aps_session *session, struct aps_instance *instance,
                      enum aps_instance_event event);
/* Its name in the pool. */
const char *aps_instance_display(const struct aps_instance *instance);
void aps_instance_free(struct aps_session *session, struct aps_instance *instance);
/* The owner asks how it is; NULL: how the session is, which in desktop mode is the same. Only instances that
 * were asked about have to be asked about again. */
void aps_instance_polled(struct aps_session *session, const char *id);
/* Follows the session: ready, suspended (instances 8, 9, 10), resumed (11, 2), over. Lets SSH in and shuts it
 * out, too. */
void aps_instances_follow(struct aps_session *session, int before);
/* After its note was read: what this process began and cannot finish goes. */
void aps_instances_adopt(struct aps_session *session);
void aps_instance_on_ready(void *arg, struct host_session *host, const char *name);
void aps_instance_on_ended(void *arg, struct host_session *host, const char *name, const char *reason);
/* The status that whatsup tells for an id: -1 for unknown ones. */
int aps_instance_status_of(struct aps_session *session, const char *id);
/* instance_clock.c: sets the clock for whoever is silent next. */
void aps_instances_watch(struct aps *aps);
void aps_instances_close(struct aps *aps); /* stops the clock */

/* start_app.c: instances on their way. */
void aps_route_start_app(struct http_request *r, void *ctx);
/* The instance has become ready, or has ended: who waits for it is answered. */
void aps_start_settled(struct aps_session *session, const char *instance, bool ready);
void aps_starts_close(struct aps *aps);

/* "WxH" of numbers; cut to HOST_MIN_SIDE and APS_MAX_SIDE. -EINVAL. */
#define APS_MAX_SIDE 8192
int aps_size_read(const char *text, int *ret_width, int *ret_height);
/* Whether the session's menu has the application; its number. -EINVAL no number, -ENOENT. */
int aps_menu_find(const struct aps_session *session, const char *app_id, int64_t *ret_id);

/* app_routes.c, portal_routes.c, pages.c */
void aps_route_apps(struct http_request *r, void *ctx);
void aps_route_icon(struct http_request *r, void *ctx);
void aps_apps_close(struct aps *aps);
void aps_route_portal(struct http_request *r, void *ctx); /* portal/{file} */
void aps_route_mode(struct http_request *r, void *ctx);   /* desktop/ portal/ external/ share/ */
void aps_route_error(struct http_request *r, void *ctx);

/* ssh.c: the tunnel. */
int aps_ssh_open(struct aps *aps, char **ret_cause);
void aps_ssh_close(struct aps *aps);
/* "ssh=2222 sshLegacy=2223", for the line of readiness; the caller frees. */
char *aps_ssh_words(const struct aps *aps);
/* Lets the credentials of a ready session in, new ones when it has none (ssh_password is ""); takes them away
 * again, so that the next are new. The caller calls aps_session_changed. */
int aps_ssh_grant(struct aps_session *session);
void aps_ssh_revoke(struct aps_session *session);
/* The set of RFB port labels has changed. */
void aps_ssh_ports(struct aps_session *session);

/* callers.c: whether a request comes from the Session Manager. The name service is asked on a worker. */
/* Calls fn on the loop, now or later, when it does; else answers 400. r is deferred in between. */
void aps_caller_check(struct aps *aps, struct http_request *r, void (*fn)(struct http_request *r, void *ctx));
void aps_callers_close(struct aps *aps);

/* manager_routes.c: what the Session Manager asks, below webservices/. */
void aps_route_manager(struct http_request *r,
                       void *ctx); /* webservices/{file}: the caller's check, then its table */

/* manager_call.c: what the Session Manager is asked. fn is called exactly once, on the loop and never from
 * inside the call: with body NULL when no answer with status 200 came within ovd.requestMs, and when the
 * Application Server is destroyed (aps->server is gone then: requests still have to be answered, for nobody;
 * sessions are still there). An error: fn will not be called; -EAGAIN past APS_CALLS_MAX. */
#define APS_CALLS_MAX 256
typedef void (*aps_manager_fn)(void *arg, const char *body, size_t len, const char *type);
/* GET {manager_url}/webservices/FILE?fqdn=NAME&QUERY; query is encoded by the caller and may be "". */
int aps_manager_get(struct aps *aps, const char *file, const char *query, aps_manager_fn fn, void *arg);
/* Signed, JSON, to the control plane's internal port; takes over body. answer NULL as above. */
typedef void (*aps_plane_fn)(void *arg, const json_t *answer);
int aps_plane_post(struct aps *aps, const char *path, json_t *body, aps_plane_fn fn, void *arg);
/* Calls all that are under way back, without an answer. */
void aps_calls_cancel(struct aps *aps);

#endif
