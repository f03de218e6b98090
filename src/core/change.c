/*
 * How two changes of the same key and epoch become one. Pure.
 */
#include "core/change.h"

#include "base/check.h"

void sr_change_merge(struct sr_change *into, const struct sr_change *later)
{
    SR_CHECK(into->kind != SR_CHANGE_DELETE || into->value == 0);
    SR_CHECK(later->kind != SR_CHANGE_DELETE || later->value == 0);
    if (later->generation < into->generation) {
        return;
    }
    if (later->generation > into->generation) {
        into->generation = later->generation;
        into->kind = later->kind;
        into->value = later->value;
        return;
    }
    /* Adds stay an add and deletes a delete; whatever else meets is a value that something was
     * added to: a set. That makes the kinds a semilattice, and the values just add up. */
    if (into->kind != later->kind) {
        into->kind = SR_CHANGE_SET;
    }
    into->value += later->value;
}
