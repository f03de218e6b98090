/*
 * Prefer: a list of token[=word] with parameters behind semicolons. A comma within quotes is
 * not told from one between preferences: no preference that is obeyed here has one.
 */
#include "server/prefer.h"

#include "http/field.h"

static struct sr_span unquoted(struct sr_span word)
{
    if (word.size >= 2 && word.data[0] == '"' && word.data[word.size - 1] == '"') {
        word.data++;
        word.size -= 2;
    }
    return word;
}

bool prefer_minimal(struct sr_span prefer)
{
    while (prefer.size > 0) {
        struct sr_span preference = http_cut(&prefer, ',');
        struct sr_span value = http_cut(&preference, ';');
        struct sr_span name = http_cut(&value, '=');

        if (http_same_text(http_trimmed(name), "return")) {
            return http_same_text(unquoted(http_trimmed(value)), "minimal");
        }
    }
    return false;
}
