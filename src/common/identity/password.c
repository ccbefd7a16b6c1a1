/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "identity/password.h"

#include <argon2.h>

#include "base/secret.h"
#include "base/str.h"

#define MEMORY_KIB 19456
#define PASSES 2
#define LANES 1
#define SALT_LEN 16
#define HASH_LEN 32
#define CURRENT "$argon2id$v=19$m=19456,t=2,p=1$"

int password_gate_init(struct password_gate *gate, unsigned max_running, unsigned max_waiting)
{
    *gate = (struct password_gate){.max_running = max_running, .max_waiting = max_waiting};
    if (pthread_mutex_init(&gate->lock, NULL) != 0)
        return -ENOMEM;
    if (pthread_cond_init(&gate->freed, NULL) != 0) {
        pthread_mutex_destroy(&gate->lock);
        return -ENOMEM;
    }
    return 0;
}

void password_gate_finish(struct password_gate *gate)
{
    pthread_cond_destroy(&gate->freed);
    pthread_mutex_destroy(&gate->lock);
}

int password_gate_enter(struct password_gate *gate)
{
    int r = 0;
    pthread_mutex_lock(&gate->lock);
    if (gate->running >= gate->max_running && gate->waiting >= gate->max_waiting) {
        r = -EBUSY;
    } else {
        gate->waiting++;
        while (gate->running >= gate->max_running)
            pthread_cond_wait(&gate->freed, &gate->lock);
        gate->waiting--;
        gate->running++;
    }
    pthread_mutex_unlock(&gate->lock);
    return r;
}

void password_gate_leave(struct password_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->running--;
    pthread_cond_signal(&gate->freed);
    pthread_mutex_unlock(&gate->lock);
}

int password_hash(const char *password, char **ret_encoded)
{
    uint8_t salt[SALT_LEN];
    size_t len = strnlen(password, PASSWORD_MAX + 1);
    if (len == 0 || len > PASSWORD_MAX)
        return -EINVAL;
    secret_random(salt, sizeof(salt));
    size_t size = argon2_encodedlen(PASSES, MEMORY_KIB, LANES, SALT_LEN, HASH_LEN, Argon2_id);
    char *encoded = xcalloc(1, size);
    int rc = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password, len, salt, sizeof(salt), HASH_LEN,
                                   encoded, size);
    if (rc != ARGON2_OK) {
        free(encoded);
        return rc == ARGON2_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EIO;
    }
    *ret_encoded = encoded;
    return 0;
}

int password_verify(const char *encoded, const char *password)
{
    size_t len = strnlen(password, PASSWORD_MAX + 1);
    if (len > PASSWORD_MAX || !str_starts_with(encoded, "$argon2id$"))
        return -EACCES;
    int rc = argon2id_verify(encoded, password, len);
    if (rc == ARGON2_MEMORY_ALLOCATION_ERROR)
        return -ENOMEM;
    return rc == ARGON2_OK ? 0 : -EACCES;
}

bool password_is_outdated(const char *encoded)
{
    return !str_starts_with(encoded, CURRENT);
}
