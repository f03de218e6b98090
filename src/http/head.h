/*
 * What the head of a request means: request line, fields and what they ask for, checked as soon
 * as each is complete. The part of the parser that knows HTTP's rules beyond its grammar; for
 * http/parser.c and http/events.c only. Pure.
 */
#ifndef SR_HTTP_HEAD_H
#define SR_HTTP_HEAD_H

#include "http/parser.h"

/* Sets the parser's refusal. Always false, so that `return http_refuse(...)` reads well. */
bool http_refuse(struct http_parser *parser, uint16_t status, const char *detail);

/* Checks the request line, all of which was seen. False with the parser's refusal set. */
bool http_head_take_line(struct http_parser *parser);

/* Notes the field whose name and value are complete. False with the refusal set. */
bool http_head_take_field(struct http_parser *parser);

/* Checks the complete head before any of the body is read. False with the refusal set. */
bool http_head_acceptable(struct http_parser *parser);

/* How an error of llhttp is answered. */
struct http_refusal http_head_refusal(const struct http_parser *parser, llhttp_errno_t error);

/* Fills the request from a parser that has seen all of it. */
void http_head_request(const struct http_parser *parser, struct http_request *ret_request);

#endif
