// links: ovd_tunnel
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client of the SSH tunnel may ask: the first byte is the kind of request, two are the port, then come
 * user name, password and host or request name, each up to a newline. Whatever comes in, only a known user
 * with the right password may be let in, only a channel to this machine may get as far as the table of
 * labels, and what goes to the log is one printable line. */
#include "ovd/tunnel/ask_priv.h"
#include "ovd/tunnel/credentials_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KINDS (ASK_AUTH + 1)
#define FIELDS 3

static struct tunnel_credentials *table;

static void set_up(void)
{
    static const unsigned ports[] = {5900, 5901};
    table = credentials__create();
    if (credentials__add(table, "session", "SSH12", "0d9bdbf5", ports, 2) < 0)
        abort();
}

static void check_login(const char *user, const char *password)
{
    bool right = strcmp(user, "SSH12") == 0 && strcmp(password, "0d9bdbf5") == 0;
    bool let_in = credentials__check(table, user, (const uint8_t *)password, strlen(password));
    if (let_in != right || (let_in && !credentials__is_user(user)))
        abort();
}

static void check_ask(const struct ask *ask)
{
    enum tunnel_reason reason;
    bool report;
    char text[ASK_TEXT_LEN];
    bool local = ask->host && (strcmp(ask->host, "localhost") == 0 || strcmp(ask->host, "127.0.0.1") == 0);
    bool labelled = credentials__has_port(table, "session", (unsigned)ask->port);
    if (ask__decide(ask, &reason, &report) && (ask->kind != ASK_DIRECT_TCPIP || !local || ask->port == 0))
        abort();
    if (labelled != (ask->port == 5900 || ask->port == 5901))
        abort();
    ask__describe(ask, text);
    for (size_t i = 0; i < strlen(text); i++)
        if (text[i] < ' ' || text[i] > '~')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *fields[FIELDS] = {0};
    if (size < 3)
        return 0;
    if (!table)
        set_up();
    char *text = calloc(1, size - 2);
    if (!text)
        return 0;
    memcpy(text, data + 3, size - 3);
    char *rest = text;
    for (int i = 0; i < FIELDS && rest; i++)
        fields[i] = strsep(&rest, "\n");
    check_login(fields[0], fields[1] ? fields[1] : "");
    struct ask ask = {(enum ask_kind)(data[0] % KINDS), fields[2], fields[2], data[1] << 8 | data[2]};
    check_ask(&ask);
    free(text);
    return 0;
}
