/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Picture quality: one word in sessions and access data, three numbers in an RFB client. */
#ifndef ISTHMUS_OVD_MESSAGE_QUALITY_H
#define ISTHMUS_OVD_MESSAGE_QUALITY_H

#include "base/util.h"

enum ovd_quality { OVD_QUALITY_LOWEST, OVD_QUALITY_MEDIUM, OVD_QUALITY_HIGH, OVD_QUALITY_HIGHEST };
extern const char *const ovd_quality_words[4]; /* lowest medium high highest */

struct ovd_quality_settings {
    int compression;        /* of Tight, 0 to 9 */
    int jpeg;               /* 0 to 9 */
    bool restricted_colors; /* eight bits for a pixel */
};

/* Always one: a word, or the number from 0 to 9 that older versions had in its place. Every other word is the
 * highest, as it is for the original's clients, and none at all (NULL or empty) is "high", the default. */
enum ovd_quality ovd_quality_read(const char *text);
/* What clients make of the word. */
const struct ovd_quality_settings *ovd_quality_settings(enum ovd_quality quality);
/* The quality whose settings come nearest: for access data without the word. */
enum ovd_quality ovd_quality_nearest(const struct ovd_quality_settings *settings);

#endif
