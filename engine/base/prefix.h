// SPDX-License-Identifier: LGPL-2.1-or-later
// Programs that the library runs by itself.
#ifndef UDM_BASE_PREFIX_H
#define UDM_BASE_PREFIX_H

// The path of one that was installed beside this library, to be freed with free(); NULL where there is none.
char *udm_installed_program(const char *name);

#endif
