// SPDX-License-Identifier: LGPL-2.1-or-later
// Householder reflections bring the matrix to three diagonals, and QL steps with Wilkinson's shift these to one: Golub
// and Van Loan, "Matrix Computations", sections 8.3.1 and 8.3.3. 4/3 n^3 operations and then some 30 n^2, where
// Jacobi's rotations take 30 n^3.
#include "analysis/eigenvalues.h"

#include <math.h>
#include <stddef.h>

// Of a row of the matrix, the reflection that leaves of its first `count` entries only the last: I - v v' / scale, with
// v written over them. Returns what is left there; scale 0: nothing has to be done.
static double reflection(double *row, int count, double *scale)
{
    double others = 0;
    for (int i = 0; i < count - 1; i++)
        others += row[i] * row[i];
    *scale = 0;
    if (!(others > 0))
        return row[count - 1];
    const double norm = sqrt(others + row[count - 1] * row[count - 1]);
    const double left = row[count - 1] > 0 ? -norm : norm;
    *scale = norm * norm - row[count - 1] * left;
    row[count - 1] -= left;
    return left;
}

// matrix: [n, n], its first `count` rows and columns: A - v w' - w v', w = A v / scale - v (v' A v) / (2 scale^2).
static void reflect(double *matrix, int n, int count, const double *v, double scale, double *w)
{
    double along = 0;
    for (int i = 0; i < count; i++) {
        double sum = 0;
        for (int j = 0; j < count; j++)
            sum += matrix[i * n + j] * v[j];
        w[i] = sum / scale;
        along += w[i] * v[i];
    }
    for (int i = 0; i < count; i++)
        w[i] -= along / (2 * scale) * v[i];
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            matrix[i * n + j] -= v[i] * w[j] + w[i] * v[j];
}

// diagonal: [n]. beside: [n], beside[i] between i and i + 1, and room for one more. work: [n]
static void tridiagonal(int n, double *matrix, double *diagonal, double *beside, double *work)
{
    for (int i = n - 1; i > 0; i--) {
        double scale;
        beside[i - 1] = reflection(matrix + (size_t)i * n, i, &scale);
        if (scale > 0)
            reflect(matrix, n, i, matrix + (size_t)i * n, scale, work);
    }
    for (int i = 0; i < n; i++)
        diagonal[i] = matrix[i * n + i];
    beside[n - 1] = 0;
}

// The first place from `from` on with nothing beside it that matters.
static int block_end(int n, int from, const double *diagonal, const double *beside)
{
    int end = from;
    while (end < n - 1 && fabs(beside[end]) > 1e-15 * (fabs(diagonal[end]) + fabs(diagonal[end + 1])))
        end++;
    return end;
}

// One implicit step on the block from `first` to `last`, from below upwards.
static void ql_step(int first, int last, double *diagonal, double *beside)
{
    const double half = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first]);
    const double root = sqrt(half * half + 1);
    double g = diagonal[last] - diagonal[first] + beside[first] / (half + (half < 0 ? -root : root));
    double sine = 1, cosine = 1, carried = 0;
    for (int i = last - 1; i >= first; i--) {
        const double f = sine * beside[i], b = cosine * beside[i], r = sqrt(f * f + g * g);
        beside[i + 1] = r;
        if (!(r > 0)) { // it has come apart by itself
            diagonal[i + 1] -= carried;
            beside[last] = 0;
            return;
        }
        sine = f / r, cosine = g / r;
        g = diagonal[i + 1] - carried;
        const double turned = (diagonal[i] - g) * sine + 2 * cosine * b;
        carried = sine * turned;
        diagonal[i + 1] = g + carried;
        g = cosine * turned - b;
    }
    diagonal[first] -= carried;
    beside[first] = g;
    beside[last] = 0;
}

static void sort(int n, double *values)
{
    for (int i = 1; i < n; i++) {
        const double value = values[i];
        int at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

void udm_eigenvalues(int n, double *matrix, double *values)
{
    enum { MOST = 64, STEPS = 50 };
    double beside[MOST], work[MOST];
    if (n < 1 || n > MOST)
        return;
    tridiagonal(n, matrix, values, beside, work);
    for (int first = 0; first < n; first++) {
        for (int i = 0; i < STEPS; i++) {
            const int last = block_end(n, first, values, beside);
            if (last == first)
                break;
            ql_step(first, last, values, beside);
        }
    }
    sort(n, values);
}
