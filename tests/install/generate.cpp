// SPDX-License-Identifier: LGPL-2.1-or-later
// A program that uses an installed udm: makes a frame of a digit.
#include <udm/udm.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <vector>

namespace
{

constexpr int side = 64;

struct Free {
    void operator()(udm_model *model) const
    {
        udm_model_free(model);
    }
    void operator()(udm_generator *generator) const
    {
        udm_generator_free(generator);
    }
};

template <class T> using Owned = std::unique_ptr<T, Free>;

template <class T> T check(T good, const udm_error &error)
{
    if (!good)
        throw std::runtime_error(error.message);
    return good;
}

std::vector<uint8_t> make_frame(const udm_model *model)
{
    udm_error error = {};
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = settings.height = side;
    settings.channels = 1;
    settings.steps = 10;
    udm_generation generation;
    udm_generation_init(&generation, sizeof generation);
    const Owned<udm_generator> generator(check(udm_generator_open(model, &settings, &generation, &error), error));
    std::vector<uint8_t> pixels(side * side);
    udm_image image = {};
    image.width = image.height = side;
    image.channels = 1;
    image.bits = 8;
    image.data[0] = pixels.data();
    image.stride[0] = side;
    image.step[0] = 1;
    check(udm_generator_make(generator.get(), 0, &image, &error), error);
    return pixels;
}

} // namespace

int main()
try {
    udm_error error = {};
    const Owned<udm_model> model(check(udm_model_open("digits", &error), error));
    const auto pixels = make_frame(model.get());
    const auto [least, most] = std::minmax_element(pixels.begin(), pixels.end());
    std::cout << "C++, udm " << udm_version() << ": greys from " << int(*least) << " to " << int(*most) << '\n';
    return *least < 64 && *most > 192 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception &exception) {
    std::cerr << exception.what() << '\n';
    return EXIT_FAILURE;
}
