/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/cmdline.h"

#include "base/buf.h"
#include "base/str.h"

#define ARG_MAX_LEN 8192

char **cmdline_free(char **argv)
{
    for (size_t i = 0; argv && argv[i]; i++)
        free(argv[i]);
    free(argv);
    return NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Reads the quoted part that starts at *at (which is the quote) and leaves *at behind the closing quote. */
static int read_quoted(const char **at, struct buf *out)
{
    char quote = *(*at)++;
    while (**at && **at != quote) {
        if (quote == '"' && **at == '\\' && ((*at)[1] == '"' || (*at)[1] == '\\'))
            (*at)++;
        int r = buf_append(out, *at, 1);
        if (r < 0)
            return r;
        (*at)++;
    }
    if (!**at)
        return -EINVAL;
    (*at)++;
    return 0;
}

static int read_word(const char **at, struct buf *out)
{
    int r = 0;
    while (r >= 0 && **at && !is_space(**at)) {
        if (**at == '\'' || **at == '"') {
            r = read_quoted(at, out);
            continue;
        }
        if (**at == '\\' && !*++*at)
            return -EINVAL;
        r = buf_append(out, *at, 1);
        (*at)++;
    }
    return r < 0 ? r : 0;
}

/* One pass over the template, so that a user called "{SESSION_ID}" is not expanded a second time. */
static int expand(const char *word, const char *session_id, const char *username, char **ret_word)
{
    const struct {
        const char *name, *value;
    } variables[] = {{"{SESSION_ID}", session_id}, {"{USERNAME}", username}};
    struct buf out;
    buf_init(&out, ARG_MAX_LEN);
    while (*word) {
        size_t skip = 1;
        const char *text = word;
        size_t len = 1;
        for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
            if (!str_starts_with(word, variables[i].name))
                continue;
            skip = strlen(variables[i].name);
            text = variables[i].value;
            len = strlen(text);
        }
        int r = buf_append(&out, text, len);
        if (r < 0) {
            buf_finish(&out);
            return r;
        }
        word += skip;
    }
    *ret_word = buf_steal_str(&out);
    return *ret_word ? 0 : -ENOMEM;
}

static int add_word(char **argv, size_t *count, const char *word, const char *session_id,
                    const char *username)
{
    if (*count == CMDLINE_ARGS_MAX)
        return -E2BIG;
    int r = expand(word, session_id, username, &argv[*count]);
    if (r < 0)
        return r;
    ++*count;
    return 0;
}

/* The words of a line, after those that are there. */
static int add_words(char **argv, size_t *count, const char *line, const char *session_id,
                     const char *username)
{
    int r = 0;
    while (r >= 0) {
        while (is_space(*line))
            line++;
        if (!*line)
            break;
        struct buf word;
        buf_init(&word, ARG_MAX_LEN);
        r = read_word(&line, &word);
        cleanup_free char *text = buf_steal_str(&word);
        if (r >= 0)
            r = text ? add_word(argv, count, text, session_id, username) : -ENOMEM;
    }
    return r;
}

int cmdline_build(const char *exe, const char *line, const char *session_id, const char *username,
                  char ***ret_argv)
{
    char **argv = xcalloc(CMDLINE_ARGS_MAX + 1, sizeof *argv);
    size_t count = 0;
    int r = *exe ? add_word(argv, &count, exe, session_id, username) : -EINVAL;
    if (r >= 0)
        r = add_words(argv, &count, line, session_id, username);
    if (r < 0) {
        cmdline_free(argv);
        return r;
    }
    *ret_argv = argv;
    return 0;
}

int cmdline_split(const char *line, const char *argument, const char *session_id, const char *username,
                  char ***ret_argv)
{
    char **argv = xcalloc(CMDLINE_ARGS_MAX + 1, sizeof *argv);
    size_t count = 0;
    int r = add_words(argv, &count, line, session_id, username);
    if (r >= 0 && (count == 0 || !*argv[0]))
        r = -EINVAL;
    if (r >= 0 && argument && *argument) {
        if (count == CMDLINE_ARGS_MAX)
            r = -E2BIG;
        else if (strlen(argument) > ARG_MAX_LEN)
            r = -EINVAL;
        else
            argv[count] = xstrdup(argument);
    }
    if (r < 0) {
        cmdline_free(argv);
        return r;
    }
    *ret_argv = argv;
    return 0;
}
