package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/adapt"
	"clipcalib/internal/docfile"
	"clipcalib/internal/named"
	"clipcalib/internal/settings"
	"clipcalib/weights"
)

// ModelVersion is the version of model.yaml that this program writes; it reads
// those up to it.
const ModelVersion = 1

// Model is what is needed to use a run, model.yaml: the checkpoint, and the
// constants in force of everything that stands between a picture and its
// confidence. Class names and prompts are in classes.json. It is the only file
// of a run that holds paths of the machine.
type Model struct {
	Version        int            `yaml:"version"`
	Family         string         `yaml:"family"`
	Method         string         `yaml:"method"`
	MethodSettings map[string]any `yaml:"method_settings,omitempty"` // all of them, by their names for --set
	Remedy         string         `yaml:"remedy"`
	RemedySettings map[string]any `yaml:"remedy_settings,omitempty"`
	Compat         string         `yaml:"compat"`
	LogitScale     float64        `yaml:"logit_scale"`
	Weights        WeightsFile    `yaml:"weights"`
	Architecture   string         `yaml:"architecture,omitempty"`
	// Activation is by its name for --activation; "" where the towers differ, then
	// what stands beside the weights says it.
	Activation    string              `yaml:"activation,omitempty"`
	Preprocess    *weights.Preprocess `yaml:"preprocess,omitempty"` // where it is not OpenAI's, or was asked for
	Prefix        string              `yaml:"prefix,omitempty"`     // of the one meant of several models in the file
	NoConfig      bool                `yaml:"no_config,omitempty"`  // nothing beside the weights was read
	VisionHeads   int                 `yaml:"vision_heads,omitempty"`
	TextHeads     int                 `yaml:"text_heads,omitempty"`
	ImageSize     int                 `yaml:"image_size,omitempty"`
	Width         int                 `yaml:"width,omitempty"` // of features
	Preprocessing string              `yaml:"preprocessing,omitempty"`
	Templates     []string            `yaml:"templates,omitempty"` // of the zero-shot prototypes
	Truncate      bool                `yaml:"truncate,omitempty"`  // prompts of more tokens than CLIP takes
	Tuning        *Tuning             `yaml:"tuning,omitempty"`

	Classes []Class `yaml:"-"` // nil where they are not known
}

// WeightsFile says where a run's checkpoint was. All are empty for a run on
// features of unknown origin.
type WeightsFile struct {
	SHA256   string `yaml:"sha256,omitempty"`   // with what else tells the model, such as its activation
	Path     string `yaml:"path,omitempty"`     // absolute
	Relative string `yaml:"relative,omitempty"` // to the run's folder, with slashes
}

// Tuning is what test-time tuning is done with.
type Tuning struct {
	Context      string  `yaml:"context"`
	Views        int     `yaml:"views"`
	Keep         float64 `yaml:"keep"`
	AugMix       bool    `yaml:"augmix"`
	LearningRate float64 `yaml:"learning_rate"`
	WeightDecay  float64 `yaml:"weight_decay"`
	Seed         uint64  `yaml:"seed"`
	Pinned       string  `yaml:"pinned,omitempty"`   // hash of given vectors and views
	ViewKey      string  `yaml:"view_key,omitempty"` // names a picture in its views' seeds; "" is its path

	FPP map[string]any `yaml:"fpp,omitempty"` // settings, where it learned the start
}

// NewModel returns what method and remedy say of a model.
func NewModel(family string, m named.Thing, r adapt.Remedy, c adapt.Compat, scale float64) Model {
	return Model{
		Version: ModelVersion, Family: family, Method: m.Name(), MethodSettings: settings.Values(m),
		Remedy: r.Name(), RemedySettings: settings.Values(r), Compat: string(c), LogitScale: scale,
	}
}

// SetConfig notes the checkpoint's architecture.
func (m *Model) SetConfig(c weights.Config) {
	m.Architecture, m.Activation = c.Architecture(), c.Activation.String()
	m.VisionHeads, m.TextHeads = c.Vision.Heads, c.Text.Heads
	m.ImageSize, m.Width = c.Vision.ImageSize, c.EmbedDim
	if c.TextActivation() != c.Activation {
		m.Activation = ""
	}
	// OpenAI's too, where something beside the weights may say another.
	if c.Preprocess != (weights.Preprocess{}) || c.PreprocessReason == weights.AskedFor {
		m.Preprocess = &c.Preprocess
	}
}

// SetWeights notes the checkpoint's file, if there is one, and its hash.
func (m *Model) SetWeights(path, sha256 string) {
	m.Weights = WeightsFile{SHA256: sha256}
	if path == "" {
		return
	}
	if abs, err := filepath.Abs(path); err == nil {
		m.Weights.Path = abs
	}
}

