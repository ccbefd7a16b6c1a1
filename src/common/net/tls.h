/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS 1.2 and 1.3 on the server's side (OpenSSL). A TLS filter takes an accepted socket, makes the handshake
 * and pumps the plaintext through a socketpair, whose other end looks like a plain connection to the HTTP
 * server. After an upgrade the filter is taken off the socketpair and pumps straight against a backend socket
 * (net/tunnel.h). */
#ifndef ISTHMUS_NET_TLS_H
#define ISTHMUS_NET_TLS_H

#include "loop/loop.h"

struct tls_context;
struct tls_conn;

/* Certificate and key: two PEM files, or one PKCS#12 file (pfx) with its secret. ret_cause is a sentence for
 * people, the caller frees. */
int tls_context_create_pem(const char *cert_path, const char *key_path, struct tls_context **ret_context,
                           char **ret_cause);
int tls_context_create_pfx(const char *pfx_path, const char *secret, struct tls_context **ret_context,
                           char **ret_cause);
struct tls_context *
tls_context_destroy(struct tls_context *context); /* NULL-safe; running connections keep theirs */
/* Makes an ECDSA P-256 key and a certificate signed by itself for 825 days, for localhost, this host's names
 * and addresses. Files are written only when both are absent: 0 when both are there, -EEXIST when one of them
 * is missing. */
int tls_make_self_signed(const char *cert_path, const char *key_path);

/* Takes over fd. opened is called once: with the plaintext descriptor (owned by the callee) after the
 * handshake, or with -errno (and conn NULL) when it failed or took longer than 10 s; after a failure the
 * filter frees itself. With the descriptor the callee gets a hold on conn: it passes both on
 * (http_server_add, tunnel_create), or ends the hold with one of the two functions below. The filter works
 * until both directions are closed, whoever holds it. -errno of the call itself closes fd and calls nothing.
 */
int tls_conn_accept(struct loop *loop, struct tls_context *context, int fd,
                    void (*opened)(void *arg, struct tls_conn *conn, int plain_fd_or_error), void *arg);
/* Ends the hold; the filter goes on until its plaintext end is closed. NULL-safe. */
void tls_conn_release(struct tls_conn *conn);
/* Ends the hold and closes the filter now, without waiting for what is still to be sent. NULL-safe. */
void tls_conn_close(struct tls_conn *conn);
/* For shutdown: closes every filter of the loop, handshakes included (their opened is not called). Holds stay
 * valid and still have to be ended. */
void tls_conn_close_all(struct loop *loop);
/* How many filters live, for caps and tests. */
unsigned tls_conn_count(void);

#endif
