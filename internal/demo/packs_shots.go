package demo

import (
	"fmt"

	"clipcalib/internal/data"
	"clipcalib/internal/pyrand"
)

// Shots draws at most shots pictures of every class from the source domain's
// FoldShots. A class with fewer gives all it has, as Dassl's
// generate_fewshot_dataset does without repetition: some emoji classes have
// three concepts to learn from, others dozens. The draw is that of
// [data.FewShot], random.sample class by class with one generator.
func (t *Task) Shots(shots int, seed int64) (*data.Set, error) {
	if shots < 1 {
		return nil, fmt.Errorf("demo task %s: %d shots, want at least 1", t.Name, shots)
	}
	pool, err := t.Source().Set(FoldShots)
	if err != nil {
		return nil, err
	}
	byClass := make([][]data.Item, len(pool.Classes))
	var order []int // classes as they first occur
	for _, it := range pool.Items {
		if byClass[it.Label] == nil {
			order = append(order, it.Label)
		}
		byClass[it.Label] = append(byClass[it.Label], it)
	}
	out := &data.Set{Name: fmt.Sprintf("%s, %d shots, seed %d", pool.Name, shots, seed), Classes: pool.Classes}
	rng := pyrand.New(seed)
	for _, class := range order {
		items := byClass[class]
		if len(items) <= shots {
			out.Items = append(out.Items, items...)
			continue
		}
		picked, err := rng.Sample(len(items), shots)
		if err != nil {
			return nil, fmt.Errorf("demo task %s: %w", t.Name, err)
		}
		for _, i := range picked {
			out.Items = append(out.Items, items[i])
		}
	}
	return out, nil
}
