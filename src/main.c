/*
 * simple-request: a counter service for anything that is counted over HTTP.
 */
#include "command/command.h"

int main(int argc, char **argv)
{
    (void)argc; /* the list ends with NULL */
    return command_main((const char *const *)argv + 1);
}
