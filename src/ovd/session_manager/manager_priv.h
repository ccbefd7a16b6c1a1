/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Session Manager's parts. What answers a request runs on a worker thread and may block. */
#ifndef ISTHMUS_OVD_SESSION_MANAGER_MANAGER_PRIV_H
#define ISTHMUS_OVD_SESSION_MANAGER_MANAGER_PRIV_H

#include <stdatomic.h>

#include "ovd/message/form.h"
#include "ovd/message/ids.h"
#include "ovd/message/session_token.h"
#include "ovd/session_manager/fqdn.h"
#include "ovd/session_manager/session_manager.h"

#define MANAGER_TEXT "text/html; charset=utf-8" /* of plain answers, too: so has the original */
#define MANAGER_XML "text/xml; charset=utf-8"
#define MANAGER_BODY_MAX 65536
#define MANAGER_SESSIONS_MAX 64 /* of one user that are looked at */
#define MANAGER_COOKIE "PHPSESSID"

struct sm_turn;

/* What has to wait for its turn. */
enum sm_lane {
    SM_LANE_LOGIN, /* may check a password, which takes a core for a while */
    SM_LANE_MAIL,  /* may wait for a mail server, which somebody else runs */
    SM_LANE_COUNT,
};

struct manager {
    struct front_end_services s;
    struct fqdn_checker *fqdn;
    /* of the loop's thread: */
    struct {
        struct sm_turn *turns; /* waiting */
        unsigned waiting, running;
    } lanes[SM_LANE_COUNT];
    struct loop_timer *turn_timer;
    bool stopping;
    atomic_uint mailing; /* mails under way, on every thread */
};

/* session_manager.c */
int64_t sm_manager_now_ms(void);
void sm_manager_answer(struct http_request *r, unsigned status, const char *type, const char *body);
/* 200 and a line, as most refusals of the original are. */
void sm_manager_say(struct http_request *r, const char *text);

/* turns.c: requests that may keep a worker for long. Loop thread. run answers on a worker; refuse does on the
 * loop when there are too many, or the turn does not come in time. */
int sm_turns_start(struct manager *m);
void sm_turns_stop(struct manager *m);
void sm_turn_wait(struct manager *m, enum sm_lane lane, struct http_request *r,
                  void (*run)(struct http_request *r, void *ctx),
                  void (*refuse)(struct http_request *r, void *ctx));

/* args.c: the arguments of a request. PHP programs take them from wherever they are; where one is given twice
 * the body wins over the query, and both over a cookie. */
struct args {
    struct form post, query, cookies;
};
/* 0, or what the readers give. sm_args_finish in every case. */
int sm_args_read(struct http_request *r, struct args *args);
const char *sm_args_get(const struct args *args, const char *name); /* NULL when absent */
void sm_args_finish(struct args *args);

/* servers.c: session hosts as Application Servers. */
struct server {
    char url[513]; /* the host's, in the register */
    char fqdn[FQDN_SIZE];
    char external[FQDN_SIZE]; /* what clients call it; "" : as they call this machine */
    unsigned port;
};
/* -ENOENT. */
int sm_server_of_url(struct manager *m, const char *url, struct server *ret_server);
int sm_server_by_fqdn(struct manager *m, const char *fqdn, struct server *ret_server);
/* Leaves it as it is when name is none. "" : as clients call this machine. */
void sm_server_set_external(struct server *server, const char *name);
/* The announced name without a dot at its end; -EINVAL when it is too long for a name. */
int sm_server_name(const char *announced, char ret_fqdn[FQDN_SIZE]);
/* fqdn is a name of sm_server_name; the answer to the asking server is made when it is none of ours. */
bool sm_server_check(struct manager *m, struct http_request *r, const char *fqdn);
/* "http://NAME:PORT/applicationserver/index.php?token=T"; the caller frees. */
char *sm_redirect_url(const struct server *server, const struct http_request *r, const char *token);

