/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <stdio.h>

#include "net/tls_priv.h"

struct tls_context {
    SSL_CTX *ssl;
};

/* Without this OpenSSL would ask on the terminal. */
static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

/* A client that offers ALPN has to offer http/1.1: there is nothing else behind. */
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    (void)ssl;
    (void)arg;
    static const char wanted[] = "http/1.1";
    for (unsigned at = 0; at < in_len; at += 1u + in[at]) {
        if (in[at] == sizeof wanted - 1 && at + in[at] < in_len && memcmp(in + at + 1, wanted, in[at]) == 0) {
            *out = in + at + 1;
            *out_len = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *new_ssl(void)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (!ssl)
        return NULL;
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    /* Browsers end a connection without close_notify all the time; HTTP and WebSocket know their own ends. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF); /* tickets carry the state */
    SSL_CTX_set_default_passwd_cb(ssl, no_password);
    SSL_CTX_set_alpn_select_cb(ssl, select_protocol, NULL);
    if (SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1)
        return ssl;
    SSL_CTX_free(ssl);
    return NULL;
}

static const char *last_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "unknown reason";
}

static int fail(SSL_CTX *ssl, const char *what, const char *path, char **ret_cause)
{
    *ret_cause = xasprintf("%s %s cannot be used: %s", what, path, last_reason());
    ERR_clear_error();
    SSL_CTX_free(ssl);
    return -EINVAL;
}

static int finish(SSL_CTX *ssl, struct tls_context **ret_context)
{
    struct tls_context *context = xcalloc(1, sizeof *context);
    context->ssl = ssl;
    *ret_context = context;
    return 0;
}

int tls_context_create_pem(const char *cert_path, const char *key_path, struct tls_context **ret_context,
                           char **ret_cause)
{
    SSL_CTX *ssl = new_ssl();
    ERR_clear_error();
    if (!ssl)
        return -ENOMEM;
    if (SSL_CTX_use_certificate_chain_file(ssl, cert_path) != 1)
        return fail(ssl, "certificate file", cert_path, ret_cause);
    if (SSL_CTX_use_PrivateKey_file(ssl, key_path, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ssl) != 1)
        return fail(ssl, "private key file", key_path, ret_cause);
    return finish(ssl, ret_context);
}

struct bundle {
    EVP_PKEY *key;
    X509 *cert;
    STACK_OF(X509) * chain;
};

static void bundle_finish(struct bundle *b)
{
    EVP_PKEY_free(b->key);
    X509_free(b->cert);
    sk_X509_pop_free(b->chain, X509_free);
}

static bool bundle_read(const char *path, const char *secret, struct bundle *ret)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        ERR_raise_data(ERR_LIB_SYS, errno, "%s", path);
        return false;
    }
    PKCS12 *p12 = d2i_PKCS12_fp(file, NULL);
    fclose(file);
    bool ok = p12 && PKCS12_parse(p12, secret, &ret->key, &ret->cert, &ret->chain) == 1;
    if (p12 && !ok) { /* files made by Windows may use RC2, which is only in there */
        OSSL_PROVIDER *legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
        ok = legacy && PKCS12_parse(p12, secret, &ret->key, &ret->cert, &ret->chain) == 1;
        if (legacy)
            OSSL_PROVIDER_unload(legacy);
    }
    PKCS12_free(p12);
    return ok && ret->key && ret->cert;
}

int tls_context_create_pfx(const char *pfx_path, const char *secret, struct tls_context **ret_context,
                           char **ret_cause)
{
    struct bundle b = {0};
    SSL_CTX *ssl = new_ssl();
    ERR_clear_error();
    if (!ssl)
        return -ENOMEM;
    bool ok = bundle_read(pfx_path, secret, &b) &&
              SSL_CTX_use_cert_and_key(ssl, b.cert, b.key, b.chain, 1) == 1 &&
              SSL_CTX_check_private_key(ssl) == 1;
    bundle_finish(&b);
    return ok ? finish(ssl, ret_context) : fail(ssl, "PKCS#12 file", pfx_path, ret_cause);
}

struct tls_context *tls_context_destroy(struct tls_context *context)
{
    if (context)
        SSL_CTX_free(context->ssl); /* counted: each connection has its own reference */
    free(context);
    return NULL;
}

SSL *tls__session(struct tls_context *context)
{
    return SSL_new(context->ssl);
}
