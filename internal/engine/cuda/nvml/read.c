//go:build gpu

#define _GNU_SOURCE
#include "read.h"
#include "nvml.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct {
    const char *(*ErrorString)(nvmlReturn_t);
    nvmlReturn_t (*Init)(void);
    nvmlReturn_t (*DriverVersion)(char *, unsigned int);
    nvmlReturn_t (*ByPci)(const char *, nvmlDevice_t *);
    nvmlReturn_t (*Clock)(nvmlDevice_t, int, unsigned int *);
    nvmlReturn_t (*Temperature)(nvmlDevice_t, int, unsigned int *);
    nvmlReturn_t (*Power)(nvmlDevice_t, unsigned int *);
    nvmlReturn_t (*PowerLimit)(nvmlDevice_t, unsigned int *);
    nvmlReturn_t (*Utilisation)(nvmlDevice_t, nvmlUtilization_t *);
    nvmlReturn_t (*Throttle)(nvmlDevice_t, unsigned long long *);
    nvmlReturn_t (*Energy)(nvmlDevice_t, unsigned long long *);
} nvml;

static int opened = -1;
static char reason[512];

// find looks a function up by its name, or by the one that other releases have.
static void *find(void *library, const char *name, const char *other) {
    void *f = dlsym(library, name);
    return f || !other ? f : dlsym(library, other);
}

// load opens the library for good: it counts its users, and so costs nothing.
static void load(void) {
    void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(reason, sizeof reason, "%s", dlerror());
        return;
    }
    *(void **)&nvml.ErrorString = dlsym(library, "nvmlErrorString");
    *(void **)&nvml.Init = dlsym(library, "nvmlInit_v2");
    *(void **)&nvml.DriverVersion = dlsym(library, "nvmlSystemGetDriverVersion");
    *(void **)&nvml.ByPci = dlsym(library, "nvmlDeviceGetHandleByPciBusId_v2");
    *(void **)&nvml.Clock = dlsym(library, "nvmlDeviceGetClockInfo");
    *(void **)&nvml.Temperature = dlsym(library, "nvmlDeviceGetTemperature");
    *(void **)&nvml.Power = dlsym(library, "nvmlDeviceGetPowerUsage");
    *(void **)&nvml.PowerLimit = dlsym(library, "nvmlDeviceGetEnforcedPowerLimit");
    *(void **)&nvml.Utilisation = dlsym(library, "nvmlDeviceGetUtilizationRates");
    *(void **)&nvml.Throttle =
        find(library, "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons");
    *(void **)&nvml.Energy = dlsym(library, "nvmlDeviceGetTotalEnergyConsumption");
    if (!nvml.Init || !nvml.ByPci) {
        snprintf(reason, sizeof reason, "libnvidia-ml.so.1 has no nvmlInit_v2 or no nvmlDeviceGetHandleByPciBusId_v2");
        return;
    }
    if ((opened = nvml.Init())) snprintf(reason, sizeof reason, "%s", nvml_error(opened));
}

// nvml_open loads the library, the first time. It returns 0 if that works, -1 if
// there is none, else the library's own error.
int nvml_open(char *why, size_t size) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    snprintf(why, size, "%s", reason);
    return opened;
}

int nvml_device(const char *pci, void **device) { return nvml.ByPci(pci, (nvmlDevice_t *)device); }

// CALL has a quantity read by a function, if there is one.
#define CALL(quantity, function, ...) r->status[quantity] = (function) ? (function)(__VA_ARGS__) : -1

void nvml_read(void *device, Readings *r) {
    unsigned int sm = 0, memory = 0, temperature = 0, power = 0, limit = 0;
    nvmlUtilization_t busy = {0, 0};
    memset(r, 0, sizeof *r);
    CALL(SM_CLOCK, nvml.Clock, device, NVML_CLOCK_SM, &sm);
    CALL(MEMORY_CLOCK, nvml.Clock, device, NVML_CLOCK_MEM, &memory);
    CALL(TEMPERATURE, nvml.Temperature, device, NVML_TEMPERATURE_GPU, &temperature);
    CALL(POWER, nvml.Power, device, &power);
    CALL(POWER_LIMIT, nvml.PowerLimit, device, &limit);
    CALL(UTILISATION, nvml.Utilisation, device, &busy);
    CALL(THROTTLE, nvml.Throttle, device, &r->value[THROTTLE]);
    CALL(ENERGY, nvml.Energy, device, &r->value[ENERGY]);
    r->value[SM_CLOCK] = sm;
    r->value[MEMORY_CLOCK] = memory;
    r->value[TEMPERATURE] = temperature;
    r->value[POWER] = power;
    r->value[POWER_LIMIT] = limit;
    r->value[UTILISATION] = busy.gpu;
}

void nvml_driver(char *to, unsigned int size) {
    if (!nvml.DriverVersion || nvml.DriverVersion(to, size)) to[0] = 0;
}

const char *nvml_error(int status) {
    if (status == -1) return "this driver's library has no function for it";
    return nvml.ErrorString ? nvml.ErrorString(status) : "error of the library";
}
