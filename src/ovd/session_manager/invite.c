/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An invitation, its token, and the mail with the address: for servers (invite_route.c) and for the browser
 * client (share_route.c) alike. */
#include "base/str.h"
#include "http/mail.h"
#include "ovd/session_manager/manager_priv.h"

#define MAIL_MS 8000 /* Application Servers wait for 10 s */
#define MAILS_MAX 4  /* at a time: the workers are there for everybody */

bool sm_invite_is_address(const char *email)
{
    const char *at = strchr(email, '@');
    size_t len = strlen(email);
    if (!at || at == email || !at[1] || strchr(at + 1, '@') || len > INVITE_EMAIL_MAX ||
        !str_is_utf8(email, len, true))
        return false;
    return email[0] != '-' && strpbrk(email, " <>,;\"\\()") == NULL;
}

/* The record of a session that was begun in a browser, which has been asked for none of it. */
static int make_record(struct manager *m, const struct session_row *row, struct record *ret_record)
{
    struct record record = {.mode = OVD_MODE_DESKTOP};
    const char *shareable = config_bool(m->s.config, "ovd.shareable") ? "1" : NULL;
    record.settings = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s*}", ovd_setting_name(OVD_SETTING_CLIENT), "browser",
        ovd_setting_name(OVD_SETTING_USER_LOGIN), row->username,
        ovd_setting_name(OVD_SETTING_USER_DISPLAYNAME), row->username, ovd_setting_name(OVD_SETTING_LOCALE),
        "en_GB.UTF-8", ovd_setting_name(OVD_SETTING_QUALITY), config_str(m->s.config, "ovd.defaultQuality"),
        ovd_setting_name(OVD_SETTING_SHAREABLE), shareable);
    ovd_id_make(sm_manager_now_ms() / 1000, record.id);
    memcpy(record.session_id, row->id, sizeof(record.session_id));
    memcpy(record.user_id, row->user_id, sizeof(record.user_id));
    int r = record.settings ? sm_record_insert(m, &record) : -EINVAL;
    if (r < 0)
        sm_record_finish(&record);
    else
        *ret_record = record;
    return r;
}

int sm_record_of_session(struct manager *m, const char *session_id, struct record *ret_record)
{
    struct session_row row;
    int r = sm_record_by_session(m, session_id, ret_record);
    if (r != -ENOENT)
        return r;
    r = session_broker_get(m->s.broker, session_id, NULL, &row);
    if (r == 0)
        r = make_record(m, &row, ret_record);
    return r == -EEXIST ? sm_record_by_session(m, session_id, ret_record) : r; /* another was faster */
}

static int send_invitation(struct manager *m, const struct record *record, const char *email, const char *url)
{
    const struct config *config = m->s.config;
    cleanup_free char *subject = xasprintf("Invitation from %s", config_str(config, "ovd.title"));
    const char *name =
        json_string_value(json_object_get(record->settings, ovd_setting_name(OVD_SETTING_USER_DISPLAYNAME)));
    cleanup_free char *text = xasprintf(
        "%s invites you to a running session. Open this address to join; it is good once, and for a "
        "short time only:\n\n%s\n",
        name ? name : "Somebody", url);
    const struct mail mail = {
        .server = config_str(config, "ovd.mailUrl"),
        .user = config_str(config, "ovd.mailUser"),
        .password = config_str(config, "ovd.mailPassword"),
        .from = config_str(config, "ovd.mailFrom"),
        .to = email,
        .subject = subject,
        .text = text,
        .timeout_ms = MAIL_MS,
    };
    return *mail.server && *mail.from ? mail_send(&mail) : -EDESTADDRREQ;
}

int sm_invite_mail(struct manager *m, const struct record *record, const char *email, const char *url)
{
    int r = atomic_fetch_add(&m->mailing, 1) < MAILS_MAX ? send_invitation(m, record, email, url) : -EBUSY;
    atomic_fetch_sub(&m->mailing, 1);
    return r;
}
