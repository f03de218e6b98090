/*
 * cmocka with what it wants to have been included before.
 */
#ifndef SR_TEST_SUPPORT_UNIT_H
#define SR_TEST_SUPPORT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
