/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts for whoever sits at a display of the session, each in a window of a small dialog program. Such a
 * window is nobody's application (leader_x11.h). */
#ifndef ISTHMUS_POOL_LEADER_MESSAGE_H
#define ISTHMUS_POOL_LEADER_MESSAGE_H

#include "loop/loop.h"

struct leader_messages;

int leader_messages_create(struct loop *loop, int errors_fd, struct leader_messages **ret_messages);
/* Shows a text, UTF-8, on the display (":100") until somebody closes it. Beyond a few the oldest goes. */
void leader_messages_show(struct leader_messages *m, const char *display, const char *text);
/* The text with spaces turned into ends of lines where a line would become too long; the caller frees. */
char *leader_message_wrap(const char *text);
/* NULL-safe; returns NULL. */
struct leader_messages *leader_messages_destroy(struct leader_messages *m);

#endif
