// links: pool
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line between session host and keeper, and an application's command line: the input's first byte
 * chooses. */
#include "pool/cmdline.h"
#include "pool/keeper_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] != '$') {
        struct keeper_line line;
        (void)keeper_line_parse((const char *)data, size, &line);
        return 0;
    }
    char *text = calloc(1, size);
    char **argv = NULL;
    if (text)
        memcpy(text, data + 1, size - 1);
    if (text && cmdline_build("prog", text, "0123456789abcdef0123456789abcdef", "{SESSION_ID}", &argv) == 0)
        cmdline_free(argv);
    free(text);
    return 0;
}
