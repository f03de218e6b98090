/*
 * The fake database as its test sees it: faults, snapshots, looking inside.
 */
#include "store/fake_state.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

struct fake_database *fake_database_open(void)
{
    struct fake_database *database = calloc(1, sizeof(*database));

    SR_CHECK(database != NULL);
    return database;
}

static void drop_late(struct fake_database *database)
{
    if (database->has_late) {
        fake_state_done(&database->late);
        database->has_late = false;
    }
}

void fake_database_close(struct fake_database **database)
{
    if (*database == NULL) {
        return;
    }
    drop_late(*database);
    for (size_t i = 0; i < (*database)->refusal_count; i++) {
        fake_span_free((*database)->refusals[i].key);
    }
    fake_state_done(&(*database)->state);
    fake_state_done(&(*database)->kept);
    free(*database);
    *database = NULL;
}

void fake_database_hook(struct fake_database *database, const struct fake_hooks *hooks)
{
    database->hooks = *hooks;
}

void fake_database_fail_at(struct fake_database *database, uint64_t number,
                           enum fake_fault fault)
{
    SR_CHECK(database->rule_count < FAKE_RULES_MAX);
    database->rules[database->rule_count++] =
        (struct fake_rule){.number = database->calls + number, .fault = fault};
}

uint64_t fake_database_calls(const struct fake_database *database)
{
    return database->calls;
}

void fake_database_set_down(struct fake_database *database, bool down)
{
    database->down = down;
    database->outages += down;
}

void fake_database_refuse_key(struct fake_database *database, struct sr_span key,
                              const char *sqlstate)
{
    struct fake_refusal *refusal = &database->refusals[database->refusal_count];

    SR_CHECK(database->refusal_count < FAKE_RULES_MAX);
    SR_CHECK(strlen(sqlstate) == sizeof(refusal->sqlstate) - 1);
    refusal->key = fake_span_copy(key);
    strcpy(refusal->sqlstate, sqlstate);
    database->refusal_count++;
}

const struct fake_refusal *fake_database_refusal(const struct fake_database *database,
                                                 struct sr_span key)
{
    for (size_t i = 0; i < database->refusal_count; i++) {
        if (sr_span_equal(database->refusals[i].key, key)) {
            return &database->refusals[i];
        }
    }
    return NULL;
}

void fake_database_keep(struct fake_database *database)
{
    fake_state_done(&database->kept);
    database->kept = fake_state_copy(&database->state);
}

void fake_database_fall_back(struct fake_database *database)
{
    drop_late(database);
    fake_state_done(&database->state);
    database->state = fake_state_copy(&database->kept);
    database->timeline++;
}

bool fake_database_value(const struct fake_database *database, struct sr_span key,
                         int64_t *ret_value)
{
    const struct fake_row *row = fake_state_find(&database->state, key);

    if (row != NULL) {
        *ret_value = row->value;
    }
    return row != NULL;
}

void fake_database_put(struct fake_database *database, struct sr_span key, int64_t value)
{
    SR_CHECK(!database->busy);
    fake_state_put(&database->state, key)->value = value;
}

size_t fake_database_rows(const struct fake_database *database)
{
    return database->state.row_count;
}

bool fake_database_writer(const struct fake_database *database, const struct sr_uuid *instance,
                          uint64_t *ret_epoch, struct sr_uuid *ret_owner)
{
    const struct fake_writer *writer = fake_state_writer(&database->state, instance);

    if (writer != NULL) {
        *ret_epoch = writer->epoch;
        *ret_owner = writer->owner;
    }
    return writer != NULL;
}

void fake_database_forget_writer(struct fake_database *database, const struct sr_uuid *instance)
{
    SR_CHECK(!database->busy);
    fake_state_forget_writer(&database->state, instance);
}

size_t fake_database_refused(const struct fake_database *database)
{
    return database->state.refused_count;
}

const struct fake_refused *fake_database_refused_at(const struct fake_database *database,
                                                    size_t index)
{
    SR_CHECK(index < database->state.refused_count);
    return &database->state.refused[index];
}
