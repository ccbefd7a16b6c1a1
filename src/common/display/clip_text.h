/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts of clipboards. Inside they are UTF-8 with LF; X and RFB also have Latin-1, and other line ends. Pure
 * functions. A text that is returned has a NUL after its len bytes and is the caller's to free. */
#ifndef ISTHMUS_DISPLAY_CLIP_TEXT_H
#define ISTHMUS_DISPLAY_CLIP_TEXT_H

#include "base/util.h"

/* Latin-1 to UTF-8; a NUL stays one. -ENOMEM. */
int clip_text_from_latin1(const void *data, size_t len, char **ret_text, size_t *ret_len);
/* What Latin-1 lacks becomes a question mark; text is valid UTF-8. -ENOMEM. */
int clip_text_to_latin1(const char *text, size_t len, char **ret_latin1, size_t *ret_len);
/* In place: CR LF and lone CR become LF. Returns the new length, which is not longer; no NUL is added. */
size_t clip_text_unify_lines(char *text, size_t len);

#endif
