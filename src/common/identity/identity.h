/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may do what: organisations, users, groups, applications, workspaces, policies, passwords and tokens,
 * for both front-ends. Blocking (database, Argon2id): call from worker threads. Every function may be called
 * by several threads at once. */
#ifndef ISTHMUS_IDENTITY_IDENTITY_H
#define ISTHMUS_IDENTITY_IDENTITY_H

#include "base/clock.h"
#include "base/secret.h"
#include "store/store.h"
#include "json/json.h"

struct identity;

struct identity_options {
    struct store *store;
    uint8_t token_key[32];     /* signs the bearer tokens */
    int64_t token_lifetime_s;  /* 0: 12 h */
    const struct clock *clock; /* NULL: the real one */
};

int identity_create(const struct identity_options *options, struct identity **ret_identity);
struct identity *identity_destroy(struct identity *identity); /* NULL-safe; returns NULL */

/* Makes the default organisation, the groups everyone and administrators, the first user "admin" with a
 * random password, the four built-in policy sets and the demo workspaces Desktop (virtual_desktop) and
 * Applications (app_collection) when the database holds no organisation. *ret_password is the password of a
 * just made admin (the caller wipes and frees it), or NULL when everything was there already. */
int identity_seed(struct identity *identity, char **ret_password);
/* New random password for a user (the caller wipes and frees it); existing tokens and tickets of the user are
 * revoked, and what was counted against the name is forgotten. -ENOENT, -EBUSY, -EIO. */
int identity_reset_password(struct identity *identity, const char *username, char **ret_password);

/* Login. Throttled per user and per address prefix together: after 5 failures each further one doubles a wait
 * that starts at 1 s and ends at 300 s. Takes the same time for an unknown user. 0 and a token; -EACCES
 * wrong; -EAGAIN throttled (ret_wait_s says how long); -EBUSY too many logins at once. */
struct identity_user {
    char id[SECRET_ID_LEN];
    char organisation_id[SECRET_ID_LEN];
    char username[129];
    char display_name[257];
    bool admin; /* member of administrators */
};
int identity_login(struct identity *identity, const char *username, const char *password, const char *peer,
                   struct identity_user *ret_user, char **ret_token, int64_t *ret_expires,
                   unsigned *ret_wait_s);
/* The line that every front-end logs for a login (docs/protocol/iam.md): reason is a word, or NULL for one
 * that was accepted. Quotation marks and percent signs of the name are escaped, so that nobody can end the
 * field and forge the next one. The caller frees. */
char *identity_login_line(const char *username, const char *address, const char *reason);

/* As whom somebody is in a session. */
enum identity_role {
    IDENTITY_OWNER,
    IDENTITY_ACTIVE,  /* a guest who may type and point */
    IDENTITY_PASSIVE, /* a guest who watches */
};
#define IDENTITY_ROLES 3
extern const char *const identity_role_words[IDENTITY_ROLES];           /* "owner", "active", "passive" */
int identity_role_read(const char *word, enum identity_role *ret_role); /* -EINVAL */

#define IDENTITY_GUEST_MAX 254 /* bytes of a guest's name, which is an e-mail address */

/* Who holds a token. A guest's token is good for one session of the user who owns that, and for nothing else.
 */
struct identity_caller {
    struct identity_user user; /* of a guest's token: the session's owner */
    enum identity_role role;
    char session_id[SECRET_ID_LEN]; /* of a guest; else "" */
    char guest_id[SECRET_ID_LEN];   /* likewise: tells the guests of a session apart */
    char guest[IDENTITY_GUEST_MAX + 1];
};

/* Checks a bearer token (JWT, HS256 pinned): signature, exp, nbf, iss, aud, not revoked, user still enabled.
 * 0; -EACCES; -EIO. */
int identity_check_caller(struct identity *identity, const char *token, struct identity_caller *ret_caller);
/* The same where nobody but a user who has logged in may come: -EPERM for a guest. */
int identity_check_token(struct identity *identity, const char *token, struct identity_user *ret_user);
/* Logout: the token is void from now on, everywhere, and so is every unused ticket of its user. -EACCES when
 * it was not valid; -EIO. */
