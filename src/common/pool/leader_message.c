/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/leader_message.h"

#include "base/str.h"
#include "pool/leader_part.h"
#include "pool/leader_x11.h"

#define SHOWN_MAX 64  /* on all displays */
#define LINE_CHARS 64 /* the dialog program makes a line as wide as the screen */
#define BREAKS_MAX 20 /* of the message's own: its button stays on the screen */

struct leader_messages {
    struct loop *loop;
    int errors_fd;
    struct leader_part shown[SHOWN_MAX];
    unsigned next;
};

int leader_messages_create(struct loop *loop, int errors_fd, struct leader_messages **ret_messages)
{
    struct leader_messages *m = xcalloc(1, sizeof *m);
    m->loop = loop;
    m->errors_fd = errors_fd;
    *ret_messages = m;
    return 0;
}

static void on_closed(void *arg, int wait_status)
{
    (void)arg;
    (void)wait_status;
}

static bool starts_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* Characters of the word at text. */
static size_t word_chars(const char *text)
{
    size_t chars = 0;
    for (; *text && *text != ' ' && *text != '\n'; text++)
        chars += starts_character(*text);
    return chars;
}

char *leader_message_wrap(const char *text)
{
    char *wrapped = xstrdup(text);
    size_t chars = 0, breaks = 0;
    for (char *at = wrapped; *at; at++) {
        if (*at == '\n' && breaks++ >= BREAKS_MAX)
            *at = ' ';
        if (*at == ' ' && chars + 1 + word_chars(at + 1) > LINE_CHARS)
            *at = '\n';
        chars = *at == '\n' ? 0 : chars + starts_character(*at);
    }
    return wrapped;
}

/* The dialog program reads C escapes in its text, so a backslash of the message needs one of its own; mark-up
 * it is told to leave alone. */
void leader_messages_show(struct leader_messages *m, const char *display, const char *text)
{
    cleanup_free char *wrapped = leader_message_wrap(text);
    cleanup_free char *escaped = str_replace(wrapped, "\\", "\\\\");
    cleanup_free char *argument = xasprintf("--text=%s", escaped);
    char class_argument[] = "--class=" LEADER_MESSAGE_CLASS;
    char name_argument[] = "--name=" LEADER_MESSAGE_CLASS;
    char *const argv[] = {"yad",
                          class_argument,
                          name_argument,
                          "--title=Message",
                          "--image=dialog-information",
                          "--window-icon=dialog-information",
                          "--fixed",
                          "--borders=12",
                          "--center",
                          "--on-top",
                          "--button=OK:0",
                          "--no-markup",
                          argument,
                          NULL};
    struct spawn_fd fds[] = {{m->errors_fd, 1}, {m->errors_fd, 2}};
    struct leader_part_options options = {
        .argv = argv, .display = display, .fds = fds, .fd_count = ARRAY_SIZE(fds), .gone = on_closed};
    struct leader_part *part = &m->shown[m->next];
    m->next = (m->next + 1) % SHOWN_MAX;
    leader_part_finish(part);
    (void)leader_part_start(part, m->loop, &options);
}

struct leader_messages *leader_messages_destroy(struct leader_messages *m)
{
    if (!m)
        return NULL;
    for (unsigned i = 0; i < SHOWN_MAX; i++)
        leader_part_finish(&m->shown[i]);
    free(m);
    return NULL;
}
