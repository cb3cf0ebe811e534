/* A stand-in for NVIDIA's management library, for machines without a GPU.

   FAKE_NVML_GPUS         how many GPUs there are (2)
   FAKE_NVML_INIT         the code that nvmlInit fails with
   FAKE_NVML_UNSUPPORTED  the code that each optional reading fails with
   FAKE_NVML_LOST         the index of a GPU that does not answer
   -DOLD leaves out functions, as old drivers do. */
#include <stdio.h>
#include <stdlib.h>

typedef int code;
typedef struct { unsigned long long total, free, used; } memory_info;
typedef struct { unsigned gpu, memory; } utilization;

static int setting(const char *name, int otherwise)
{
    char *value = getenv(name);
    return value ? atoi(value) : otherwise;
}

static int index_of(void *handle) { return (int)(long)handle - 1; }

static code optional(void) { return setting("FAKE_NVML_UNSUPPORTED", 0); }

code nvmlInit_v2(void) { return setting("FAKE_NVML_INIT", 0); }
code nvmlInitWithFlags(unsigned flags) { return nvmlInit_v2(); }
code nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(code error) { return "a failure of the stand-in"; }

code nvmlSystemGetDriverVersion(char *text, unsigned length)
{
    snprintf(text, length, "550.54.15");
    return 0;
}

code nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = setting("FAKE_NVML_GPUS", 2);
    return 0;
}

code nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle)
{
    if ((int)index == setting("FAKE_NVML_LOST", -1))
        return 15; /* NVML_ERROR_GPU_IS_LOST */
    *handle = (void *)(long)(index + 1);
    return 0;
}

code nvmlDeviceGetName(void *handle, char *text, unsigned length)
{
    snprintf(text, length, "Fake GPU");
    return 0;
}

code nvmlDeviceGetUUID(void *handle, char *text, unsigned length)
{
    snprintf(text, length, "GPU-fake-%d", index_of(handle));
    return 0;
}

code nvmlDeviceGetMemoryInfo(void *handle, memory_info *memory)
{
    memory->total = 80ULL << 30;
    memory->used = (unsigned long long)(index_of(handle) + 1) << 30;
    memory->free = memory->total - memory->used;
    return optional();
}

code nvmlDeviceGetUtilizationRates(void *handle, utilization *rates)
{
    rates->gpu = 10 * (index_of(handle) + 1);
    rates->memory = 5;
    return optional();
}

#ifndef OLD
code nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *degrees)
{
    *degrees = 40 + index_of(handle);
    return optional();
}

code nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts)
{
    *milliwatts = 61000;
    return optional();
}
#endif
