/*
 * The beat of each second.
 */
#include "command/pulse.h"

#include "base/clock.h"
#include "command/service.h"

#define BEAT_LEAST_NS 500000000U

void pulse_beat(struct service *s)
{
    uint64_t now_ns = sr_clock_monotonic_ns();
    uint64_t since_ns = now_ns - s->beat_ns;

    if (s->beat_ns != 0 && since_ns < BEAT_LEAST_NS) {
        return;
    }
    if (s->beat_ns != 0) {
        engine_sample_hot(s->engine, &s->hot, (double)since_ns / 1e9);
    }
    s->beat_ns = now_ns;
}
