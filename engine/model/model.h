// SPDX-License-Identifier: LGPL-2.1-or-later
// A model directory in the layout of Hugging Face diffusers: model_index.json, and a folder per part with config.json
// and diffusion_pytorch_model.safetensors (F32, F16, BF16). Immutable once open, so threads may share it.
#ifndef UDM_MODEL_MODEL_H
#define UDM_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "udm/model.h"
#include "model/config.h"
#include "model/weights.h"
#include "sampler/loop.h"
#include "sampler/prediction.h"

enum { UDM_POWERS = 64 };

// What scheduler_config.json says.
typedef struct udm_scheduler {
    const udm_process *process; // and what it does to the frames that a stream restores, in its own measure:
    double extent;              // in pixels, where it ends
    double amount, most;        // the default, and the most that the network knows; 0: not given
    udm_noise noise;
    udm_prediction prediction;
    udm_bounds bounds; // of x0
    // The method it names: its steps, and for udm_loop_settings the sampler and its options. The noise and number of
    // steps of the timesteps are not filled in.
    udm_timesteps timesteps;
    const udm_sampler *sampler; // NULL: it is not implemented, and `missing` says what
    int order, ease_below;
    bool begins_noisy;   // with noise of the deviation that x_t has at the first step, not of 1 (init_noise_sigma)
    const char *missing; // a part of a sentence; owned by the model
    double
        powers[UDM_POWERS]; // udm_loop_settings; from "noise_power", a key of ours, which models/train/power.py finds
    int power_count;
    bool real_noise; // it learnt the noise of cameras, films and codecs, not white noise; a key of ours
} udm_scheduler;

// The parts that a text goes through on its way to the decoder, which is the model's network.
typedef struct udm_text_part {
    udm_config *config;
    udm_weights *weights;
} udm_text_part;

// Networks that make films of what the decoder makes pictures of: "film_decoder"; what fills in frames between two of
// its, "interpolator"; and what enlarges them twice, "super_res_first" and "super_res_last".
typedef enum udm_film_stage {
    UDM_FILM_DRAWS,
    UDM_FILM_BETWEEN,
    UDM_FILM_LARGER,
    UDM_FILM_LAST,
    UDM_FILM_STAGES
} udm_film_stage;

extern const char *const udm_film_names[UDM_FILM_STAGES];

typedef struct udm_text_parts {
    udm_text_part text, prior, vision;    // vision: of zeros where the model has none
    udm_text_part vae;                    // of latent diffusion, which has no prior; of a decoder of latents
    udm_text_part text_proj;              // of Karlo: what tells the decoder of embeddings, and
    udm_text_part super_res[2];           // the networks that enlarge what it draws, the second in the last step
    udm_text_part films[UDM_FILM_STAGES]; // of zeros where the model has none
    const char *text_class;               // as model_index.json has it
    char *tokenizer;                      // its folder
    udm_scheduler prior_scheduler, super_res_scheduler;
    double mean[3], deviation[3]; // what the vision tower is shown is (x - mean) / deviation, of x in [0, 1]
} udm_text_parts;

// The parts that a film is made with, besides the network: AnimateDiffPipeline and TextToVideoSDPipeline of diffusers.
typedef struct udm_film_parts {
    udm_text_part text, vae;
    udm_text_part motion;   // modules to be inserted into the network; of zeros where it has its own
    const char *text_class; // as model_index.json has it
    char *tokenizer;        // its folder
} udm_film_parts;

const char *udm_model_directory(const udm_model *model);
const udm_config *udm_model_network_config(const udm_model *model); // unet/config.json
const udm_weights *udm_model_network_weights(const udm_model *model);
// Small networks beside the model's own. For the temporal filter: optical flow is estimated between the estimates of
// preview/, and trust/ predicts the error variance of the prediction; classifier/ classifies noisy pictures. NULL where
// the model has none.
typedef enum udm_helper { UDM_HELPER_PREVIEW, UDM_HELPER_TRUST, UDM_HELPER_CLASSIFIER, UDM_HELPERS } udm_helper;

const udm_config *udm_model_helper_config(const udm_model *model, udm_helper helper);
const udm_weights *udm_model_helper_weights(const udm_model *model, udm_helper helper);
const udm_text_parts *udm_model_text(const udm_model *model); // NULL where it knows no text
const udm_film_parts *udm_model_film(const udm_model *model); // NULL where it makes no films of latents
bool udm_model_has_latents(const udm_model *model);           // its network draws latents, not pictures
const udm_scheduler *udm_model_scheduler(const udm_model *model);

// A model may be a choice between two others, which are told apart by the noise that they were trained on: that of its
// index is then {"_class_name": "UdmNoiseExperts", "white": NAME, "other": NAME}, folders beside its own. All that is
// said of it above is true of the first; both have the same process, noise and prediction, so that times mean the same.
enum { UDM_EXPERTS = 2 };

bool udm_model_has_experts(const udm_model *model);
// Which of three estimates of its noise it is told: as of white noise; as models of real noise are; or as those of them
// that are told chroma by itself.
double udm_model_told(const udm_model *model, double white, double real, double apart);

const udm_model *udm_model_expert(const udm_model *model, udm_noise_kind kind); // the model itself where it has none

#endif
