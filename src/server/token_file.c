/*
 * The tokens file's text.
 */
#include "server/tokens.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Cuts the next word off the front; empty at the end. */
static struct sr_span take_word(struct sr_span *line)
{
    struct sr_span word;

    while (line->size > 0 && is_blank(line->data[0])) {
        line->data++;
        line->size--;
    }
    word = (struct sr_span){.data = line->data, .size = 0};
    while (line->size > 0 && !is_blank(line->data[0])) {
        word.size++;
        line->data++;
        line->size--;
    }
    return word;
}

bool token_name_valid(struct sr_span name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';

        if (!letter && !(byte >= '0' && byte <= '9') && byte != '.' && byte != '_' &&
            byte != '-') {
            return false;
        }
    }
    return name.size > 0 && name.size <= TOKEN_NAME_MAX;
}

static unsigned scope_of(struct sr_span word)
{
    static const char *const names[] = {"read", "write", "admin"};

    for (unsigned i = 0; i < 3; i++) {
        if (sr_span_equal(word, sr_span_text(names[i]))) {
            return 1U << i;
        }
    }
    return 0;
}

bool token_scopes_parse(struct sr_span text, unsigned *ret_scopes)
{
    unsigned scopes = 0;

    for (;;) {
        const uint8_t *comma = text.size == 0 ? NULL : memchr(text.data, ',', text.size);
        struct sr_span word = text;
        unsigned scope;

        word.size = comma == NULL ? text.size : (size_t)(comma - text.data);
        scope = scope_of(word);
        if (scope == 0 || (scopes & scope) != 0) {
            return false;
        }
        scopes |= scope;
        if (comma == NULL) {
            *ret_scopes = scopes;
            return true;
        }
        text.data += word.size + 1;
        text.size -= word.size + 1;
    }
}

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool parse_digest(struct sr_span hex, uint8_t ret_digest[TOKEN_DIGEST_SIZE])
{
    if (hex.size != 2 * (size_t)TOKEN_DIGEST_SIZE) {
        return false;
    }
    for (size_t i = 0; i < TOKEN_DIGEST_SIZE; i++) {
        int high = hex_value(hex.data[2 * i]);
        int low = hex_value(hex.data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        ret_digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* What is wrong with a line, NULL where it is good. */
static const char *parse_line(struct sr_span line, struct token *ret_token)
{
    struct sr_span name = take_word(&line);
    struct sr_span scopes = take_word(&line);
    struct sr_span digest = take_word(&line);

    if (!token_name_valid(name)) {
        return "the name must be 1 to 64 letters, digits, '.', '_' and '-'";
    }
    if (!token_scopes_parse(scopes, &ret_token->scopes)) {
        return "the scopes must be a comma list of read, write and admin, each once";
    }
    if (!parse_digest(digest, ret_token->digest)) {
        return "the digest must be the 64 hexadecimal digits of the token's SHA-256";
    }
    if (take_word(&line).size > 0) {
        return "there is more behind the digest";
    }
    memset(ret_token->name, 0, sizeof(ret_token->name));
    memcpy(ret_token->name, name.data, name.size);
    return NULL;
}

static const char *add_line(struct token_set *set, struct sr_span line)
{
    struct token *token = &set->items[set->count];
    struct sr_span rest = line;
    struct sr_span first = take_word(&rest);
    const char *wrong;

    if (first.size == 0 || first.data[0] == '#') {
        return NULL;
    }
    if (set->count == TOKENS_MAX) {
        return "more than 1024 tokens";
    }
    wrong = parse_line(line, token);
    for (uint32_t i = 0; wrong == NULL && i < set->count; i++) {
        if (strcmp(set->items[i].name, token->name) == 0) {
            return "the name is there already";
        }
        if (memcmp(set->items[i].digest, token->digest, TOKEN_DIGEST_SIZE) == 0) {
            return "the digest is there already";
        }
    }
    set->count += wrong == NULL;
    return wrong;
}

enum sr_result token_set_parse(struct sr_span text, struct token_set **ret_set,
                               struct sr_err *err)
{
    struct token_set *set = calloc(1, sizeof(*set) + (TOKENS_MAX + 1) * sizeof(set->items[0]));
    unsigned number = 0;

    if (set == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for tokens");
    }
    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        struct sr_span line = text;
        const char *wrong;

        line.size = end == NULL ? text.size : (size_t)(end - text.data);
        number++;
        wrong = add_line(set, line);
        if (wrong != NULL) {
            free(set);
            return sr_fail(err, SR_INVALID, "line %u: %s", number, wrong);
        }
        text.data += line.size + (end != NULL);
        text.size -= line.size + (end != NULL);
    }
    *ret_set = set;
    return SR_OK;
}