int identity_revoke_token(struct identity *identity, const char *token);
/* Whose access was taken away (a new password) after *sequence, which moves on. A process that keeps
 * connections open asks now and then and closes them; at its start it passes 0 and no function, to catch up.
 */
int identity_revoked_since(struct identity *identity, int64_t *sequence,
                           void (*revoked)(void *arg, const char *user_id), void *arg);

/* [{id, name, type, description, applications:[{id, name, description, icon}], policy:{…}}] of the published
 * workspaces that the user's groups grant. -ENOENT for an unknown user. No executable or arguments: those
 * never go to a browser. */
int identity_entitlements(struct identity *identity, const char *user_id, json_t **ret_workspaces);

/* What a session is to start, re-validated at select. app_id may be NULL for a desktop workspace. -EACCES not
 * entitled or not published; -ENOENT no such workspace or application. */
struct identity_launch {
    char workspace_id[SECRET_ID_LEN];
    char workspace_name[257];
    char workspace_type[32];    /* app_collection, virtual_desktop, remote_desktop */
    char app_id[SECRET_ID_LEN]; /* "" for a plain desktop */
    char app_name[257];
    char app_exe[1025];  /* "remotedesktop" = full desktop */
    char app_args[4097]; /* one line; split like a command line without a shell; placeholders {SESSION_ID}
                            {USERNAME} */
    json_t *policy;      /* effective document, roots security, session, resources; owned */
};
int identity_launch(struct identity *identity, const char *user_id, const char *workspace_id,
                    const char *app_id, struct identity_launch *ret_launch);
void identity_launch_finish(struct identity_launch *launch);

/* One application, for a host that is to show it in a menu: nothing about who may start it. -ENOENT when it
 * is not there, not published or not active. */
struct identity_application {
    char id[SECRET_ID_LEN];
    char name[257];
    char description[4097];
    char executable[1025];
    char arguments[4097];
    char icon[257];
};
int identity_application(struct identity *identity, const char *app_id, struct identity_application *ret_app);

/* One-time tickets for WebSockets: 30 s, bound to user, session and channel; redeeming deletes, whoever loses
 * a race gets -EACCES. token is the one that the caller was known by (NULL: by other means): no ticket is
 * made once it is revoked, however closely the two meet (-EACCES), and a guest's makes tickets of that
 * guest. */
struct identity_ticket {
    char user_id[SECRET_ID_LEN]; /* the session's owner */
    char session_id[SECRET_ID_LEN];
    enum identity_role role;
    char guest[IDENTITY_GUEST_MAX + 1]; /* "" of the owner */
};
int identity_ticket_make(struct identity *identity, const char *user_id, const char *token,
                         const char *session_id, const char *channel, char ret_ticket[SECRET_ID_LEN],
                         int64_t *ret_expires);
int identity_ticket_redeem(struct identity *identity, const char *ticket, const char *channel,
                           struct identity_ticket *ret_ticket);

/* One-time codes, by which a page gets into a session that was started elsewhere: 30 s, bound to session and
 * role. They are in the store, so any gateway of the farm redeems them. */
#define IDENTITY_CODE_LIFETIME_S 30
/* -ENOENT unknown user; -EINVAL. guest is the name of whom a code for a guest is for; "" else. */
int identity_code_make(struct identity *identity, const char *user_id, const char *session_id,
                       enum identity_role role, const char *guest, char ret_code[SECRET_ID_LEN]);
/* Uses it up, and gives a token: of a login, as if the owner had logged in, or of a guest. Of several that
 * try one gets it; -EACCES for the others, and for what is too old or no code. peer is for the audit trail.
 */
int identity_code_redeem(struct identity *identity, const char *code, const char *peer,
                         struct identity_caller *ret_caller, char ret_session_id[SECRET_ID_LEN],
                         char **ret_token, int64_t *ret_expires);

#endif
