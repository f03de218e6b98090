/*
 * Prefer: a list of token[=word] with parameters behind semicolons. A comma within quotes is
 * not told from one between preferences: no preference that is obeyed here has one.
 */
#include "server/prefer.h"

#include "http/field.h"

/* Cuts what stands before the first `end` (or everything) off the front of *rest. */
static struct sr_span cut(struct sr_span *rest, uint8_t end)
{
    const uint8_t *at = rest->size > 0 ? memchr(rest->data, end, rest->size) : NULL;
    struct sr_span piece = *rest;

    if (at == NULL) {
        rest->size = 0;
        return piece;
    }
    piece.size = (size_t)(at - rest->data);
    rest->data += piece.size + 1;
    rest->size -= piece.size + 1;
    return piece;
}

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
        struct sr_span preference = cut(&prefer, ',');
        struct sr_span value = cut(&preference, ';');
        struct sr_span name = cut(&value, '=');

        if (http_same_text(http_trimmed(name), "return")) {
            return http_same_text(unquoted(http_trimmed(value)), "minimal");
        }
    }
    return false;
}