// setInputs notes what a recipe's inputs say.
func (m *Model) setInputs(in Inputs) {
	m.SetWeights(in.Weights, in.WeightsSHA256)
	// Behind it stand precision and the augmentation of training.
	m.Preprocessing, _, _ = strings.Cut(in.Preprocessing, ";")
	m.Templates, m.Truncate = in.Templates, in.Truncate
	m.Prefix, m.NoConfig = in.Model.Prefix, in.Model.NoConfig
}

// writeTo writes model.yaml, unless it is there.
func (m Model) writeTo(dir string) error {
	path := filepath.Join(dir, modelFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if abs, err := filepath.Abs(dir); err == nil && m.Weights.Path != "" {
		if rel, err := filepath.Rel(abs, m.Weights.Path); err == nil {
			m.Weights.Relative = filepath.ToSlash(rel)
		}
	}
	return docfile.WriteYAML(path, m)
}

// FindWeights returns the path of the run's checkpoint: the one beside the
// run's folder, as it was, or the one it had on this machine. Whether the file
// is still the same is for who opens it to see, by its hash.
func (m Model) FindWeights(dir string) (string, error) {
	var tried []string
	for _, path := range []string{joined(dir, m.Weights.Relative), m.Weights.Path} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil && (info.Mode().IsRegular() || info.IsDir()) {
			return path, nil
		}
		tried = append(tried, path)
	}
	if len(tried) == 0 {
		return "", fmt.Errorf("run %s does not say where its weights are (SHA-256 %.12s): name them with --weights",
			dir, m.Weights.SHA256)
	}
	return "", fmt.Errorf("the weights of run %s are not where they were (%s; SHA-256 %.12s): name them with --weights",
		dir, listed(tried), m.Weights.SHA256)
}

func joined(dir, relative string) string {
	if relative == "" {
		return ""
	}
	return filepath.Join(dir, filepath.FromSlash(relative))
}

func listed(paths []string) string {
	if len(paths) == 2 && paths[0] != paths[1] {
		return paths[0] + ", " + paths[1]
	}
	return paths[0]
}

// ReadModel reads what is needed to use a finished run. Of a folder that an
// older version wrote, it is put together from the recipe.
func ReadModel(dir string) (Model, error) {
	m, err := readModel(dir)
	if err != nil {
		return m, fmt.Errorf("run %s: %w", dir, err)
	}
	return m, nil
}

func readModel(dir string) (m Model, err error) {
	if err := CheckFiles(dir); err != nil {
		return m, err
	}
	if err = docfile.ReadYAML(filepath.Join(dir, modelFile), &m); errors.Is(err, os.ErrNotExist) {
		m, err = upgraded(dir)
	}
	switch {
	case err != nil:
		return m, err
	case m.Version > ModelVersion:
		return m, fmt.Errorf("%s is of version %d, this program knows those up to %d: use a newer one",
			modelFile, m.Version, ModelVersion)
	case m.Version < 1 || m.Method == "" || m.Remedy == "":
		return m, fmt.Errorf("%s does not say its version, method and remedy: it is no file of this program", modelFile)
	}
	switch m.Family {
	case FamilyAdapters, FamilyPrompts:
		if _, err := os.Stat(filepath.Join(dir, parameterFiles[m.Family])); err != nil {
			return m, fmt.Errorf("it is not finished: %s is missing; the command that began it goes on where it stopped",
				parameterFiles[m.Family])
		}
		m.Classes, err = ReadClasses(dir)
	case FamilyTestTime:
		m.Classes, err = tunedClasses(dir)
	default:
		return m, fmt.Errorf("%s names an unknown family %q", modelFile, m.Family)
	}
	return m, err
}

// tunedClasses are the classes of all targets of a run of test-time tuning, nil
// where they differ.
func tunedClasses(dir string) ([]Class, error) {
	files, err := filepath.Glob(filepath.Join(dir, "targets", "*", classesFile))
	if err != nil {
		return nil, err
	}
	var all []Class
	for i, f := range files {
		var classes []Class
		if err := docfile.ReadJSON(f, &classes); err != nil {
			return nil, err
		}
		if i > 0 && identity(classes) != identity(all) {
			return nil, nil
		}
		all = classes
	}
	return all, nil
}

// Settle makes the run in dir, which is about to be copied, one of the folder to:
// its model.yaml then says where the weights are from there.
func Settle(dir, to string) error {
	path := filepath.Join(dir, modelFile)
	var m Model
	if err := docfile.ReadYAML(path, &m); err != nil {
		return err
	}
	if m.Weights.Path == "" {
		return nil
	}
	abs, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(abs, m.Weights.Path)
	if err != nil {
		return nil // no way from there: the absolute path remains
	}
	m.Weights.Relative = filepath.ToSlash(rel)
	return docfile.WriteYAML(path, m)
}
