package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/docfile"
	"clipcalib/internal/regular"

	"go.yaml.in/yaml/v3"
)

// manifestFile lists the files of a folder, of a run or of an evaluation, and is
// written when they are all there. Every reader checks what it reads against
// it. Folders of older versions have none and are read as they are.
const manifestFile = "manifest.json"

const manifestVersion = 1

// manifest is the content of manifest.json.
type manifest struct {
	Version int      `json:"version"`
	Files   []sealed `json:"files"`
}

// sealed is one file of a manifest.
type sealed struct {
	File  string `json:"file"` // with slashes
	Bytes int64  `json:"bytes,omitempty"`
	// SHA256 is of the file; of model.yaml, which has no size here, it is of the
	// content without the paths of the machine.
	SHA256 string `json:"sha256"`
}

// sealedFiles are the files that a manifest lists, where they are there.
func sealedFiles() []string {
	names := []string{recipeFile, modelFile, adapterFile, promptsFile, classesFile, driftFile, logFile, logitsFile,
		zeroShotFile, labelsFile,
		metricsFile, zeroShotMetricsFile, targetFile, data.RowsFile, data.LeftOutFile}
	for _, t := range classTables(new(calib.ClassFeatures)) {
		names = append(names, filepath.Join(classFeaturesDir, t.file))
	}
	slices.Sort(names)
	return names
}

// Damage is a file that is not what was written.
type Damage struct{ Path, What string }

func (d *Damage) Error() string { return d.Path + " is damaged: " + d.What }

// seal writes the manifest of a folder whose files are all there.
func seal(dir string) error {
	m := manifest{Version: manifestVersion}
	for _, name := range sealedFiles() {
		s, err := digestOf(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		m.Files = append(m.Files, s)
	}
	return docfile.WriteJSON(filepath.Join(dir, manifestFile), m)
}

// unseal removes the manifest of a folder whose files are about to change.
func unseal(dir string) error {
	if err := os.Remove(filepath.Join(dir, manifestFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func hasManifest(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, manifestFile))
	return err == nil
}

func readManifest(dir string) (m manifest, err error) {
	path := filepath.Join(dir, manifestFile)
	if err = docfile.ReadJSON(path, &m); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return m, err
		}
		return m, &Damage{path, err.Error()}
	}
	switch {
	case m.Version > manifestVersion:
		return m, fmt.Errorf("%s is of version %d, this program knows those up to %d: use a newer one", path, m.Version,
			manifestVersion)
	case m.Version < 1 || len(m.Files) == 0:
		return m, &Damage{path, "it lists no files"}
	}
	for _, s := range m.Files {
		if !slices.Contains(sealedFiles(), filepath.FromSlash(s.File)) {
			return m, &Damage{path, fmt.Sprintf("%q is no file of a run", s.File)}
		}
	}
	return m, nil
}

// CheckFiles compares files of the folder of a run or of an evaluation with its
// manifest, all that it lists where none are named. The error is of the first
// that differs, a [*Damage]. Without a manifest there is nothing to compare.
func CheckFiles(dir string, names ...string) error {
	m, err := readManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range m.Files {
		if len(names) > 0 && !slices.Contains(names, s.File) {
			continue
		}
		if err := s.check(dir); err != nil {
			return err
		}
	}
	return nil
}

func (s sealed) check(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(s.File))
	if info, err := os.Stat(path); err == nil && s.Bytes > 0 && info.Size() != s.Bytes {
		return &Damage{path, fmt.Sprintf("%d bytes where %d were written", info.Size(), s.Bytes)}
	}
	got, err := digestOf(dir, s.File)
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.File == driftFile: // to do without it is the user's choice
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &Damage{path, "it is missing"}
	case err != nil:
		return err
	case got != s:
		return &Damage{path, fmt.Sprintf("its SHA-256 %.12s is not the %.12s of %s", got.SHA256, s.SHA256,
			manifestFile)}
	}
	return nil
}

// digestOf is the entry of a file as it is now.
func digestOf(dir, name string) (sealed, error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err != nil {
		return sealed{}, err
	}
	if !info.Mode().IsRegular() {
		return sealed{}, &Damage{path, "it is not a file"}
	}
	s := sealed{File: filepath.ToSlash(name), Bytes: info.Size()}
	if name == modelFile {
		s.Bytes = 0
		s.SHA256, err = modelSHA256(path)
	} else {
		s.SHA256, err = fileSHA256(path)
	}
	return s, err
}

// modelSHA256 hashes what model.yaml says but for where the weights were, which
// differs between equal runs.
func modelSHA256(path string) (string, error) {
	raw, err := regular.ReadFile(path)
	if err != nil {
		return "", err
	}
	var said map[string]any
	if err := yaml.Unmarshal(bytes.ToValidUTF8(raw, nil), &said); err != nil {
		return "", &Damage{path, err.Error()}
	}
	if w, ok := said["weights"].(map[string]any); ok {
		delete(w, "path")
		delete(w, "relative")
	}
	text, err := json.Marshal(said)
	if err != nil {
		return "", &Damage{path, err.Error()}
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
