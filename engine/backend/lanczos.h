// SPDX-License-Identifier: LGPL-2.1-or-later
// Lanczos-3 (Duchon 1979): the sinc within three pixels, windowed by a sinc of three times its width.
#ifndef UDM_BACKEND_LANCZOS_H
#define UDM_BACKEND_LANCZOS_H

#include <math.h>

enum { UDM_LANCZOS_TAPS = 6 };

// How much of each of six pixels side by side makes a value `part` of a pixel, 0 to 1, past the third: in all 1.
static inline void udm_lanczos_weights(double part, float weights[UDM_LANCZOS_TAPS])
{
    const double pi = 3.14159265358979324, reach = UDM_LANCZOS_TAPS / 2;
    double taps[UDM_LANCZOS_TAPS], sum = 0;
    for (int i = 0; i < UDM_LANCZOS_TAPS; i++) {
        const double d = fabs(part - (i - UDM_LANCZOS_TAPS / 2 + 1));
        taps[i] = d < 1e-9 ? 1 : d < reach ? sin(pi * d) * sin(pi * d / reach) * reach / (pi * pi * d * d) : 0;
        sum += taps[i];
    }
    for (int i = 0; i < UDM_LANCZOS_TAPS; i++)
        weights[i] = (float)(taps[i] / sum);
}

#endif
