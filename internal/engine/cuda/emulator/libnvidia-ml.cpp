// A libnvidia-ml.so.1 of one GPU that draws constant power, beside the emulated
// libcuda. Environment: EMULATOR_NVML (error of its start), EMULATOR_POWER (mW),
// EMULATOR_THROTTLE (bits), EMULATOR_NO_ENERGY (no counter of energy).
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#define API extern "C" __attribute__((visibility("default"))) int

static long setting(const char *name, long otherwise) {
    const char *v = getenv(name);
    return v ? atol(v) : otherwise;
}

static double seconds() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int device; // its address is the handle

extern "C" __attribute__((visibility("default"))) const char *nvmlErrorString(int status) {
    return status == 3 ? "Not Supported" : status == 6 ? "Not Found" : status == 9 ? "Driver Not Loaded" : "Unknown Error";
}
API nvmlInit_v2() { return (int)setting("EMULATOR_NVML", 0); }
API nvmlSystemGetDriverVersion(char *to, unsigned size) { return snprintf(to, size, "580.0.emulated"), 0; }
API nvmlDeviceGetHandleByPciBusId_v2(const char *pci, void **d) {
    return *d = &device, strncmp(pci, "00000000:", 9) || strcmp(pci + 11, ":00.0") ? 6 : 0;
}
API nvmlDeviceGetClockInfo(void *, int type, unsigned *v) { return *v = type == 1 ? 1980 : 2619, type == 1 || type == 2 ? 0 : 2; }
API nvmlDeviceGetTemperature(void *, int sensor, unsigned *v) { return *v = 55, sensor ? 2 : 0; }
API nvmlDeviceGetPowerUsage(void *, unsigned *v) { return *v = (unsigned)setting("EMULATOR_POWER", 300000), 0; }
API nvmlDeviceGetEnforcedPowerLimit(void *, unsigned *v) { return *v = 700000, 0; }
API nvmlDeviceGetUtilizationRates(void *, unsigned *v) { return v[0] = 97, v[1] = 40, 0; }
API nvmlDeviceGetCurrentClocksThrottleReasons(void *, unsigned long long *v) {
    return *v = (unsigned long long)setting("EMULATOR_THROTTLE", 1), 0;
}
API nvmlDeviceGetTotalEnergyConsumption(void *, unsigned long long *v) {
    if (getenv("EMULATOR_NO_ENERGY")) return 3;
    return *v = (unsigned long long)(seconds() * (double)setting("EMULATOR_POWER", 300000)), 0;
}
