/*
 * The fake database's contents.
 */
#include "store/fake_state.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

bool fake_uuid_equal(const struct sr_uuid *a, const struct sr_uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void *resized(void *memory, size_t count, size_t size)
{
    memory = reallocarray(memory, count, size);
    SR_CHECK(memory != NULL);
    return memory;
}

struct sr_span fake_span_copy(struct sr_span bytes)
{
    uint8_t *copy = resized(NULL, bytes.size + 1, 1);

    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return (struct sr_span){.data = copy, .size = bytes.size};
}

void fake_span_free(struct sr_span bytes)
{
    union {
        const uint8_t *borrowed;
        uint8_t *owned;
    } data = {.borrowed = bytes.data};

    free(data.owned);
}

void fake_state_done(struct fake_state *state)
{
    for (size_t i = 0; i < state->row_count; i++) {
        fake_span_free(state->rows[i].key);
    }
    for (size_t i = 0; i < state->refused_count; i++) {
        fake_span_free(state->refused[i].key);
    }
    free(state->rows);
    free(state->writers);
    free(state->refused);
    fake_state_done_requests(state);
    *state = (struct fake_state){0};
}

struct fake_state fake_state_copy(const struct fake_state *state)
{
    struct fake_state copy = *state;

    copy.row_room = state->row_count + 1;
    copy.rows = resized(NULL, copy.row_room, sizeof(*copy.rows));
    for (size_t i = 0; i < state->row_count; i++) {
        copy.rows[i].value = state->rows[i].value;
        copy.rows[i].key = fake_span_copy(state->rows[i].key);
    }
    copy.writers = resized(NULL, state->writer_count + 1, sizeof(*copy.writers));
    for (size_t i = 0; i < state->writer_count; i++) {
        copy.writers[i] = state->writers[i];
    }
    copy.refused = resized(NULL, state->refused_count + 1, sizeof(*copy.refused));
    for (size_t i = 0; i < state->refused_count; i++) {
        copy.refused[i] = state->refused[i];
        copy.refused[i].key = fake_span_copy(state->refused[i].key);
    }
    fake_state_copy_requests(&copy, state);
    return copy;
}

/* The first row that is not below key. */
static size_t lower_bound(const struct fake_state *state, struct sr_span key)
{
    size_t low = 0;
    size_t high = state->row_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sr_span_compare(state->rows[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct fake_row *fake_state_find(const struct fake_state *state, struct sr_span key)
{
    size_t at = lower_bound(state, key);

    if (at < state->row_count && sr_span_equal(state->rows[at].key, key)) {
        return &state->rows[at];
    }
    return NULL;
}

struct fake_row *fake_state_put(struct fake_state *state, struct sr_span key)
{
    size_t at = lower_bound(state, key);
    struct fake_row *row = fake_state_find(state, key);

    if (row != NULL) {
        return row;
    }
    if (state->row_count == state->row_room) {
        state->row_room = state->row_room * 2 + 16;
        state->rows = resized(state->rows, state->row_room, sizeof(*state->rows));
    }
    row = &state->rows[at];
    memmove(row + 1, row, (state->row_count - at) * sizeof(*row));
    *row = (struct fake_row){.key = fake_span_copy(key)};
    state->row_count++;
    return row;
}

void fake_state_delete(struct fake_state *state, struct sr_span key)
{
    struct fake_row *row = fake_state_find(state, key);

    if (row != NULL) {
        fake_span_free(row->key);
        state->row_count--;
        memmove(row, row + 1, (size_t)(state->rows + state->row_count - row) * sizeof(*row));
    }
}

struct fake_writer *fake_state_writer(const struct fake_state *state,
                                      const struct sr_uuid *instance)
{
    for (size_t i = 0; i < state->writer_count; i++) {
        if (fake_uuid_equal(&state->writers[i].instance, instance)) {
            return &state->writers[i];
        }
    }
    return NULL;
}

void fake_state_add_writer(struct fake_state *state, const struct fake_writer *writer)
{
    state->writers = resized(state->writers, state->writer_count + 1, sizeof(*state->writers));
    state->writers[state->writer_count++] = *writer;
}

void fake_state_forget_writer(struct fake_state *state, const struct sr_uuid *instance)
{
    struct fake_writer *writer = fake_state_writer(state, instance);

    if (writer != NULL) {
        *writer = state->writers[--state->writer_count];
    }
}

void fake_state_refuse(struct fake_state *state, const struct fake_refused *refused)
{
    state->refused = resized(state->refused, state->refused_count + 1, sizeof(*state->refused));
    state->refused[state->refused_count] = *refused;
    state->refused[state->refused_count].key = fake_span_copy(refused->key);
    state->refused[state->refused_count].id =
        state->refused_count == 0 ? 1 : state->refused[state->refused_count - 1].id + 1;
    state->refused_count++;
}

void fake_state_drop_refused(struct fake_state *state, size_t at)
{
    fake_span_free(state->refused[at].key);
    state->refused_count--;
    memmove(&state->refused[at], &state->refused[at + 1],
            (state->refused_count - at) * sizeof(*state->refused));
}
