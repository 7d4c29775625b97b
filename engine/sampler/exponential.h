// SPDX-License-Identifier: LGPL-2.1-or-later
// Integrals that solvers in lambda = log(signal / noise) share.
#ifndef UDM_SAMPLER_EXPONENTIAL_H
#define UDM_SAMPLER_EXPONENTIAL_H

#include "sampler/sampler.h"

enum { UDM_MAX_ORDER = 3 };

// Solves the n equations a x = b, n <= UDM_MAX_ORDER, in place; the answer is left in b. a is not singular.
void udm_solve(int n, double a[UDM_MAX_ORDER][UDM_MAX_ORDER], double b[UDM_MAX_ORDER]);

// phi_k(z) = (phi_{k-1}(z) - 1 / (k-1)!) / z with phi_0 = exp: of the exponential integrators, for phi[0 .. n).
void udm_phi(double z, int n, double phi[]);

#endif
