// SPDX-License-Identifier: LGPL-2.1-or-later
// Eigenvalues of small symmetric matrices.
#ifndef UDM_ANALYSIS_EIGENVALUES_H
#define UDM_ANALYSIS_EIGENVALUES_H

// matrix: [n, n], symmetric; overwritten. values: [n], ascending. The same bits everywhere; of what is not finite, any.
void udm_eigenvalues(int n, double *matrix, double *values);

#endif