/* records.c: tables of the main store. Errors of the store as they are; -ENOENT when there is none. */
struct record {
    char id[OVD_ID_SIZE];
    char session_id[SECRET_ID_LEN];
    char user_id[SECRET_ID_LEN];
    enum ovd_mode mode;
    json_t *settings; /* owned */
    char stop_why[17];
    bool reported;
    int64_t age_ms; /* since it was made */
};
void sm_record_finish(struct record *record);
/* Makes the alias of a session; -EEXIST when it has one. */
int sm_record_insert(struct manager *m, const struct record *record);
int sm_record_by_id(struct manager *m, const char *id, struct record *ret_record);
int sm_record_by_session(struct manager *m, const char *session_id, struct record *ret_record);
int sm_record_set_wish(struct manager *m, const char *id, enum ovd_mode mode, const json_t *settings);
/* What a status means for the records: 1 starts the clock, 2 makes the session one that reports are about. */
int sm_record_status(struct manager *m, const char *id, int status);
/* -ENOENT when the session was never ready. */
int sm_record_stop_why(struct manager *m, const char *id, const char *why);
/* Writes down why sessions ended whose own server did not say it here. */
int sm_records_end(struct manager *m);
/* Forgets sessions that are over for a day, expired tokens, invitations and cookies. */
int sm_records_sweep(struct manager *m);

/* tokens.c */
struct token {
    char id[OVD_ID_SIZE];
    enum ovd_token_type type;
    char record[OVD_ID_SIZE];
    char invite[OVD_ID_SIZE]; /* "" but for invitations */
};
int sm_token_make(struct manager *m, enum ovd_token_type type, const char *record, const char *invite,
                  char ret_id[OVD_ID_SIZE]);
/* -ENOENT when there is none or it has expired. Looking leaves it as it is. */
int sm_token_find(struct manager *m, const char *id, struct token *ret_token);
/* Uses it up: of several that try one gets 0, the others -ENOENT. */
int sm_token_take(struct manager *m, const char *id);
/* Gives leases their time again while somebody may still come with a token. */
int sm_tokens_keep_leases(struct manager *m);

struct invite {
    char id[OVD_ID_SIZE];
    char record[OVD_ID_SIZE];
    const char *email;
    bool view_only;
    const char *access_id; /* NULL: none */
    const char *client;    /* NULL: the owner's */
};
/* The invitation and its token, together. */
int sm_invite_make(struct manager *m, struct invite *invite, char ret_token[OVD_ID_SIZE]);
/* What it lays over the owner's settings, a JSON object; -ENOENT. */
int sm_invite_settings(struct manager *m, const char *id, json_t **ret_settings);
/* Takes both back. */
int sm_invite_remove(struct manager *m, const char *id, const char *token);
/* How many invitations to the session nobody has used yet: no more are made past SM_INVITES_OPEN_MAX. */
#define SM_INVITES_OPEN_MAX 50
int sm_invites_open(struct manager *m, const char *record, int64_t *ret_count);

/* invite.c */
#define INVITE_EMAIL_MAX 254
/* One address and nothing that a mail server could take for a second one or for a header. */
bool sm_invite_is_address(const char *email);
/* The record of a session by its own id; one that was begun in a browser gets its legacy name now. */
int sm_record_of_session(struct manager *m, const char *session_id, struct record *ret_record);
/* Sends the address; -EDESTADDRREQ when there is no mail server, -EBUSY when others are waiting for it. */
int sm_invite_mail(struct manager *m, const struct record *record, const char *email, const char *url);

/* logins.c */
/* Checks a password, throttled like every other login; one log line. 0, -EACCES and what identity_login
 * gives. */
int sm_login_check(struct manager *m, struct http_request *r, const char *login, const char *password,
                   struct identity_user *ret_user, char **ret_token);
