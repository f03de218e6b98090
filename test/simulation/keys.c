/*
 * Keys by number: their names, and what of a value is whose.
 */
#include "world.h"

#include "base/check.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define LONG_KEY 480 /* of small tables: keys of all sizes, so that a few fill them */
#define SHORTER 19   /* each is that much shorter than the one before */

static_assert(LONG_KEY < KEY_NAME_SIZE, "a name fits");

void key_name(const struct world *w, unsigned key, char *ret_name, size_t size)
{
    int used = snprintf(ret_name, size, "key%u", key);

    if (w->small_table) {
        memset(ret_name + used, '-', size - (size_t)used);
        ret_name[LONG_KEY - SHORTER * key] = '\0';
    }
}

unsigned key_number(struct sr_span key)
{
    unsigned number = 0;

    for (size_t i = 3; i < key.size && key.data[i] >= '0' && key.data[i] <= '9'; i++) {
        number = number * 10 + (key.data[i] - (unsigned)'0');
    }
    SR_CHECK(number < KEYS);
    return number;
}

int64_t digit_of(const struct instance *i, int64_t value)
{
    const int64_t base = (int64_t)1 << DIGIT_BITS;

    if (i->world->instance_count == 1) {
        return value;
    }
    for (unsigned n = 0;; n++) {
        int64_t digit = (int64_t)((uint64_t)value % (uint64_t)base);

        digit = digit >= base / 2 ? digit - base : digit;
        if (n == i->index) {
            return digit;
        }
        value = (value - digit) / base;
    }
}
