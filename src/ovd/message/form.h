/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fields as browsers and legacy programs send them: queries, bodies of forms in both encodings, cookies. */
#ifndef ISTHMUS_OVD_MESSAGE_FORM_H
#define ISTHMUS_OVD_MESSAGE_FORM_H

#include "base/util.h"

#define FORM_FIELDS_MAX 128
#define FORM_NAME_MAX 64
#define FORM_VALUE_MAX 8192

struct form_field {
    char *name;
    char *value; /* UTF-8 */
};

struct form {
    struct form_field fields[FORM_FIELDS_MAX];
    size_t count;
};

/* Each adds to the form, which starts zeroed. -EINVAL for what is malformed or no UTF-8 text, -EMSGSIZE past
 * a limit; the form then holds what came before. form_finish in every case. */
int form_read_urlencoded(struct form *form, const char *text, size_t len);
/* type is the whole Content-Type, which has the boundary. A part that is a file is left out. */
int form_read_multipart(struct form *form, const char *type, const char *data, size_t len);
/* One line of "a=1; b=2"; what is no pair is ignored, as servers have always done. */
int form_read_cookies(struct form *form, const char *line);
/* The last one of that name, as PHP has it; NULL. Lent. */
const char *form_get(const struct form *form, const char *name);
void form_finish(struct form *form); /* overwrites the values: passwords are among them */

#endif
