package adapt

import (
	"fmt"
	"math"
)

// Schedule gives the learning rate of an epoch.
type Schedule string

const (
	// WarmCosine is Dassl's cosine with one constant warm-up epoch, the
	// paper's: epoch 0 runs at 1e-5 and epoch e at base*(1+cos(pi*(e-1)/T))/2,
	// so that epoch 1 runs at the full base rate and no epoch at 0.
	WarmCosine Schedule = "warm-cosine"
	// Cosine is base*(1+cos(pi*e/T))/2, without warm-up.
	Cosine Schedule = "cosine"
	// Constant is the base rate throughout.
	Constant Schedule = "constant"
)

// warmUpRate is the constant rate of the warm-up epoch.
const warmUpRate = 1e-5

// Rate returns the learning rate of an epoch, counted from 0, of epochs.
func (s Schedule) Rate(base float64, epoch, epochs int) float64 {
	cosine := func(e int) float64 {
		return base * (1 + math.Cos(math.Pi*float64(e)/float64(epochs))) / 2
	}
	switch s {
	case Cosine:
		return cosine(epoch)
	case Constant:
		return base
	}
	if epoch == 0 {
		return warmUpRate
	}
	return cosine(epoch - 1)
}

func (s Schedule) check() error {
	switch s {
	case WarmCosine, Cosine, Constant:
		return nil
	}
	return fmt.Errorf("unknown schedule %q; known are %s, %s, %s", string(s), WarmCosine, Cosine, Constant)
}
