/*
 * Open addressing with linear probing; an address whose last connection goes is taken out by
 * moving its followers up, so that the table never fills with what is gone.
 */
#include "server/address_table.h"

#include "base/check.h"
#include "base/random.h"
#include "base/siphash.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    uint64_t bits;
    uint32_t connections; /* 0: free */
    bool is_v6;
};

struct address_table {
    pthread_mutex_t lock; /* over slots; no other lock is taken under it */
    struct slot *slots;
    size_t mask; /* number of slots less one */
    uint32_t per_address_max;
    struct sr_siphash_key hash_key;
};

struct address_key address_key_of(const struct sockaddr_storage *address)
{
    struct address_key key = {0};

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

        key.bits = v4->sin_addr.s_addr;
        key.counted = true;
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

        key.counted = true;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            uint32_t mapped;

            memcpy(&mapped, &v6->sin6_addr.s6_addr[12], sizeof(mapped));
            key.bits = mapped;
            return key;
        }
        memcpy(&key.bits, v6->sin6_addr.s6_addr, sizeof(key.bits));
        key.is_v6 = true;
    }
    return key;
}

enum sr_result address_table_open(uint32_t connections_max, uint32_t per_address_max,
                                  struct address_table **ret_table, struct sr_err *err)
{
    size_t slots = 64;
    struct address_table *table = calloc(1, sizeof(*table));

    while (slots < 2 * ((size_t)connections_max + 1)) {
        slots *= 2;
    }
    if (table != NULL) {
        table->slots = calloc(slots, sizeof(*table->slots));
    }
    if (table == NULL || table->slots == NULL) {
        free(table);
        return sr_fail(err, SR_NO_MEMORY, "no memory to count connections per address");
    }
    if (sr_random_bytes(&table->hash_key, sizeof(table->hash_key), err) != SR_OK) {
        free(table->slots);
        free(table);
        return SR_IO;
    }
    SR_CHECK(pthread_mutex_init(&table->lock, NULL) == 0);
    table->mask = slots - 1;
    table->per_address_max = per_address_max;
    *ret_table = table;
    return SR_OK;
}

void address_table_close(struct address_table **table)
{
    if (*table == NULL) {
        return;
    }
    SR_CHECK(pthread_mutex_destroy(&(*table)->lock) == 0);
    free((*table)->slots);
    free(*table);
    *table = NULL;
}

static size_t home_of(const struct address_table *table, uint64_t bits, bool is_v6)
{
    uint8_t bytes[sizeof(bits) + 1];

    memcpy(bytes, &bits, sizeof(bits));
    bytes[sizeof(bits)] = is_v6;
    return sr_siphash13(&table->hash_key,
                        (struct sr_span){.data = bytes, .size = sizeof(bytes)}) &
           table->mask;
}

/* The address's slot, or the free one where it would go. */
static size_t find(const struct address_table *table, const struct address_key *key)
{
    size_t i = home_of(table, key->bits, key->is_v6);

    while (table->slots[i].connections > 0 &&
           (table->slots[i].bits != key->bits || table->slots[i].is_v6 != key->is_v6)) {
        i = (i + 1) & table->mask;
    }
    return i;
}

bool address_table_enter(struct address_table *table, const struct address_key *key)
{
    struct slot *slot;
    bool entered;

    if (!key->counted) {
        return true;
    }
    SR_CHECK(pthread_mutex_lock(&table->lock) == 0);
    slot = &table->slots[find(table, key)];
    entered = slot->connections < table->per_address_max;
    if (entered) {
        slot->bits = key->bits;
        slot->is_v6 = key->is_v6;
        slot->connections++;
    }
    SR_CHECK(pthread_mutex_unlock(&table->lock) == 0);
    return entered;
}

/* Frees slot `hole`: whatever follows without a gap and may stand there moves up. */
static void take_out(struct address_table *table, size_t hole)
{
    size_t i = hole;

    for (;;) {
        size_t home;

        table->slots[hole].connections = 0;
        do {
            i = (i + 1) & table->mask;
            if (table->slots[i].connections == 0) {
                return;
            }
            home = home_of(table, table->slots[i].bits, table->slots[i].is_v6);
        } while (((i - home) & table->mask) < ((i - hole) & table->mask));
        table->slots[hole] = table->slots[i];
        hole = i;
    }
}

void address_table_leave(struct address_table *table, const struct address_key *key)
{
    size_t i;

    if (!key->counted) {
        return;
    }
    SR_CHECK(pthread_mutex_lock(&table->lock) == 0);
    i = find(table, key);
    SR_CHECK(table->slots[i].connections > 0);
    table->slots[i].connections--;
    if (table->slots[i].connections == 0) {
        take_out(table, i);
    }
    SR_CHECK(pthread_mutex_unlock(&table->lock) == 0);
}
