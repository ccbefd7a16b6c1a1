/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Version, security type, password: libvncserver sees nobody who has not proved one. */
#include <rfb/rfb.h>
#include <utlist.h>

#include "base/secret.h"
#include "ovd/display/rfb_message.h"
#include "ovd/display/rfb_sink_priv.h"

enum { SECURITY_VNC = 2 };

void rfb_login_greet(struct rfb_client *client)
{
    (void)rfb_client_say(client, "RFB 003.008\n", RFB_VERSION_LEN);
}

bool rfb_password_proved(const uint8_t challenge[RFB_CHALLENGE_LEN],
                         const uint8_t response[RFB_CHALLENGE_LEN], const char *password)
{
    uint8_t expected[RFB_CHALLENGE_LEN];
    char copy[RFB_PASSWORD_LEN + 1] = "";
    bool equal;

    memcpy(copy, password, strnlen(password, RFB_PASSWORD_LEN));
    memcpy(expected, challenge, sizeof(expected));
    rfbEncryptBytes(expected, copy);
    equal = secret_equal(expected, response, sizeof(expected));
    secret_wipe(expected, sizeof(expected));
    secret_wipe(copy, sizeof(copy));
    return equal;
}

static ssize_t challenge(struct rfb_client *c, size_t used)
{
    secret_random(c->challenge, sizeof(c->challenge));
    (void)rfb_client_say(c, c->challenge, sizeof(c->challenge));
    c->state = RFB_WAIT_RESPONSE;
    return (ssize_t)used;
}

static ssize_t on_version(struct rfb_client *c, const uint8_t *data)
{
    static const uint8_t only_vnc[] = {0, 0, 0, SECURITY_VNC};
    static const uint8_t list[] = {1, SECURITY_VNC};

    if (rfb_version_parse(data, &c->minor) < 0) {
        c->why = "no RFB client";
        return -EPROTO;
    }
    if (c->minor == 3) {
        (void)rfb_client_say(c, only_vnc, sizeof(only_vnc));
        return challenge(c, RFB_VERSION_LEN);
    }
    (void)rfb_client_say(c, list, sizeof(list));
    c->state = RFB_WAIT_SECURITY;
    return RFB_VERSION_LEN;
}

static const struct rfb_participant *prover(const struct rfb_client *c, const uint8_t *response)
{
    const struct rfb_participant *found = NULL, *p;

    /* All of them: the time does not tell which one it was. */
    DL_FOREACH(c->sink->participants, p)
    {
        if (c->wanted && c->wanted != p)
            continue;
        if (rfb_password_proved(c->challenge, response, p->password) && !found)
            found = p;
    }
    return found;
}

static ssize_t on_response(struct rfb_client *c, const uint8_t *data)
{
    static const uint8_t ok[4] = {0};
    const struct rfb_participant *who = prover(c, data);

    if (!who) {
        c->state = RFB_FAILED;
        c->why = "wrong password";
        loop_timer_start(c->deadline, RFB_FAILURE_MS, 0);
        return RFB_CHALLENGE_LEN;
    }
    (void)rfb_client_say(c, ok, sizeof(ok));
    c->state = RFB_WAIT_INIT;
    return rfb_sink_join(c, who) < 0 ? -ENOMEM : RFB_CHALLENGE_LEN;
}

void rfb_login_refuse(struct rfb_client *client)
{
    static const char reason[] = "Authentication failed";
    static const uint8_t failed[4] = {0, 0, 0, 1};
    static const uint8_t len[4] = {0, 0, 0, sizeof(reason) - 1};

    (void)rfb_client_say(client, failed, sizeof(failed));
    if (client->minor == 8) {
        (void)rfb_client_say(client, len, sizeof(len));
        (void)rfb_client_say(client, reason, sizeof(reason) - 1);
    }
    client->state = RFB_LINGER;
}

ssize_t rfb_login_take(struct rfb_client *client, const uint8_t *data, size_t len)
{
    switch (client->state) {
    case RFB_WAIT_VERSION:
        return len < RFB_VERSION_LEN ? 0 : on_version(client, data);
    case RFB_WAIT_SECURITY:
        if (len == 0)
            return 0;
        if (data[0] == SECURITY_VNC)
            return challenge(client, 1);
        client->why = "asked for a security type that was not offered";
        return -EPROTO;
    case RFB_WAIT_RESPONSE:
        return len < RFB_CHALLENGE_LEN ? 0 : on_response(client, data);
    case RFB_WAIT_INIT:
        if (len == 0)
            return 0;
        loop_timer_stop(client->deadline);
        client->state = RFB_RUNNING; /* shared or not: the others stay */
        return rfb_client_attach(client) < 0 ? -EMFILE : 1;
    default:
        return 0;
    }
}
