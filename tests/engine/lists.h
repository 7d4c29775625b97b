// SPDX-License-Identifier: LGPL-2.1-or-later
// Loop tests over the engine's lists, or over those on them that a test is about.
#ifndef UDM_TESTS_LISTS_H
#define UDM_TESTS_LISTS_H

#include <stdbool.h>
#include <stddef.h>

#include "process/process.h"
#include "sampler/sampler.h"

// The instruction sets that kernels are built for. A machine need not have all of them.
static const char *const instruction_sets[] __attribute__((unused)) = {
#if defined(__x86_64__)
    "sse2", "avx2", "avx512"
#else
    "generic"
#endif
};

// The sampler with this number of those that are taken; NULL after the last.
static inline const udm_sampler *nth_sampler(bool (*takes)(const udm_sampler *), int number)
{
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++)
        if (takes(*sampler) && number-- == 0)
            return *sampler;
    return NULL;
}

static inline int count_samplers(bool (*takes)(const udm_sampler *))
{
    int count = 0;
    while (nth_sampler(takes, count))
        count++;
    return count;
}

// The same for processes.
static inline const udm_process *nth_process(bool (*takes)(const udm_process *), int number)
{
    for (const udm_process *const *process = udm_processes; *process; process++)
        if (takes(*process) && number-- == 0)
            return *process;
    return NULL;
}

static inline int count_processes(bool (*takes)(const udm_process *))
{
    int count = 0;
    while (nth_process(takes, count))
        count++;
    return count;
}

#endif
