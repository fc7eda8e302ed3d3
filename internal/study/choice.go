package study

import (
	"math"
	"slices"

	"clipcalib/internal/table"
)

// Choice is the remedy that a method is given without a look at test labels, and
// what that came to in one place.
type Choice struct {
	Key           // Remedy is the chosen one
	Rule   string // of package table
	Where  string
	None   float64 // ECE without a remedy
	Chosen float64
	Best   float64 // lowest of the candidates'
}

// good is how near the best of the candidates a choice is called good, in ECE.
const good = 0.01

// Good says that the choice is no worse than none and near the best.
func (c Choice) Good() bool { return c.Chosen <= c.None && c.Chosen <= c.Best+good }

// mean is a row's figures in one place, over its seeds.
type mean struct {
	Key
	seeds                                   int
	accuracy, ece, width, gap, logits       float64
	accuracySpread, eceSpread, logitsSpread float64
}

// means are those of all rows in one place, in order.
func (s Study) means(where string) (out []mean) {
	at := map[Key]int{}
	values := map[Key][3][]float64{}
	for _, c := range s.Cells {
		if c.Where != where {
			continue
		}
		i, ok := at[c.Key]
		if !ok {
			i = len(out)
			at[c.Key] = i
			out = append(out, mean{Key: c.Key})
		}
		m, v := &out[i], values[c.Key]
		m.seeds++
		m.width += c.Width
		m.gap += c.Gap
		values[c.Key] = [3][]float64{append(v[0], c.Accuracy), append(v[1], c.ECE), append(v[2], c.Range)}
	}
	for i := range out {
		m := &out[i]
		m.width, m.gap = m.width/float64(m.seeds), m.gap/float64(m.seeds)
		for j, to := range []struct{ mean, spread *float64 }{{&m.accuracy, &m.accuracySpread}, {&m.ece, &m.eceSpread},
			{&m.logits, &m.logitsSpread}} {
			v, variance := meanAndVariance(values[m.Key][j])
			*to.mean, *to.spread = v, math.Sqrt(variance)
		}
	}
	return out
}

// Choices are those of every method of every task by both rules of package table,
// among all rows that were measured in the place.
func (s Study) Choices() (all []Choice) {
	fold := s.means(Fold)
	for _, where := range Wheres {
		here := s.means(where)
		for _, none := range here {
			if none.Remedy != "none" || none.Method == ZeroShot {
				continue
			}
			ofMethod := func(list []mean) (out []mean) {
				for _, m := range list {
					if m.Task == none.Task && m.Family == none.Family && m.Method == none.Method {
						out = append(out, m)
					}
				}
				return out
			}
			rows := ofMethod(here)
			best := slices.MinFunc(rows, func(a, b mean) int { return compare(a.ece, b.ece) }).ece
			add := func(rule, remedy string) {
				i := slices.IndexFunc(rows, func(m mean) bool { return m.Remedy == remedy })
				c := Choice{Key: none.Key, Rule: rule, Where: where, None: none.ece, Chosen: rows[i].ece, Best: best}
				c.Remedy = remedy
				all = append(all, c)
			}
			if remedy, ok := onFold(ofMethod(fold), rows); ok {
				add(table.ByValidation, remedy)
			}
			remedy := "none"
			if none.width > math.Log1p(table.RangeAllowance) {
				remedy = slices.MinFunc(rows, func(a, b mean) int { return compare(a.gap, b.gap) }).Remedy
			}
			add(table.ByRange, remedy)
		}
	}
	return all
}

// onFold is the remedy of the lowest ECE on the validation fold among those that
// keep the accuracy there and were measured in the place.
func onFold(fold, rows []mean) (remedy string, ok bool) {
	i := slices.IndexFunc(fold, func(m mean) bool { return m.Remedy == "none" })
	if i < 0 {
		return "", false
	}
	none, lowest := fold[i], math.Inf(1)
	for _, m := range fold {
		there := slices.ContainsFunc(rows, func(r mean) bool { return r.Remedy == m.Remedy })
		if there && m.accuracy >= none.accuracy-table.AccuracyAllowance && m.ece < lowest {
			remedy, lowest = m.Remedy, m.ece
		}
	}
	return remedy, remedy != ""
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
