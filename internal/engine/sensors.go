package engine

// Sensors read the state of the hardware that an engine computes on. They are
// used from one goroutine at a time.
type Sensors interface {
	// Name says what is read, as in "NVML, driver 580.95.05".
	Name() string
	Read() (Reading, error)
	Close() error
}

// Reading is the state at one time.
type Reading struct {
	// Values are quantities by name and unit: sm_clock_mhz, memory_clock_mhz,
	// temperature_c, power_w, power_limit_w, utilisation_percent, clock_mhz.
	Values map[string]float64
	// Throttled are the reasons for which the clocks are held down.
	Throttled []string
	// Joules is a counter of the energy taken, if Counts; only differences of two
	// readings say something.
	Joules float64
	Counts bool
	// Missing has a line for each quantity that cannot be read.
	Missing []string
}
