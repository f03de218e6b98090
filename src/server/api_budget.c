/*
 * What calls take from the budget of bodies and answers: batches that wait, and large answers.
 */
#include "server/api_internal.h"

#define SMALL_ANSWER (64U << 10) /* answers up to that size are not charged */

bool api_charge(struct api *api, size_t size)
{
    return api->budget == NULL || buffer_budget_take(api->budget, size);
}

void api_discharge(struct api *api, size_t *charged)
{
    if (api->budget != NULL && *charged > 0) {
        buffer_budget_give(api->budget, *charged);
    }
    *charged = 0;
}

enum sr_result api_reserve_answer(struct api *api, struct api_call *call, size_t size,
                                  struct sr_buffer *out)
{
    enum sr_result result;

    if (size > SMALL_ANSWER) {
        if (!api_charge(api, size)) {
            return SR_FULL;
        }
        call->answer_charged = size;
    }
    result = sr_buffer_reserve(out, size);
    if (result != SR_OK) {
        api_discharge(api, &call->answer_charged);
    }
    return result;
}

enum api_step api_answer_too_much(struct api_call *call, struct sr_buffer *out)
{
    return api_answer_error(call, 503,
                            "Too many bytes of requests and their answers are held: nothing "
                            "was counted. Please retry.",
                            out);
}
