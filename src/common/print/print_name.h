/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of printed documents: UNIXTIME-TITLE.pdf. The time is the document's number: no two of a session have
 * the same. */
#ifndef ISTHMUS_PRINT_PRINT_NAME_H
#define ISTHMUS_PRINT_PRINT_NAME_H

#include "base/util.h"

#define PRINT_TITLE_LEN 128                   /* TITLE.pdf with its NUL */
#define PRINT_NAME_LEN (PRINT_TITLE_LEN + 12) /* 1795230325-TITLE.pdf with its NUL */
#define PRINT_TIME_MAX 9999999999             /* ten digits: the order of names is the order of times */

/* What is left of a title that an application chose: UTF-8 without control and direction characters, spaces,
 * slashes, brackets, and what would end the value of a header; no dot in front, no ".pdf" at the end of the
 * title itself. Never empty. "TITLE.pdf" is written. */
void print_title_clean(const char *title, char ret_title[PRINT_TITLE_LEN]);
/* 0, or -ERANGE for a time of more than ten digits. title is a clean one. */
int print_name_build(int64_t time, const char *title, char ret_name[PRINT_NAME_LEN]);
/* -EINVAL for any name that print_name_build does not make of a clean title. */
int print_name_parse(const char *name, int64_t *ret_time, char ret_title[PRINT_TITLE_LEN]);

#endif
