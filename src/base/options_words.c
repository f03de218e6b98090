/*
 * Words between options.
 */
#include "base/options.h"
#include "base/options_internal.h"

#include <string.h>

/* Whether the argument is an option whose value is the next argument. */
static bool takes_next(const struct sr_option *table, size_t count, const char *argument)
{
    size_t i = sr_options_find(table, count, argument + 2, strlen(argument + 2));

    return i < count && table[i].type != SR_OPTION_FLAG;
}

bool sr_options_part(const struct sr_option *table, size_t count, const char *const *arguments,
                     struct sr_option_parts *ret_parts)
{
    struct sr_option_parts p = {.option_count = 0};
    bool words_only = false;

    for (; *arguments != NULL; arguments++) {
        bool is_option = !words_only && strncmp(*arguments, "--", 2) == 0;

        if (is_option && (*arguments)[2] == '\0') {
            words_only = true;
        } else if (p.word_count == SR_OPTION_WORDS_MAX ||
                   p.option_count + 2 > SR_OPTION_ARGUMENTS_MAX) {
            return false;
        } else if (!is_option) {
            p.words[p.word_count++] = *arguments;
        } else {
            p.options[p.option_count++] = *arguments;
            if (takes_next(table, count, *arguments) && arguments[1] != NULL) {
                p.options[p.option_count++] = *++arguments;
            }
        }
    }
    *ret_parts = p;
    return true;
}
