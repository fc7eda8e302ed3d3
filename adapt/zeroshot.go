package adapt

import "clipcalib/internal/graph"

// ZeroShot is CLIP itself: l_k = s*cos(f, t_k). Nothing is trained.
type ZeroShot struct{}

// Name is "zero-shot".
func (ZeroShot) Name() string { return "zero-shot" }

// Choices says in words what the method's own settings are.
func (ZeroShot) Choices() []string { return []string{"method: zero-shot, nothing is trained"} }

func (ZeroShot) layout(k, d int) []slot { return nil }

func (ZeroShot) trainingFree() {}

func (ZeroShot) prepare(*task) (*state, error) { return newState(), nil }

func (ZeroShot) logits(b *builder) *graph.Node { return b.cosine(b.unit(), b.unitPrototypes()) }
