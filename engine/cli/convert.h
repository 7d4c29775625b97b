// SPDX-License-Identifier: LGPL-2.1-or-later
// udm convert
#ifndef UDM_CLI_CONVERT_H
#define UDM_CLI_CONVERT_H

int convert_command(int argc, char **argv); // argv[0] is "convert"; the exit status

#endif
