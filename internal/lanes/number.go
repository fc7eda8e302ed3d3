package lanes

import (
	"fmt"

	"clipcalib/internal/device"
	"clipcalib/weights"
)

// Work is what a command has to do.
type Work struct {
	Jobs int // trainings; 0 is unknown
	// Towers, unless nil, is the model whose towers the trainings run through. Those
	// on features need none.
	Towers *weights.Config
}

// smallTowers is the most parameters of a model whose trainings run side by side
// unasked. The products of larger ones fill the cores by themselves, and every
// lane holds the activations of a step.
const smallTowers = 32 << 20

// Number is how many lanes there are for work on d: as many as asked for, at most
// one a thread and one a training; for 0, as many as that, and one alone where the
// towers are not small. On a GPU it is one, and more is an error.
func Number(asked int, d *device.Device, w Work) (int, error) {
	switch {
	case asked < 0:
		return 0, fmt.Errorf("%d trainings at a time: want 1 or more, or 0 to leave it to the program", asked)
	case !device.Divisible(d):
		if asked > 1 {
			return 0, fmt.Errorf("%d trainings at a time: %s does one thing at a time: use 1 or 0", asked, d.Name())
		}
		return 1, nil
	case asked == 0 && w.Towers != nil && parameters(*w.Towers) > smallTowers:
		return 1, nil
	}
	n := d.Threads()
	for _, most := range []int{asked, w.Jobs} {
		if most > 0 {
			n = min(n, most)
		}
	}
	return n, nil
}

func parameters(c weights.Config) (n int) {
	for _, p := range c.Parameters() {
		size := 1
		for _, d := range p.Shape {
			size *= d
		}
		n += size
	}
	return n
}
