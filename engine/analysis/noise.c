// SPDX-License-Identifier: LGPL-2.1-or-later
// Noise in words.
#include "analysis/noise.h"

const char *udm_noise_reason(udm_noise_finding finding)
{
    switch (finding) {
    case UDM_NOISE_UNKNOWN:
        return "no frame was looked at";
    case UDM_NOISE_FOUND:
        return "";
    case UDM_NOISE_WEAK:
        return "there is hardly any noise";
    case UDM_NOISE_TOO_SMALL:
        return "the picture is too small to tell noise from detail";
    case UDM_NOISE_EMPTY:
        return "the picture is empty: black, white, or of one colour";
    case UDM_NOISE_DRAWN:
        return "areas without any noise lie between the details: text, a drawing, a screen";
    }
    return "";
}
