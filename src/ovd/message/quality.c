/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/quality.h"

#include "base/str.h"

const char *const ovd_quality_words[4] = {"lowest", "medium", "high", "highest"};

static const struct ovd_quality_settings table[] = {
    [OVD_QUALITY_LOWEST] = {9, 8, true},
    [OVD_QUALITY_MEDIUM] = {9, 7, false},
    [OVD_QUALITY_HIGH] = {9, 8, false},
    [OVD_QUALITY_HIGHEST] = {9, 9, false},
};

enum ovd_quality ovd_quality_read(const char *text)
{
    int64_t number;

    if (!text || !*text)
        return OVD_QUALITY_HIGH;
    for (size_t i = 0; i < ARRAY_SIZE(ovd_quality_words); i++) {
        if (str_eq(ovd_quality_words[i], text))
            return (enum ovd_quality)i;
    }
    /* The old numbers were 2, 5, 8 and 9. */
    if (str_to_int(text, 0, 9, &number) < 0 || number == 9)
        return OVD_QUALITY_HIGHEST;
    return number <= 2 ? OVD_QUALITY_LOWEST : number <= 5 ? OVD_QUALITY_MEDIUM : OVD_QUALITY_HIGH;
}

const struct ovd_quality_settings *ovd_quality_settings(enum ovd_quality quality)
{
    return &table[(size_t)quality < ARRAY_SIZE(table) ? quality : OVD_QUALITY_HIGHEST];
}

/* The JPEG numbers of the old child form lie lower than today's (3, 5, 7, 9), hence "at most". */
enum ovd_quality ovd_quality_nearest(const struct ovd_quality_settings *settings)
{
    if (settings->restricted_colors)
        return OVD_QUALITY_LOWEST;
    if (settings->jpeg >= 9)
        return OVD_QUALITY_HIGHEST;
    if (settings->jpeg == 8 || (settings->jpeg == 7 && settings->compression < 9))
        return OVD_QUALITY_HIGH;
    return OVD_QUALITY_MEDIUM;
}
