/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The certificate a farm starts with: signed by itself, replaced by the administrator's own when there is
 * one. */
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "net/addr.h"
#include "net/tls.h"

#define LIFETIME_S (825L * 24 * 3600)
#define NAMES_MAX ((size_t)8192)
#define ADDRESSES_MAX 32

static bool is_useful(const struct sockaddr *address)
{
    if (!address || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return false;
    struct sockaddr_in6 v6;
    memcpy(&v6, address, address->sa_family == AF_INET6 ? sizeof v6 : sizeof(struct sockaddr_in));
    return address->sa_family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr);
}

/* "DNS:localhost,DNS:host,IP:..." for the subject alternative name. */
static int collect_names(struct buf *b)
{
    char host[256] = "";
    struct ifaddrs *list = NULL;
    int rc = buf_append_str(b, "DNS:localhost");
    if (gethostname(host, sizeof host - 1) == 0 && host[0] && strcmp(host, "localhost") != 0 &&
        strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == strlen(host))
        rc = buf_append_fmt(b, ",DNS:%s", host);
    if (rc == 0 && getifaddrs(&list) < 0)
        rc = buf_append_str(b, ",IP:127.0.0.1,IP:::1");
    size_t count = 0;
    for (const struct ifaddrs *i = list; rc == 0 && i && count < ADDRESSES_MAX; i = i->ifa_next) {
        char text[ADDR_TEXT_LEN];
        if (!is_useful(i->ifa_addr))
            continue;
        addr_text(i->ifa_addr, text);
        rc = buf_append_fmt(b, ",IP:%s", text);
        count++;
    }
    if (list)
        freeifaddrs(list);
    return rc;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
    bool ok = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool set_serial(X509 *cert)
{
    unsigned char raw[8];
    if (RAND_bytes(raw, sizeof raw) != 1)
        return false;
    raw[0] &= 0x7f;
    raw[0] |= 0x40;
    BIGNUM *number = BN_bin2bn(raw, sizeof raw, NULL);
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return ok;
}

static X509 *make_cert(EVP_PKEY *key, const char *names)
{
    X509 *cert = X509_new();
    if (!cert)
        return NULL;
    X509_NAME *name = X509_get_subject_name(cert);
    bool ok =
        X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -3600) && /* clocks differ */
        X509_gmtime_adj(X509_getm_notAfter(cert), LIFETIME_S - 3600) && X509_set_pubkey(cert, key) == 1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Isthmus", -1, -1, 0) ==
            1 &&
        X509_set_issuer_name(cert, name) == 1 && add_extension(cert, NID_subject_alt_name, names) &&
        add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
        add_extension(cert, NID_ext_key_usage, "serverAuth") &&
        add_extension(cert, NID_subject_key_identifier, "hash") && X509_sign(cert, key, EVP_sha256()) > 0;
    if (ok)
        return cert;
    X509_free(cert);
    return NULL;
}

static int write_pem(const char *path, mode_t mode, EVP_PKEY *key, X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio && (cert ? PEM_write_bio_X509(bio, cert) == 1
                           : PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    char *data = NULL;
    long len = ok ? BIO_get_mem_data(bio, &data) : 0;
    int rc = len > 0 ? file_write(AT_FDCWD, path, data, (size_t)len, mode) : -EIO;
    BIO_free(bio);
    return rc;
}

int tls_make_self_signed(const char *cert_path, const char *key_path)
{
    struct buf names;
    bool have_cert = access(cert_path, F_OK) == 0, have_key = access(key_path, F_OK) == 0;
    if (have_cert || have_key)
        return have_cert && have_key ? 0 : -EEXIST;
    buf_init(&names, NAMES_MAX);
    int rc = collect_names(&names);
    cleanup_free char *text = buf_steal_str(&names);
    EVP_PKEY *key = rc == 0 ? EVP_EC_gen("P-256") : NULL;
    X509 *cert = key ? make_cert(key, text) : NULL;
    if (rc == 0)
        rc = cert ? write_pem(key_path, 0600, key, NULL) : -EIO;
    if (rc == 0)
        rc = write_pem(cert_path, 0644, key, cert);
    X509_free(cert);
    EVP_PKEY_free(key);
    return rc;
}
