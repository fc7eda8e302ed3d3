// Package nvml reads clocks, temperature, throttle reasons, power and energy of
// an NVIDIA GPU through the management library that comes with the driver,
// libnvidia-ml.so.1. It is loaded when asked for; nothing of it is needed to
// build. The package holds nothing in programs built without the tag gpu.
package nvml
