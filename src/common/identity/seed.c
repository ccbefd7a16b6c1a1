/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first content of an empty database. Written as tables, one row per thing; the ids are random and known
 * by name while seeding. */
#include "base/str.h"
#include "identity/identity_priv.h"

#define ADMIN "admin"

struct seed {
    struct store_txn *txn;
    int64_t now;
    char organisation[SECRET_ID_LEN];
    char everyone[SECRET_ID_LEN];
    char administrators[SECRET_ID_LEN];
    char notrust[SECRET_ID_LEN];
    char fulltrust[SECRET_ID_LEN];
    char admin[SECRET_ID_LEN];
    const char *admin_hash;
};

struct seed_app {
    const char *name, *description, *executable, *icon;
};

static const struct seed_app terminal = {"Terminal", "A command line", "/usr/bin/xterm", "terminal"};
static const struct seed_app text_editor = {"Text Editor", "Write and edit plain text", "/usr/bin/mousepad",
                                            "editor"};

struct seed_workspace {
    const char *name, *description, *type;
    const struct seed_app *apps[4];
};

static const struct seed_workspace workspaces[] = {
    {"Desktop", "A full Linux desktop", "virtual_desktop", {NULL}},
    {"Applications",
     "Single applications, each in its own window",
     "app_collection",
     {&terminal, &text_editor, NULL}},
};

static int done(int r)
{
    return r < 0 ? r : 0;
}

static int seed_policies(struct seed *s)
{
    for (size_t i = 0; i < policy_template_count; i++) {
        const struct policy_template *p = &policy_templates[i];
        char id[SECRET_ID_LEN];
        secret_random_id(id);
        int r =
            store_exec(s->txn,
                       "INSERT INTO policy_sets (id, organisation_id, name, description, revision, security,"
                       " session, resources, metadata, created, changed)"
                       " VALUES ($1, NULL, $2, $3, 1, $4, $5, $6, '{}', $7, $7)",
                       "ssssssi", id, p->name, p->description, p->security, p->session, p->resources, s->now);
        if (r < 0)
            return r;
        if (str_eq(p->name, "notrust"))
            memcpy(s->notrust, id, sizeof(id));
        if (str_eq(p->name, "fulltrust"))
            memcpy(s->fulltrust, id, sizeof(id));
    }
    return 0;
}

static int seed_organisation(struct seed *s)
{
    secret_random_id(s->organisation);
    int r = store_exec(s->txn, "INSERT INTO organisations (id, name, created) VALUES ($1, $2, $3)", "ssi",
                       s->organisation, "Default Organization", s->now);
    if (r >= 0)
        r = store_exec(s->txn,
                       "INSERT INTO organisation_policy (organisation_id, policy_set_id) VALUES ($1, $2)",
                       "ss", s->organisation, s->notrust);
    return done(r);
}

static int seed_group(struct seed *s, const char *name, const char *description, char ret_id[SECRET_ID_LEN])
{
    secret_random_id(ret_id);
    return done(store_exec(
        s->txn,
        "INSERT INTO groups (id, organisation_id, name, description, created) VALUES ($1, $2, $3, $4, $5)",
        "ssssi", ret_id, s->organisation, name, description, s->now));
}

static int seed_admin(struct seed *s)
{
    const char *join = "INSERT INTO user_group_memberships (user_id, group_id) VALUES ($1, $2)";
    secret_random_id(s->admin);
    int r = store_exec(
        s->txn,
        "INSERT INTO users (id, organisation_id, username, display_name, email, password_hash, enabled,"
        " token_generation, created, changed) VALUES ($1, $2, $3, $4, '', $5, 1, 1, $6, $6)",
        "sssssi", s->admin, s->organisation, ADMIN, "Administrator", s->admin_hash, s->now);
    if (r >= 0)
        r = store_exec(s->txn, join, "ss", s->admin, s->everyone);
    if (r >= 0)
        r = store_exec(s->txn, join, "ss", s->admin, s->administrators);
    return done(r);
}

