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
#include "ovd/message/ids.h"
#include "ovd/message/password.h"
#include "ovd/message/session_token.h"
#include "ovd/message/words.h"
#include "ovd/tunnel/tunnel.h"

#define APS_TEXT "text/html; charset=utf-8"
#define APS_XML "text/xml; charset=utf-8"
#define APS_COOKIE "PHPSESSID"
#define APS_OWNER "owner"     /* the owner's name as a participant; a guest's is the id of its token */
#define APS_VISITORS_MAX 64   /* cookies of one session */
#define APS_GUESTS_MAX 32     /* of one session */
#define APS_FIRST_PORT 5900   /* RFB port labels: APS_FIRST_PORT + slot * POOL_INSTANCES_MAX + n */
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

struct aps_instance {
    char id[POOL_INSTANCE_LEN]; /* "desktop", or five characters */
    char app_id[24];            /* decimal; "desktop" for the desktop */
    bool own_display;           /* false: it is the session's own display (pool instance "") */
    int status;                 /* enum aps_instance_status */
    int width, height;          /* 0: the session's */
    unsigned port;              /* its RFB port label */
    struct aps_instance *prev, *next;
};

struct aps_guest {
    char token[OVD_ID_SIZE]; /* its invitation's; its name as a participant */
    char *email;
    enum ovd_guest_mode mode;
    char access_id[POOL_INSTANCE_LEN];
    char rfb_password[OVD_PASSWORD_SIZE];
    int64_t invited;    /* Unix seconds */
    bool joined, left;  /* has polled once; has said that it leaves */
    uint64_t polled_ms; /* monotonic; 0: not by this process */
    struct aps_guest *prev, *next;
};

struct aps_session {
    struct aps *aps;
    struct host_session *host;
    char ovd_id[OVD_ID_SIZE]; /* the Session Manager's name of it */
    enum ovd_mode mode;       /* never OVD_MODE_SHARE */
    bool owned; /* its owner came by a token; false: begun elsewhere, only guests come from here */
    char *settings[OVD_SETTING_COUNT]; /* of the owner's last token; NULL: absent */
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
    unsigned visitors;
    UT_hash_handle hh_id;  /* by the host's session id */
    UT_hash_handle hh_ovd; /* by ovd_id */
};

struct aps_visitor {
    char key[SECRET_ID_LEN * 2]; /* hex of the cookie's SHA-256 */
    struct aps_session *session;
    struct aps_guest *guest;  /* NULL: the owner */
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
    struct loop_timer *sweep_timer;
    bool stopping;
};

/* application_server.c: answers. */
void aps_answer(struct http_request *r, unsigned status, const char *type, const char *body);
void aps_answer_xml(struct http_request *r, const struct buf *xml);
/* 200 and "CRITICAL ERROR", as the original says to whoever has no session. */
void aps_answer_critical(struct http_request *r);
/* An argument from the query or the body's form (GET or POST), the latter first; NULL when absent. Lent with
 * the request. Bodies that are no form: NULL for all. */
const char *aps_argument(struct http_request *r, const char *name);

/* aps_session.c */
struct aps_session *aps_session_find(struct aps *aps, const char *session_id);
struct aps_session *aps_session_by_ovd(struct aps *aps, const char *ovd_id);
/* A new one over a session of the host; the caller fills it in and calls aps_session_changed. */
struct aps_session *aps_session_new(struct aps *aps, struct host_session *host, const char *ovd_id);
void aps_session_free(struct aps_session *session); /* with its visitors, guests and instances */
/* What has to survive this process has changed: writes the note. */
void aps_session_changed(struct aps_session *session);
/* The status that legacy peers are told: the host's. */
int aps_session_status(const struct aps_session *session);
struct aps_guest *aps_guest_find(struct aps_session *session, const char *token);
/* Takes owner and guests, with their RFB passwords, to the streamer: at each new one and for each new guest.
 */
void aps_session_participants(struct aps_session *session);
/* The host's events, application_server.c hands them to the parts: */
extern const struct host_session_events aps_host_events;

/* aps_note.c: the session as the JSON object that is kept with it, and back. */
json_t *aps_note_write(const struct aps_session *session);
/* NULL for a note that is none of ours. Visitors are restored, too. */
struct aps_session *aps_note_read(struct aps *aps, struct host_session *host, const json_t *note);

/* aps_visitor.c: cookies. The cookie is 128 random bits in hex; only its hash is kept. */
/* NULL without a cookie that is known. */
struct aps_visitor *aps_visitor_of(struct aps *aps, struct http_request *r);
/* Makes the visitor of this request one of the session: a cookie that it brings is used again (whatever it
 * was before), else a new one is set in the answer, path "/". guest NULL: the owner. NULL past
 * APS_VISITORS_MAX. */
struct aps_visitor *aps_visitor_enter(struct aps *aps, struct http_request *r, struct aps_session *session,
                                      struct aps_guest *guest);
void aps_visitor_forget(struct aps_visitor *visitor);

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

/* instance.c: running applications. */
struct aps_instance *aps_instance_find(struct aps_session *session, const char *id);
struct aps_instance *aps_instance_by_port(struct aps_session *session, unsigned port);
/* The desktop of a session in desktop mode exists from its start on; -ENOSPC. */
int aps_instance_desktop(struct aps_session *session);
/* Follows the session: ready, suspended (instances 8, 9, 10), resumed (11, 2), over. */
void aps_instances_follow(struct aps_session *session, int before);
void aps_instance_on_ready(void *arg, struct host_session *host, const char *name);
void aps_instance_on_ended(void *arg, struct host_session *host, const char *name, const char *reason);
/* The status that whatsup tells for an id: -1 for unknown ones. */
int aps_instance_status_of(struct aps_session *session, const char *id);

/* app_routes.c, portal_routes.c, pages.c */
void aps_route_apps(struct http_request *r, void *ctx);
void aps_route_icon(struct http_request *r, void *ctx);
void aps_route_start_app(struct http_request *r, void *ctx);
void aps_route_portal(struct http_request *r, void *ctx); /* portal/{file} */
void aps_route_mode(struct http_request *r, void *ctx);   /* desktop/ portal/ external/ share/ */
void aps_route_error(struct http_request *r, void *ctx);

/* ssh.c: the tunnel. */
int aps_ssh_open(struct aps *aps, char **ret_cause);
void aps_ssh_close(struct aps *aps);
/* Makes new credentials for a session that becomes ready and lets them in; takes them away again. */
int aps_ssh_grant(struct aps_session *session);
void aps_ssh_revoke(struct aps_session *session);
/* The set of RFB port labels has changed. */
void aps_ssh_ports(struct aps_session *session);

/* manager_routes.c: what the Session Manager asks, below webservices/. */
void aps_route_manager(struct http_request *r,
                       void *ctx); /* webservices/{file}: the caller's check, then its table */

/* manager_call.c: what the Session Manager is asked. fn is called once, on the loop, unless the Application
 * Server is destroyed first; body NULL: no answer with status 200 came. */
typedef void (*aps_manager_fn)(void *arg, const char *body, size_t len, const char *type);
/* GET {manager_url}/webservices/FILE?fqdn=NAME&QUERY; query is encoded by the caller and may be "". */
int aps_manager_get(struct aps *aps, const char *file, const char *query, aps_manager_fn fn, void *arg);
/* Signed, JSON, to the control plane's internal port; answer NULL when it was none of 200. */
typedef void (*aps_plane_fn)(void *arg, const json_t *answer);
int aps_plane_post(struct aps *aps, const char *path, json_t *body, aps_plane_fn fn, void *arg);

#endif
