//go:build gpu

#pragma once
#include <stddef.h>

enum { SM_CLOCK, MEMORY_CLOCK, TEMPERATURE, POWER, POWER_LIMIT, UTILISATION, THROTTLE, ENERGY, QUANTITIES };

typedef struct {
    unsigned long long value[QUANTITIES]; // MHz, MHz, degrees C, mW, mW, percent, bits, mJ
    int status[QUANTITIES];               // nvmlReturn_t, or -1 where the library has no such function
} Readings;

int nvml_open(char *why, size_t size);
int nvml_device(const char *pci, void **device);
void nvml_read(void *device, Readings *r);
void nvml_driver(char *to, unsigned int size);
const char *nvml_error(int status);
