/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A source without a display, for tests of everything that stands on one: it shows what it is told to and
 * writes down the input. */
#ifndef ISTHMUS_DISPLAY_SOURCE_TEST_H
#define ISTHMUS_DISPLAY_SOURCE_TEST_H

#include "display/source.h"

int source_test_create(struct loop *loop, int width, int height, struct source **ret_source);
/* Draws; the listener hears of it on a later turn. */
void source_test_fill(struct source *source, const struct frame_rect *rect, uint32_t pixel);
/* Different colours everywhere, so that nothing compresses to a fill; seed chooses them. */
void source_test_noise(struct source *source, const struct frame_rect *rect, uint32_t seed);
void source_test_cursor(struct source *source, const struct frame_cursor *cursor);
/* A program of the session copies a text. */
void source_test_copy(struct source *source, const char *text, size_t len);
/* The text that the clipboard was last made to hold; NULL: none yet. Lent until the next. */
const char *source_test_clipboard(struct source *source);
void source_test_fail(struct source *source, int error);
/* Input so far as text, one event after the other: "p10,20,1 w0,-1 k0061,38,1 ". Lent until the next input.
 */
const char *source_test_input(struct source *source);
unsigned source_test_captures(struct source *source);

#endif
