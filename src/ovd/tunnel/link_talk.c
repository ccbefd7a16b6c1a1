/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a link's thread and the loop say to each other: notes into the mailbox, answers into the link. */
#include <poll.h>
#include <unistd.h>

#include "ovd/tunnel/link_priv.h"

struct note *link__note(struct link *link, enum note_kind kind)
{
    struct note *note = xcalloc(1, sizeof *note);
    note->kind = kind;
    note->link = link;
    return note;
}

void link__report(struct link *link, enum tunnel_reason reason, const char *text)
{
    struct note *note = link__note(link, NOTE_REFUSED);
    note->reason = reason;
    ask__printable(text, note->text);
    mailbox__put(link->mailbox, note);
}

static void ring(struct link *link)
{
    uint64_t one = 1;
    (void)!write(link->bell, &one, sizeof one);
}

void link__silence_bell(struct link *link)
{
    uint64_t count;
    (void)!read(link->bell, &count, sizeof count);
}

void link__stop(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    link->stop = true;
    pthread_mutex_unlock(&link->lock);
    ring(link);
}

bool link__is_stopped(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    bool stop = link->stop;
    pthread_mutex_unlock(&link->lock);
    return stop;
}

void link__cut(struct link *link, unsigned port)
{
    pthread_mutex_lock(&link->lock);
    if (link->cut_count < ARRAY_SIZE(link->cuts))
        link->cuts[link->cut_count++] = (struct cut){port, link->heard};
    else
        link->stop = true; /* it does not even take these: then all of it ends */
    pthread_mutex_unlock(&link->lock);
    ring(link);
}

void link__make_cuts(struct link *link)
{
    struct cut cuts[ARRAY_SIZE(link->cuts)];
    pthread_mutex_lock(&link->lock);
    unsigned count = link->cut_count;
    memcpy(cuts, link->cuts, count * sizeof cuts[0]);
    link->cut_count = 0;
    pthread_mutex_unlock(&link->lock);
    for (unsigned i = 0; i < count; i++)
        pump__cut(link, &cuts[i]);
}

void link__answer(struct link *link, unsigned number, bool answer, int fd)
{
    pthread_mutex_lock(&link->lock);
    bool wanted = link->waiting == number && !link->answered;
    if (wanted) {
        link->answered = true;
        link->answer = answer;
        link->answer_fd = fd;
    }
    pthread_mutex_unlock(&link->lock);
    if (wanted)
        ring(link);
    else if (fd >= 0)
        close(fd);
}

static void start_waiting(struct link *link, unsigned number)
{
    pthread_mutex_lock(&link->lock);
    link->waiting = number;
    link->answered = link->answer = false;
    link->answer_fd = -1;
    pthread_mutex_unlock(&link->lock);
}

/* Takes what there is; nothing that comes later is wanted. */
static bool stop_waiting(struct link *link, bool *ret_answer, int *ret_fd)
{
    pthread_mutex_lock(&link->lock);
    bool answered = link->answered;
    *ret_answer = link->answer;
    *ret_fd = link->answer_fd;
    link->waiting = 0;
    link->answer_fd = -1;
    pthread_mutex_unlock(&link->lock);
    return answered;
}

static bool is_waiting(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    bool waiting = !link->stop && !link->answered;
    pthread_mutex_unlock(&link->lock);
    return waiting;
}

bool link__ask(struct link *link, struct note *note, int *ret_fd)
{
    uint64_t end = link__now() + TUNNEL_VERDICT_MS, now;
    bool answer;
    note->number = ++link->asked;
    start_waiting(link, note->number);
    mailbox__put(link->mailbox, note);
    while (is_waiting(link) && (now = link__now()) < end) {
        struct pollfd bell = {.fd = link->bell, .events = POLLIN};
        if (poll(&bell, 1, (int)(end - now)) > 0)
            link__silence_bell(link);
    }
    if (stop_waiting(link, &answer, ret_fd))
        return answer;
    if (!link__is_stopped(link))
        link__report(link, TUNNEL_NO_ANSWER, "no answer in time");
    /* The loop may have let the user in by now: then the link's end takes that back. */
    link->failed = !link->authenticated;
    return false;
}
