// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Timings of the operations of a device.
 */
#ifndef UDM_PROFILE_H
#define UDM_PROFILE_H

#ifdef __cplusplus
extern "C" {
#endif

/** What a device did of one kind of operation, or, under the two names below, what it could do. */
typedef struct udm_timing {
    int runs;
    double ms;           /**< of all runs: of the device or, on cpu, of all its processors together */
    double flops, bytes; /**< floating-point operations, and bytes read and written; 0 where they are not known */
} udm_timing;

#define UDM_PEAK_PRODUCTS "(all products that the processor can do)"
#define UDM_PEAK_MEMORY "(all memory that it can copy)"

typedef void (*udm_timed)(void *context, const char *operation, const udm_timing *timing);

#ifdef __cplusplus
}
#endif
#endif
