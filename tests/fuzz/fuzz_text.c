// links: json base
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decoders every request goes through: percent escapes, queries, base64, hex, numbers and JSON. What one
 * accepts has to be canonical: written again it reads back the same. */
#include "base/codec.h"
#include "base/str.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool right)
{
    if (!right)
        abort();
}

static void fuzz_percent(const char *text, size_t size)
{
    cleanup_free char *plain = NULL;
    cleanup_free char *again = NULL;
    cleanup_free char *coded = NULL;
    cleanup_free char *value = NULL;

    if (query_get(text, "a", &value) == 0)
        expect(str_is_utf8(value, strlen(value), true));
    if (percent_decode(text, size, &plain) < 0)
        return;
    expect(str_is_utf8(plain, strlen(plain), true));
    coded = percent_encode(plain);
    expect(percent_decode(coded, strlen(coded), &again) == 0 && str_eq(plain, again));
}

static void fuzz_base64(const char *text, size_t size)
{
    cleanup_free uint8_t *data = NULL;
    cleanup_free uint8_t *url = NULL;
    cleanup_free char *again = NULL;
    cleanup_free char *again_url = NULL;
    size_t len = 0;

    if (base64_decode(text, size, &data, &len) == 0) {
        again = base64_encode(data, len);
        expect(strlen(again) == size && memcmp(again, text, size) == 0);
    }
    if (base64url_decode(text, size, &url, &len) == 0) {
        again_url = base64url_encode(url, len);
        expect(strlen(again_url) == size && memcmp(again_url, text, size) == 0);
    }
}

static void fuzz_json(const char *text, size_t size)
{
    char error[JSON_ERROR_LEN] = "";
    cleanup_json json_t *value = NULL;
    cleanup_json json_t *again = NULL;
    cleanup_free char *written = NULL;

    if (json_read(text, size, &value, error) < 0) {
        expect(*error != '\0');
        return;
    }
    written = json_text(value);
    expect(written && json_read(written, strlen(written), &again, error) == 0 && json_equal(value, again));
}

static void fuzz_small(const char *text)
{
    cleanup_free char *trimmed = xstrdup(text);
    uint8_t raw[16];
    int64_t number;

    str_trim_utf8(trimmed);
    expect(!str_is_utf8(text, strlen(text), false) || str_eq(text, trimmed));
    if (str_to_int(text, -1000, 1000, &number) == 0)
        expect(number >= -1000 && number <= 1000);
    expect(!str_is_id(text) || hex_decode(text, raw, sizeof(raw)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy with NUL behind it, because some of them take strings; the others must stop at size, which the
     * copy's end shows. */
    cleanup_free char *text = malloc(size + 1);

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    fuzz_percent(text, size);
    fuzz_base64((const char *)data, size);
    fuzz_json((const char *)data, size);
    fuzz_small(text);
    return 0;
}
