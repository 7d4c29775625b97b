// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known of the noise in a stream.
#ifndef UDM_ANALYSIS_NOISE_H
#define UDM_ANALYSIS_NOISE_H

#include <stdbool.h>

enum { UDM_NOISE_OCTAVES = 4 };

// Why the level is what it is.
typedef enum udm_noise_finding {
    UDM_NOISE_UNKNOWN,   // nothing was looked at yet
    UDM_NOISE_FOUND,     // there is noise
    UDM_NOISE_WEAK,      // less than matters
    UDM_NOISE_TOO_SMALL, // the picture is too small for an estimate
    UDM_NOISE_EMPTY,     // nothing varies in it but what is clipped: black, white, or one colour
    UDM_NOISE_DRAWN,     // flat areas without noise lie between details: text, drawings, screens
} udm_noise_finding;

#define UDM_NOISE_LEAST_CHROMA 1e-6 // of chroma that has no noise, as 0 says that it is not known

// Standard deviations on the 0-255 scale of the planes of RGB. Luma is Y = 0.299 R + 0.587 G + 0.114 B, chroma the root
// mean square of Cb = (B - Y) / 1.772 and Cr = (R - Y) / 1.402; of noise that is white over pixels and planes and has s
// in each of red, green and blue, luma has 0.668 s and chroma 0.640 s. Of grey, luma has all.
typedef struct udm_noise_estimate {
    udm_noise_finding finding;
    double sigma;        // to be told to a model of white noise; 0 unless it was found
    double real_sigma;   // to be told to a model of the noise of cameras, films and codecs, likewise
    double apart_sigma;  // likewise, to one that is told the level of chroma by itself (half_chroma)
    double luma, chroma; // of single pixels
    double half_chroma;  // of means of 2x2 pixels: what planes of 4:2:0 have
    // Of luma at the full size, a half, a quarter and an eighth, each times 2^k: all the same for white noise, rising
    // for coarse grain. What was not measured is 0.
    double octaves[UDM_NOISE_OCTAVES];
    double whiteness;  // 1: white over pixels and colours; towards 0: coarse, or of one of luma and chroma alone
    bool white;        // which it is: clear, so that no film goes to and fro; what nothing is known of is white
    bool settled;      // three pictures were seen, which tell coarse noise from texture that moves
    double confidence; // 0 to 1: how much of the pictures so far bears witness to it
} udm_noise_estimate;

// For people: why sigma is 0; "" if it is not.
const char *udm_noise_reason(udm_noise_finding finding);

#endif
