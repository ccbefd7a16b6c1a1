/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/mail.h"

#include <curl/curl.h>
#include <time.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/secret.h"
#include "base/str.h"

#define MAIL_MAX ((size_t)64 * 1024)
#define BASE64_LINE 76 /* RFC 2045 section 6.8 */

struct upload {
    const uint8_t *data;
    size_t len;
};

static size_t read_upload(char *to, size_t size, size_t count, void *arg)
{
    struct upload *upload = arg;
    size_t n = MIN(size * count, upload->len);
    memcpy(to, upload->data, n);
    upload->data += n;
    upload->len -= n;
    return n;
}

/* Nothing that could end the header or the SMTP command it stands in. */
static bool is_address(const char *address)
{
    size_t len = strlen(address);
    return len > 2 && len <= 254 && strchr(address, '@') && str_is_utf8(address, len, true) &&
           !strpbrk(address, " <>,;\"\r\n");
}

static int append_base64(struct buf *out, const char *text)
{
    cleanup_free char *encoded = base64_encode(text, strlen(text));
    int r = encoded ? 0 : -ENOMEM;
    for (const char *p = encoded; r == 0 && *p;) {
        size_t n = strnlen(p, BASE64_LINE);
        r = buf_append(out, p, n);
        if (r == 0)
            r = buf_append_str(out, "\r\n");
        p += n;
    }
    return r;
}

/* Text and subject travel as base64, so that no server on the way has to understand more than ASCII. */
static int compose(const struct mail *mail, struct buf *out)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    cleanup_free char *subject = base64_encode(mail->subject, strlen(mail->subject));
    char id[SECRET_ID_LEN];
    time_t now = time(NULL);
    struct tm tm;
    if (!subject || strlen(mail->subject) > 200 || !gmtime_r(&now, &tm))
        return -EINVAL;
    secret_random_id(id);
    int r = buf_append_fmt(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
                           months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (r == 0)
        r = buf_append_fmt(out, "From: <%s>\r\nTo: <%s>\r\nSubject: =?UTF-8?B?%s?=\r\n", mail->from, mail->to,
                           subject);
    if (r == 0)
        r = buf_append_fmt(out,
                           "Message-ID: <%s%s>\r\nMIME-Version: 1.0\r\n"
                           "Content-Type: text/plain; charset=utf-8\r\n"
                           "Content-Transfer-Encoding: base64\r\n\r\n",
                           id, strchr(mail->from, '@'));
    return r == 0 ? append_base64(out, mail->text) : r;
}

static int to_errno(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return 0;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return -EINVAL;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return -ECONNREFUSED;
    case CURLE_LOGIN_DENIED:
        return -EACCES;
    default:
        return -EIO;
    }
}

static int transfer(CURL *easy, const struct mail *mail, struct curl_slist *to, struct upload *upload)
{
    cleanup_free char *from = xasprintf("<%s>", mail->from);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)mail->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_upload);
    curl_easy_setopt(easy, CURLOPT_READDATA, upload);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)upload->len);
    if (*mail->user) {
        curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL); /* no password in the clear */
        curl_easy_setopt(easy, CURLOPT_USERNAME, mail->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, mail->password);
    }
    if (curl_easy_setopt(easy, CURLOPT_URL, mail->server) != CURLE_OK)
        return -ENOMEM;
    return to_errno(curl_easy_perform(easy));
}

int mail_send(const struct mail *mail)
{
    struct buf message;
    struct upload upload;
    if (!is_address(mail->from) || !is_address(mail->to))
        return -EINVAL;
    cleanup_free char *rcpt = xasprintf("<%s>", mail->to);
    struct curl_slist *to = curl_slist_append(NULL, rcpt);
    CURL *easy = curl_easy_init();
    buf_init(&message, MAIL_MAX);
    int r = to && easy ? compose(mail, &message) : -ENOMEM;
    if (r == 0) {
        upload = (struct upload){message.data, message.len};
        r = transfer(easy, mail, to, &upload);
    }
    buf_finish(&message);
    curl_easy_cleanup(easy);
    curl_slist_free_all(to);
    return r;
}
