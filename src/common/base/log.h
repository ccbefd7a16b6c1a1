/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line per event on standard error: UTC time, level, component, session id, text. Only the daemon layer
 * (roles and front-ends) logs; library code returns errors. Control characters in the text are escaped, so an
 * event is always one line. Thread-safe. Secrets never go here. */
#ifndef ISTHMUS_BASE_LOG_H
#define ISTHMUS_BASE_LOG_H

#include "base/util.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Call once before the first thread. component names the role ("gateway"); it is copied. */
void log_init(const char *component, enum log_level level, enum log_format format);
/* Where lines go, default STDERR_FILENO. */
void log_set_fd(int fd);
/* 0, or -EINVAL for a word that is none of error, warn, info, debug. */
int log_level_parse(const char *word, enum log_level *ret_level);

/* session may be NULL. */
void log_event(enum log_level level, const char *session, const char *fmt, ...) PRINTF(3, 4);

#define log_error(...) log_event(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_warn(...) log_event(LOG_LEVEL_WARN, NULL, __VA_ARGS__)
#define log_info(...) log_event(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_event(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)

#endif
