/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

uint64_t clock_monotonic_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock ? clock->monotonic_ms : clock_monotonic_us() / 1000;
}

int64_t clock_wall_s(const struct clock *clock)
{
    return clock ? clock->wall_s : (int64_t)time(NULL);
}

void clock_format_utc(int64_t wall_s, char ret_text[21])
{
    time_t t = (time_t)wall_s;
    struct tm tm;

    /* Four digits of year are what the 21 bytes hold. */
    if (!gmtime_r(&t, &tm) || tm.tm_year + 1900 > 9999 || tm.tm_year + 1900 < 0) {
        memcpy(ret_text, "0000-00-00T00:00:00Z", 21);
        return;
    }
    strftime(ret_text, 21, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
