package paper

import (
	"clipcalib/calib"
	"clipcalib/internal/recipe"
)

// Measured is one run's predictions on one set.
type Measured struct {
	Model, Row, Set, Seed string
	Predictions           calib.Predictions
	Where                 string // folder or file of the logits
	// Sets are the figures of conformal sets by kind, CalibratedOn what they were
	// calibrated on, and WhyNoSets why there are none.
	Sets                    map[string]MeasuredSets
	CalibratedOn, WhyNoSets string
}

// Absent says why a row has nothing on a set.
type Absent struct {
	Model string `json:"model"`
	Row   string `json:"row"`
	Set   string `json:"set"`
	Why   string `json:"why"`
}

// Bins are the numbers of bins that ECE is given at; the first is the paper's.
var Bins = []int{10, 15, 20}

// Figure is a measured figure, in percent.
type Figure struct {
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"` // over the seeds, 0 for one
	N    int     `json:"n"`   // seeds
	// Low and High hold the true figure at 95 %: over the seeds, by Student's t,
	// or, of one seed, over the samples (an accuracy's and a coverage's by Wilson);
	// of sets over splits 95 % of the splits lie there, and Mean is their median.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Over says what the interval is over: "seeds", "samples" or "splits".
	Over string `json:"over"`
}

// Entry is a row's figures on a set, or over all sets of the block.
type Entry struct {
	Set      string            `json:"set"` // "" is the average over the sets
	Accuracy *Figure           `json:"accuracy,omitempty"`
	ECE      map[string]Figure `json:"ece,omitempty"` // by bins
	// The paper's, where known, and the differences: ours less the paper's.
	PaperAccuracy *recipe.Expected `json:"paper_accuracy,omitempty"`
	PaperECE      *recipe.Expected `json:"paper_ece,omitempty"`
	DiffAccuracy  *float64         `json:"difference_accuracy,omitempty"`
	DiffECE       *float64         `json:"difference_ece,omitempty"`
	Why           string           `json:"why,omitempty"` // there are no figures
	// Sets are of conformal sets, by kind.
	Sets         map[string]SetEntry `json:"sets,omitempty"`
	CalibratedOn []string            `json:"calibrated_on,omitempty"`
	WhyNoSets    string              `json:"why_no_sets,omitempty"`
}

// Line is a row of a table.
type Line struct {
	Row     string   `json:"row"`
	Of      string   `json:"of,omitempty"` // row without the remedy
	Average Entry    `json:"average"`
	Sets    []Entry  `json:"sets"`
	Seeds   []string `json:"seeds"`
	Where   []string `json:"where,omitempty"`
}

// Block is the rows of one model.
type Block struct {
	Model string `json:"model"`
	// Unknown says why no published figures stand in it, "" where some do.
	Unknown string   `json:"unknown,omitempty"`
	Sets    []string `json:"sets"`
	Short   []string `json:"short"` // names of the sets in columns
	Lines   []Line   `json:"rows"`

	sets *Asked
}

// Sheet is a table of the paper as measured.
type Sheet struct {
	Name      string   `json:"table"`
	Title     string   `json:"title"`
	Published string   `json:"published"` // where the paper's figures are from
	Unknown   string   `json:"unknown,omitempty"`
	Blocks    []Block  `json:"blocks"`
	Absent    []Absent `json:"absent"`
	Sets      *Asked   `json:"conformal,omitempty"`
	Notes     []string `json:"notes"`
}
