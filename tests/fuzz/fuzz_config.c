// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes the config reader and the scheduler that is made from one: every key is read as every type.
#include "fuzz.h"
#include "model/config.h"
#include "model/scheduler.h"

static void read_all(const udm_config *config)
{
    static const char *const known[] = { "in_channels", NULL };
    for (const char *key = NULL; (key = udm_config_next(config, key));) {
        udm_error error = { 0 };
        int number = 0, numbers[4], count = 0;
        double real = 0;
        bool flag;
        const char *word, *pair[2];
        udm_config_int(config, key, -5, 5, &number, &error);
        udm_config_double(config, key, -1, 1, &real, &error);
        udm_config_bool(config, key, &flag, &error);
        udm_config_string(config, key, &word, &error);
        udm_config_ints(config, key, 0, 100, 4, numbers, &count, &error);
        udm_config_pair(config, key, pair);
        if (number < -5 || number > 5 || !(real >= -1 && real <= 1) || count < 0 || count > 4)
            abort();
    }
    udm_config_only(config, known, NULL);
}

static void read_scheduler(const char *class, const udm_config *config)
{
    udm_scheduler scheduler = { 0 };
    if (!udm_scheduler_read(&scheduler, class, config, NULL))
        return;
    for (double t = 0; t <= 1; t += 0.25) {
        double level = udm_noise_level(&scheduler.noise, t);
        if (!(level >= 0 && level <= 1))
            abort();
    }
    udm_noise_clear(&scheduler.noise);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    int fd;
    char path[64];
    udm_error error = { 0 };
    fuzz_file(bytes, size, &fd, path);
    udm_config *config = udm_config_open(path, &error);
    if (config) {
        read_all(config);
        read_scheduler("DDIMScheduler", config);
        read_scheduler("UdmScheduler", config);
    }
    if ((config != NULL) != (error.code == UDM_OK))
        abort();
    udm_config_free(config);
    close(fd);
    return 0;
}
