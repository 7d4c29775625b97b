// SPDX-License-Identifier: LGPL-2.1-or-later
// The command "udm generate".
#ifndef UDM_CLI_GENERATE_H
#define UDM_CLI_GENERATE_H

// argv[0] is "generate". Returns the program's status.
int generate_command(int argc, char **argv);

#endif
