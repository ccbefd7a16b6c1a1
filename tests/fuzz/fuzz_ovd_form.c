// links: ovd_message
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The readers of queries, forms in both encodings, and cookies. Up to the first newline the input is a
 * Content-Type. */
#include "ovd/message/form.h"

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken is text within the limits, and is found again. */
static void check(struct form *form)
{
    if (form->count > FORM_FIELDS_MAX)
        abort();
    for (size_t i = 0; i < form->count; i++) {
        const struct form_field *f = &form->fields[i];
        if (strlen(f->name) > FORM_NAME_MAX || strlen(f->value) > FORM_VALUE_MAX ||
            !str_is_utf8(f->value, strlen(f->value), false) || !form_get(form, f->name))
            abort();
    }
    form_finish(form);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct form form = {0};
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t head = line ? (size_t)(line - data) : size;
    cleanup_free char *text = xcalloc(1, size + 1);
    cleanup_free char *type = xcalloc(1, head + 1);
    if (size > 0)
        memcpy(text, data, size);
    if (head > 0)
        memcpy(type, data, head);
    (void)form_read_urlencoded(&form, text, size);
    check(&form);
    (void)form_read_cookies(&form, text);
    check(&form);
    (void)form_read_multipart(&form, type, text + head + (line != NULL), size - head - (line != NULL));
    check(&form);
    return 0;
}
