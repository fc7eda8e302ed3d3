package adapt

import "gorgonia.org/gorgonia"

// ZeroShot is CLIP itself: l_k = s*cos(f, t_k). Nothing is trained.
type ZeroShot struct{}

// Name is "zero-shot".
func (ZeroShot) Name() string { return "zero-shot" }

// Choices says in words what the method's own settings are.
func (ZeroShot) Choices() []string { return []string{"method: zero-shot, nothing is trained"} }

func (ZeroShot) Layout(k, d int) []Slot { return nil }

func (ZeroShot) Start(*Training) (State, error) { return NewState(), nil }

func (ZeroShot) Logits(b *Batch) *gorgonia.Node {
	return b.CosineLogits(b.UnitFeatures(), b.UnitPrototypes())
}
