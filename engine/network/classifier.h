// SPDX-License-Identifier: LGPL-2.1-or-later
// A small classifier of noisy pictures and its gradient with respect to them, for classifier guidance (Dhariwal and
// Nichol, "Diffusion Models Beat GANs on Image Synthesis", 2021, section 4). It is run on the processor, in plain
// loops: it is a hundredth of the network that it guides. models/train/classifier.py has the same, and trains it.
#ifndef UDM_NETWORK_CLASSIFIER_H
#define UDM_NETWORK_CLASSIFIER_H

#include "model/config.h"
#include "model/weights.h"

typedef struct udm_classifier udm_classifier;

// A part of a model whose config has _class_name "UdmClassifier". Errors: as those of networks.
udm_classifier *udm_classifier_open(const udm_config *config, const udm_weights *weights, int width, int height,
                                    udm_error *error);
void udm_classifier_free(udm_classifier *classifier); // NULL is fine

int udm_classifier_channels(const udm_classifier *classifier); // of a picture
int udm_classifier_classes(const udm_classifier *classifier);

// x: [channels, height, width], x_t; level: sqrt(1 - alpha_bar). Returns log p(class | x_t) for each, [classes], which
// is valid until it is run again.
const float *udm_classifier_run(udm_classifier *classifier, const float *x, double level);

// The gradient of log p(class | x_t) with respect to the x that it was run on last, [channels, height, width].
void udm_classifier_gradient(udm_classifier *classifier, int class, float *gradient);

#endif
