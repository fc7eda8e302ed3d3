//go:build gpu

// What is used of NVIDIA's nvml.h, which headers_check.sh compares it with.
#pragma once

typedef struct nvmlDevice_st *nvmlDevice_t;
typedef int nvmlReturn_t; // an enumeration there

// clang-format off
enum {
    NVML_SUCCESS = 0,
    NVML_ERROR_NOT_SUPPORTED = 3,
    NVML_CLOCK_SM = 1,
    NVML_CLOCK_MEM = 2,
    NVML_TEMPERATURE_GPU = 0,
};
#define nvmlClocksEventReasonGpuIdle 0x1LL
#define nvmlClocksEventReasonApplicationsClocksSetting 0x2LL
#define nvmlClocksEventReasonSwPowerCap 0x4LL
#define nvmlClocksThrottleReasonHwSlowdown 0x8LL
#define nvmlClocksEventReasonSyncBoost 0x10LL
#define nvmlClocksEventReasonSwThermalSlowdown 0x20LL
#define nvmlClocksThrottleReasonHwThermalSlowdown 0x40LL
#define nvmlClocksThrottleReasonHwPowerBrakeSlowdown 0x80LL
#define nvmlClocksEventReasonDisplayClockSetting 0x100LL
// clang-format on

typedef struct {
    unsigned int gpu, memory; // percent
} nvmlUtilization_t;