/* The user of the request: by login and password of the body, else by cookie. 0, -EACCES, errors. */
int sm_login_user(struct manager *m, struct http_request *r, const struct args *args,
                  struct identity_user *ret_user);
/* The cookie's login has been used. */
void sm_login_forget(struct manager *m, const struct args *args);
int sm_logins_sweep(struct manager *m);
void sm_route_login(struct http_request *r, void *ctx);

/* applications.c */
/* The number of an application; made when it has none. */
int sm_application_number(struct manager *m, const char *app_id, int64_t *ret_number);
int sm_application_by_number(struct manager *m, const char *number, char ret_app_id[SECRET_ID_LEN]);
/* Everything that the user may start: [{id, name}], each application once; the caller owns it. */
int sm_applications_of_user(struct manager *m, const char *user_id, json_t **ret_list);
bool sm_applications_have(const json_t *list, const char *app_id);
void sm_route_user_applications(struct http_request *r, void *ctx);
void sm_route_user_icon(struct http_request *r, void *ctx);
void sm_route_server_application(struct http_request *r, void *ctx);
void sm_route_server_icon(struct http_request *r, void *ctx);

/* settings.c: what a request asks for, what of it is honoured, what holds otherwise. */
struct wish {
    enum ovd_mode mode;
    json_t *settings;              /* name -> text, owned; ovd_setting_name */
    char start_app[SECRET_ID_LEN]; /* "" : none */
    char server[FQDN_SIZE];        /* "" : any */
};
/* apps is what the user may start. 0, or -EINVAL for what the original refuses as well: an unknown start_app,
 * none in external mode; and for an unknown mode. */
int sm_wish_read(struct manager *m, const struct args *args, const struct identity_user *user,
                 const json_t *apps, struct wish *ret_wish);
void sm_wish_finish(struct wish *wish);
/* "fr", "fr_FR", "fr_FR.UTF-8" as the last one; fallback for anything else. */
void sm_wish_language(const char *text, const char *fallback, char ret_locale[32]);

/* start.c */
enum decision {
    DECISION_NEW,    /* nothing is in the way */
    DECISION_EXPIRE, /* nobody came with the token: end it, then go on */
    DECISION_RESUME,
    DECISION_REUSE,
    DECISION_JOIN,          /* an invitation for oneself */
    DECISION_REFUSE_ACTIVE, /* "You already have an active session" */
    DECISION_REFUSE,        /* "You already have a session, …" */
};
/* For a session that a user has already. stale: its start token is there, unused, and older than the limit.
 */
enum decision sm_start_decide(int status, bool stale, enum ovd_mode wanted, bool join);
void sm_route_start(struct http_request *r, void *ctx);

/* pages.c */
void sm_page_error(struct manager *m, struct http_request *r, const char *message);
void sm_route_index(struct http_request *r, void *ctx);

/* server_routes.c */
void sm_route_session_token(struct http_request *r, void *ctx);
void sm_route_session_status(struct http_request *r, void *ctx);
void sm_route_session_end_status(struct http_request *r, void *ctx);

/* host_routes.c: what this farm's own session hosts ask, on the internal port (docs/protocol/internal.md). */
extern const struct http_route sm_host_routes[];

/* end_reason.c: the original's word for a core's or a server's; "unknown" for any other. */
const char *sm_end_reason(const char *reason);

/* news.c */
void sm_route_news(struct http_request *r, void *ctx);
void sm_route_logo(struct http_request *r, void *ctx);

/* invite_route.c */
void sm_route_session_invite(struct http_request *r, void *ctx);

/* share_route.c: POST /gateway/session/invite */
void sm_route_share(struct http_request *r, void *ctx);

/* icon.c: the picture of applications that have none of their own, 32 pixels high. */
extern const uint8_t sm_icon_png[];
extern const size_t sm_icon_png_len;

/* logo.c: the product's picture. */
extern const uint8_t sm_logo_png[];
extern const size_t sm_logo_png_len;

#endif
