/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time. Durations and deadlines are on the monotonic clock, in milliseconds; the wall clock is only for
 * people and for tokens. */
#ifndef ISTHMUS_BASE_CLOCK_H
#define ISTHMUS_BASE_CLOCK_H

#include "base/util.h"

/* A clock that a test can turn: the functions below read the real one when clock is NULL. */
struct clock {
    uint64_t monotonic_ms;
    int64_t wall_s;
};

uint64_t clock_monotonic_ms(const struct clock *clock);
uint64_t clock_monotonic_us(void);
int64_t clock_wall_s(const struct clock *clock); /* Unix seconds */
/* "2026-11-21T05:28:39Z" */
void clock_format_utc(int64_t wall_s, char ret_text[21]);

#endif
