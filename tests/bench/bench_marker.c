/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench.h"

#include "base/util.h"

/* 1 white, 0 black, -1 neither. JPEG does not leave it at exactly that. */
static int bit_of(uint32_t pixel)
{
    unsigned low = 255, high = 0;

    for (int shift = 0; shift <= 16; shift += 8) {
        low = MIN(low, pixel >> shift & 255);
        high = MAX(high, pixel >> shift & 255);
    }
    return low >= 0xc0 ? 1 : high < 0x40 ? 0 : -1;
}

/* 0 when there is none. */
static unsigned read_marker(const struct client *c)
{
    unsigned number = 0;

    if (!c->canvas || c->width < MARKER_CELLS * MARKER_CELL)
        return 0;
    for (int cell = 0; cell < MARKER_CELLS; cell++) {
        int bit = bit_of(c->canvas[c->width * (MARKER_CELL / 2) + cell * MARKER_CELL + MARKER_CELL / 2]);

        if (bit < 0 || (cell == 0 && bit != 1) || (cell == 1 && bit != 0))
            return 0;
        if (cell > 1)
            number = number << 1 | (unsigned)bit;
    }
    return number;
}

void client_look(struct client *c, uint64_t arrived_us)
{
    unsigned number = read_marker(c);

    if (number == 0 || number >= ARRAY_SIZE(c->arrived_us) || c->arrived_us[number] != 0)
        return;
    c->arrived_us[number] = arrived_us;
    c->decoded_us[number] = bench_now_us();
    c->shown = number;
}