static int seed_app(struct seed *s, const char *workspace, const struct seed_app *app, int64_t position)
{
    char id[SECRET_ID_LEN];
    secret_random_id(id);
    int r = store_exec(
        s->txn,
        "INSERT INTO applications (id, organisation_id, name, description, executable, arguments, icon,"
        " status, published, created, changed)"
        " VALUES ($1, $2, $3, $4, $5, '', $6, 'active', 1, $7, $7)",
        "ssssssi", id, s->organisation, app->name, app->description, app->executable, app->icon, s->now);
    if (r >= 0)
        r = store_exec(
            s->txn, "INSERT INTO workspace_apps (workspace_id, application_id, position) VALUES ($1, $2, $3)",
            "ssi", workspace, id, position);
    return done(r);
}

static int seed_workspace(struct seed *s, const struct seed_workspace *w)
{
    char id[SECRET_ID_LEN];
    secret_random_id(id);
    int r = store_exec(
        s->txn,
        "INSERT INTO workspaces (id, organisation_id, name, description, type, policy_set_id, tags,"
        " published, created, changed) VALUES ($1, $2, $3, $4, $5, $6, '[]', 1, $7, $7)",
        "ssssssi", id, s->organisation, w->name, w->description, w->type, s->fulltrust, s->now);
    if (r >= 0)
        r = store_exec(s->txn, "INSERT INTO workspace_rights (workspace_id, group_id) VALUES ($1, $2)", "ss",
                       id, s->everyone);
    for (int64_t i = 0; r >= 0 && w->apps[i]; i++)
        r = seed_app(s, id, w->apps[i], i);
    return done(r);
}

static int seed_all(struct seed *s)
{
    int r = seed_policies(s);
    if (r == 0)
        r = seed_organisation(s);
    if (r == 0)
        r = seed_group(s, "everyone", "Every user", s->everyone);
    if (r == 0)
        r = seed_group(s, IDENTITY_ADMINISTRATORS, "May manage everything", s->administrators);
    if (r == 0)
        r = seed_admin(s);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(workspaces); i++)
        r = seed_workspace(s, &workspaces[i]);
    return r == 0 ? identity_note(s->txn, s->now, "seed", s->admin, "", "") : r;
}

/* 1 when the database holds an organisation. */
static int is_seeded(struct store_txn *txn)
{
    cleanup_rows struct store_rows *rows = NULL;
    return store_query_one(txn, &rows, "SELECT id FROM organisations LIMIT 1", "");
}

static int is_seeded_now(struct identity *identity)
{
    struct store_txn *txn = NULL;
    int r = store_begin(identity->store, false, &txn);
    if (r < 0)
        return r;
    r = is_seeded(txn);
    store_rollback(txn);
    return r;
}

/* Of two gateways that start on the same empty database one seeds: the question is asked again under the
 * write lock. 1: this one did. */
static int seed_once(struct identity *identity, const char *hash)
{
    struct seed s = {.now = clock_wall_s(identity->clock), .admin_hash = hash};
    int r = store_begin(identity->store, true, &s.txn);
    if (r < 0)
        return r;
    r = is_seeded(s.txn);
    bool ours = r == 0;
    if (ours)
        r = seed_all(&s);
    if (r < 0 || !ours) {
        store_rollback(s.txn);
        return r < 0 ? r : 0;
    }
    r = store_commit(s.txn);
    return r < 0 ? r : 1;
}

int identity_seed(struct identity *identity, char **ret_password)
{
    int r = is_seeded_now(identity);
    if (r != 0) {
        if (r > 0)
            *ret_password = NULL;
        return r < 0 ? r : 0;
    }
    char *password = secret_random_password();
    cleanup_free char *hash = NULL;
    r = password_hash(password, &hash);
    if (r == 0)
        r = seed_once(identity, hash);
    if (r <= 0) {
        secret_wipe(password, strlen(password));
        free(password);
        password = NULL;
    }
    if (r < 0)
        return r;
    *ret_password = password;
    return 0;
}
