// SPDX-License-Identifier: LGPL-2.1-or-later
// The command "udm sample".
#ifndef UDM_CLI_SAMPLE_H
#define UDM_CLI_SAMPLE_H

// argv[0] is "sample". Returns the program's status.
int sample_command(int argc, char **argv);

#endif
