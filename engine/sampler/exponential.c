// SPDX-License-Identifier: LGPL-2.1-or-later
// Small systems of equations, and the phi functions of exponential integrators (Hochbruck and Ostermann, "Exponential
// Integrators", 2010, eq. 2.11).
#include "sampler/exponential.h"

#include <math.h>

static void swap_rows(double a[UDM_MAX_ORDER][UDM_MAX_ORDER], double b[UDM_MAX_ORDER], int i, int j)
{
    for (int k = 0; k < UDM_MAX_ORDER; k++) {
        double other = a[i][k];
        a[i][k] = a[j][k], a[j][k] = other;
    }
    double other = b[i];
    b[i] = b[j], b[j] = other;
}

void udm_solve(int n, double a[UDM_MAX_ORDER][UDM_MAX_ORDER], double b[UDM_MAX_ORDER])
{
    for (int i = 0; i < n; i++) {
        int pivot = i;
        for (int row = i + 1; row < n; row++)
            pivot = fabs(a[row][i]) > fabs(a[pivot][i]) ? row : pivot;
        swap_rows(a, b, i, pivot);
        for (int row = i + 1; row < n; row++) {
            const double factor = a[row][i] / a[i][i];
            for (int k = i; k < n; k++)
                a[row][k] -= factor * a[i][k];
            b[row] -= factor * b[i];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
}

// By its series, as the recursion loses digits where z is small.
static double small_phi(double z, int k)
{
    double factorial = 1, sum = 0, power = 1;
    for (int i = 2; i <= k; i++)
        factorial *= i;
    for (int i = 0; i < 12; i++) {
        sum += power / factorial;
        power *= z;
        factorial *= k + i + 1;
    }
    return sum;
}

void udm_phi(double z, int n, double phi[])
{
    double factorial = 1;
    phi[0] = exp(z);
    for (int k = 1; k < n; k++) {
        phi[k] = fabs(z) < 0.1 ? small_phi(z, k) : k == 1 ? expm1(z) / z : (phi[k - 1] - 1 / factorial) / z;
        factorial *= k;
    }
}
