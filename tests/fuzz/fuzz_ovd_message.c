// links: ovd_message
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every reader of an OVD message on the same arbitrary bytes. What one accepts has to settle: written again
 * it is accepted again, and gives the same bytes from then on. */
#include "../unit/ovd/message/every_message.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_problem(void *arg, int line, const char *message)
{
    size_t *count = arg;

    if (line < 0 || !message || !str_is_utf8(message, strlen(message), false))
        abort();
    ++*count;
}

static void fuzz_one(size_t message, const char *data, size_t size)
{
    struct buf first, second;
    size_t problems = 0;
    int r;

    buf_init(&first, XML_SIZE_MAX * 8);
    buf_init(&second, XML_SIZE_MAX * 8);
    r = every_message[message].echo(data, size, on_problem, &problems, &first);
    /* Refused without a reason, or accepted with one; or parts of it written. */
    if ((r == 0) != (problems == 0) || (r < 0 && first.len > 0))
        abort();
    if (r == 0 &&
        (every_message[message].echo((const char *)first.data, first.len, NULL, NULL, &second) < 0 ||
         first.len != second.len || memcmp(first.data, second.data, first.len) != 0))
        abort();
    buf_finish(&first);
    buf_finish(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof(every_message) / sizeof(every_message[0]); i++)
        fuzz_one(i, (const char *)data, size);
    return 0;
}
