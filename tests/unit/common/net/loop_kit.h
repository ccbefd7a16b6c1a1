/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A loop in a thread of its own, so that a test can be the blocking client on the other side. */
#ifndef TESTS_LOOP_KIT_H
#define TESTS_LOOP_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"
#include "loop/loop.h"

struct loop_kit {
    struct loop *loop;
    pthread_t thread;
};

struct loop_kit_call {
    void (*fn)(void *arg);
    void *arg;
    sem_t done;
};

static inline void *loop_kit_main(void *arg)
{
    struct loop_kit *kit = arg;
    loop_run(kit->loop);
    return NULL;
}

static inline void loop_kit_run(void *arg)
{
    struct loop_kit_call *call = arg;
    call->fn(call->arg);
    sem_post(&call->done);
}

/* Runs fn on the loop's thread and waits for it. */
static inline void loop_kit_do(struct loop_kit *kit, void (*fn)(void *arg), void *arg)
{
    struct loop_kit_call call = {.fn = fn, .arg = arg};
    sem_init(&call.done, 0, 0);
    loop_post(kit->loop, loop_kit_run, &call);
    sem_wait(&call.done);
    sem_destroy(&call.done);
}

static inline void loop_kit_start(struct loop_kit *kit)
{
    assert_int_equal(loop_create(&kit->loop), 0);
    assert_int_equal(pthread_create(&kit->thread, NULL, loop_kit_main, kit), 0);
}

static inline void loop_kit_quit(void *arg)
{
    loop_stop(arg);
}

static inline void loop_kit_stop(struct loop_kit *kit)
{
    loop_post(kit->loop, loop_kit_quit, kit->loop);
    pthread_join(kit->thread, NULL);
    loop_destroy(kit->loop);
}

struct loop_kit_question {
    bool (*test)(void *arg);
    void *arg;
    bool answer;
};

static inline void loop_kit_ask(void *arg)
{
    struct loop_kit_question *question = arg;
    question->answer = question->test(question->arg);
}

/* What test says on the loop's thread right now. */
static inline bool loop_kit_is(struct loop_kit *kit, bool (*test)(void *arg), void *arg)
{
    struct loop_kit_question question = {test, arg, false};
    loop_kit_do(kit, loop_kit_ask, &question);
    return question.answer;
}

/* Waits up to 10 s until test, which is called on the loop's thread, says so: for events that have no
 * descriptor here. */
static inline bool loop_kit_wait(struct loop_kit *kit, bool (*test)(void *arg), void *arg)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;
    bool answer;
    while (!(answer = loop_kit_is(kit, test, arg)) && clock_monotonic_ms(NULL) < end)
        poll(NULL, 0, 2);
    return answer;
}

static inline void set_timeouts(int fd)
{
    struct timeval limit = {.tv_sec = 8};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static inline int connect_to(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    set_timeouts(fd);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline void send_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

static inline void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

/* Reads until the end, or until size - 1 bytes are there. */
static inline size_t read_all(int fd, char *buf, size_t size)
{
    size_t len = 0;
    while (len + 1 < size) {
        ssize_t n = recv(fd, buf + len, size - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    buf[len] = 0;
    return len;
}

/* Reads until text has come. */
static inline size_t read_until(int fd, const char *text, char *buf, size_t size)
{
    size_t len = 0;
    buf[0] = 0;
    while (len + 1 < size && !strstr(buf, text)) {
        ssize_t n = recv(fd, buf + len, 1, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        buf[len] = 0;
    }
    return len;
}

#endif
