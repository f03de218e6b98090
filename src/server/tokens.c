/*
 * The set in force and who holds it; checking a token against it.
 */
#include "server/tokens.h"

#include "base/check.h"
#include "server/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FILE_SIZE_MAX ((size_t)1 << 20)

struct tokens {
    const char *path;
    _Atomic uint64_t generation; /* moves with every new set, after it is in place */
    pthread_mutex_t lock;        /* over set and all sets' holders; innermost */
    struct token_set *set;       /* in force; one of its holders is here */
};

void token_digest(struct sr_span token, uint8_t ret_digest[TOKEN_DIGEST_SIZE])
{
    SR_CHECK(SHA256(token.data, token.size, ret_digest) != NULL);
}

/* The whole file, owned by the caller; SR_INVALID where it is larger than any tokens file. */
static enum sr_result read_descriptor(int fd, uint8_t *text, size_t *ret_size,
                                      struct sr_err *err)
{
    size_t size = 0;
    ssize_t got;

    while ((got = read(fd, text + size, FILE_SIZE_MAX + 1 - size)) > 0 ||
           (got < 0 && errno == EINTR)) {
        size += got > 0 ? (size_t)got : 0;
        if (size > FILE_SIZE_MAX) {
            return sr_fail(err, SR_INVALID, "it has more than 1 MiB");
        }
    }
    if (got < 0) {
        return sr_fail_errno(err, SR_IO, errno, "it cannot be read");
    }
    *ret_size = size;
    return SR_OK;
}

static enum sr_result read_set(const char *path, struct token_set **ret_set, struct sr_err *err)
{
    uint8_t *text = malloc(FILE_SIZE_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum sr_result result;
    struct sr_err why;
    size_t size = 0;

    if (text == NULL) {
        result = sr_fail(&why, SR_NO_MEMORY, "no memory to read it");
    } else if (fd < 0) {
        result = sr_fail_errno(&why, SR_IO, errno, "it cannot be opened");
    } else {
        result = read_descriptor(fd, text, &size, &why);
    }
    if (result == SR_OK) {
        result = token_set_parse((struct sr_span){.data = text, .size = size}, ret_set, &why);
    }
    if (fd >= 0) {
        descriptor_close(&fd);
    }
    free(text);
    return result == SR_OK ? SR_OK : sr_fail(err, result, "tokens file %s: %s", path, why.text);
}

enum sr_result tokens_open(const char *path, struct tokens **ret_tokens, struct sr_err *err)
{
    struct tokens *tokens = calloc(1, sizeof(*tokens));
    enum sr_result result;

    if (tokens == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for tokens");
    }
    result = read_set(path, &tokens->set, err);
    if (result != SR_OK) {
        free(tokens);
        return result;
    }
    SR_CHECK(tokens->set != NULL);
    tokens->path = path;
    tokens->set->holders = 1;
    atomic_init(&tokens->generation, 1);
    SR_CHECK(pthread_mutex_init(&tokens->lock, NULL) == 0);
    *ret_tokens = tokens;
    return SR_OK;
}

/* The lock is held. */
static void let_go(struct token_set *set)
{
    if (set != NULL) {
        SR_CHECK(set->holders > 0);
        if (--set->holders == 0) {
            free(set);
        }
    }
}

void tokens_close(struct tokens **tokens)
{
    if (*tokens == NULL) {
        return;
    }
    SR_CHECK((*tokens)->set->holders == 1);
    let_go((*tokens)->set);
    SR_CHECK(pthread_mutex_destroy(&(*tokens)->lock) == 0);
    free(*tokens);
    *tokens = NULL;
}

enum sr_result tokens_reload(struct tokens *tokens, struct sr_err *err)
{
    struct token_set *set = NULL;
    enum sr_result result = read_set(tokens->path, &set, err);

    if (result != SR_OK) {
        return result;
    }
    SR_CHECK(set != NULL);
    set->holders = 1;
    SR_CHECK(pthread_mutex_lock(&tokens->lock) == 0);
    let_go(tokens->set);
    tokens->set = set;
    atomic_fetch_add_explicit(&tokens->generation, 1, memory_order_release);
    SR_CHECK(pthread_mutex_unlock(&tokens->lock) == 0);
    return SR_OK;
}

uint32_t tokens_count(struct tokens *tokens)
{
    uint32_t count;

    SR_CHECK(pthread_mutex_lock(&tokens->lock) == 0);
    count = tokens->set->count;
    SR_CHECK(pthread_mutex_unlock(&tokens->lock) == 0);
    return count;
}

/* Takes hold of the set in force. */
static void renew(struct tokens *tokens, struct tokens_view *view)
{
    SR_CHECK(pthread_mutex_lock(&tokens->lock) == 0);
    let_go(view->set);
    view->set = tokens->set;
    view->set->holders++;
    view->generation = atomic_load_explicit(&tokens->generation, memory_order_relaxed);
    SR_CHECK(pthread_mutex_unlock(&tokens->lock) == 0);
}

const struct token *tokens_find(struct tokens *tokens, struct tokens_view *view,
                                struct sr_span presented)
{
    uint8_t digest[TOKEN_DIGEST_SIZE];
    const struct token *found = NULL;

    if (view->generation != atomic_load_explicit(&tokens->generation, memory_order_acquire)) {
        renew(tokens, view);
    }
    token_digest(presented, digest);
    /* All of them, so that the time does not tell which one is near. */
    for (uint32_t i = 0; i < view->set->count; i++) {
        const struct token *token = &view->set->items[i];

        if (CRYPTO_memcmp(token->digest, digest, sizeof(digest)) == 0) {
            found = token;
        }
    }
    return found;
}

void tokens_view_done(struct tokens *tokens, struct tokens_view *view)
{
    if (tokens != NULL) {
        SR_CHECK(pthread_mutex_lock(&tokens->lock) == 0);
        let_go(view->set);
        SR_CHECK(pthread_mutex_unlock(&tokens->lock) == 0);
    }
    *view = (struct tokens_view){0};
}
