package splits

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/data/catalog"
	"clipcalib/internal/data/matfile"
	"clipcalib/internal/pyrand"
	"clipcalib/internal/regular"
)

// eachLine calls f with every line of a list that is not blank. Errors name the
// file and the line.
func eachLine(file string, f func(line string) error) error {
	in, err := regular.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		if err := f(line); err != nil {
			return fmt.Errorf("%s, line %d: %w", file, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// fromPets reads annotations/trainval.txt and test.txt: name, class from 1, species
// and breed.
func fromPets(_ *catalog.Set, dir string, r *pyrand.Rand) (data.Splits, error) {
	read := func(list string) (out []data.SplitEntry, err error) {
		return out, eachLine(filepath.Join(dir, "annotations", list), func(line string) error {
			words := strings.Fields(line)
			if len(words) != 4 {
				return fmt.Errorf("%.60q: want a name and three numbers", line)
			}
			label, err := strconv.Atoi(words[1])
			i := strings.LastIndexByte(words[0], '_')
			if err != nil || label < 1 || i < 1 {
				return fmt.Errorf("%.60q: want BREED_NUMBER and its class from 1", line)
			}
			out = append(out, data.SplitEntry{Path: words[0] + ".jpg", Label: label - 1,
				Class: strings.ToLower(words[0][:i])})
			return nil
		})
	}
	trainval, err := read("trainval.txt")
	if err != nil {
		return nil, err
	}
	test, err := read("test.txt")
	if err != nil {
		return nil, err
	}
	return fifth(trainval, test, r)
}

// fromSUN reads ClassName.txt, Training_01.txt and Testing_01.txt: paths from /.
func fromSUN(_ *catalog.Set, dir string, r *pyrand.Rand) (data.Splits, error) {
	labels := map[string]int{}
	err := eachLine(filepath.Join(dir, "ClassName.txt"), func(line string) error {
		labels[strings.TrimPrefix(line, "/")] = len(labels)
		return nil
	})
	if err != nil {
		return nil, err
	}
	read := func(list string) (out []data.SplitEntry, err error) {
		return out, eachLine(filepath.Join(dir, list), func(line string) error {
			file := strings.TrimPrefix(line, "/")
			class := path.Dir(file)
			label, ok := labels[class]
			if !ok {
				return fmt.Errorf("%q is not in ClassName.txt", class)
			}
			words := strings.Split(class, "/")[1:] // behind the first letter
			slices.Reverse(words)
			out = append(out, data.SplitEntry{Path: file, Label: label, Class: strings.Join(words, " ")})
			return nil
		})
	}
	trainval, err := read("Training_01.txt")
	if err != nil {
		return nil, err
	}
	test, err := read("Testing_01.txt")
	if err != nil {
		return nil, err
	}
	return fifth(trainval, test, r)
}

// fromUCF reads ucfTrainTestlist/classInd.txt, trainlist01.txt and testlist01.txt.
func fromUCF(_ *catalog.Set, dir string, r *pyrand.Rand) (data.Splits, error) {
	dir = filepath.Join(dir, "ucfTrainTestlist")
	labels := map[string]int{}
	err := eachLine(filepath.Join(dir, "classInd.txt"), func(line string) error {
		number, name, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || name == "" {
			return fmt.Errorf("%.60q: want a number from 1 and a name", line)
		}
		labels[name] = n - 1
		return nil
	})
	if err != nil {
		return nil, err
	}
	read := func(list string) (out []data.SplitEntry, err error) {
		return out, eachLine(filepath.Join(dir, list), func(line string) error {
			file, _, _ := strings.Cut(line, " ")
			action, video, ok := strings.Cut(file, "/")
			label, known := labels[action]
			if !ok || !known {
				return fmt.Errorf("%.60q: want ACTION/VIDEO with an action of classInd.txt", line)
			}
			name := camelWords(action)
			out = append(out, data.SplitEntry{Path: name + "/" + strings.ReplaceAll(video, ".avi", ".jpg"),
				Label: label, Class: name})
			return nil
		})
	}
	trainval, err := read("trainlist01.txt")
	if err != nil {
		return nil, err
	}
	test, err := read("testlist01.txt")
	if err != nil {
		return nil, err
	}
	return fifth(trainval, test, r)
}

// camelWords parts words that begin with capitals: ApplyEyeMakeup is
// Apply_Eye_Makeup.
func camelWords(s string) string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 && c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// fromCars reads the devkit's files of MATLAB.
func fromCars(_ *catalog.Set, dir string, r *pyrand.Rand) (data.Splits, error) {
	meta, err := matfile.Read(filepath.Join(dir, "devkit", "cars_meta.mat"))
	if err != nil {
		return nil, err
	}
	names := meta["class_names"]
	if names == nil || len(names.Cells) == 0 {
		return nil, fmt.Errorf("devkit/cars_meta.mat has no class_names")
	}
	read := func(folder, file string) (out []data.SplitEntry, err error) {
		arrays, err := matfile.Read(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		a := arrays["annotations"]
		if a == nil {
			return nil, fmt.Errorf("%s has no annotations", file)
		}
		for i := range a.Len() {
			name, class := a.Field(i, "fname"), a.Field(i, "class")
			if name == nil || name.Text == "" || class == nil || len(class.Numbers) != 1 {
				return nil, fmt.Errorf("%s: annotation %d lacks fname or class: take the file with labels", file, i+1)
			}
			label := int(class.Numbers[0]) - 1
			if label < 0 || label >= len(names.Cells) {
				return nil, fmt.Errorf("%s: annotation %d has class %d of %d", file, i+1, label+1, len(names.Cells))
			}
			words := strings.Split(names.Cells[label].Text, " ")
			last := len(words) - 1 // the year goes first
			words = append(words[last:], words[:last]...)
			out = append(out, data.SplitEntry{Path: folder + "/" + name.Text, Label: label, Class: strings.Join(words,
				" ")})
		}
		return out, nil
	}
	trainval, err := read("cars_train", filepath.Join("devkit", "cars_train_annos.mat"))
	if err != nil {
		return nil, err
	}
	test, err := read("cars_test", "cars_test_annos_withlabels.mat")
	if err != nil {
		return nil, err
	}
	return fifth(trainval, test, r)
}

// fromFlowers reads imagelabels.mat, and the names of cat_to_name.json, or of the
// catalog where that is not there.
func fromFlowers(s *catalog.Set, dir string, r *pyrand.Rand) (data.Splits, error) {
	arrays, err := matfile.Read(filepath.Join(dir, "imagelabels.mat"))
	if err != nil {
		return nil, err
	}
	labels := arrays["labels"]
	if labels == nil {
		return nil, fmt.Errorf("imagelabels.mat has no labels")
	}
	names := map[string]string{}
	raw, err := regular.ReadFile(filepath.Join(dir, "cat_to_name.json"))
	switch {
	case err == nil:
		if err := json.Unmarshal(raw, &names); err != nil {
			return nil, fmt.Errorf("cat_to_name.json: %w", err)
		}
	case os.IsNotExist(err):
		for k, c := range s.ClassList() {
			names[strconv.Itoa(k+1)] = c.Name
		}
	default:
		return nil, err
	}
	var all []data.SplitEntry
	for i, v := range labels.Numbers {
		name, ok := names[strconv.Itoa(int(v))]
		if !ok {
			return nil, fmt.Errorf("imagelabels.mat: picture %d has label %g, which has no name", i+1, v)
		}
		all = append(all, data.SplitEntry{Path: fmt.Sprintf("image_%05d.jpg", i+1), Label: int(v) - 1, Class: name})
	}
	return halves(byLabel(all), r)
}

// fromFolders starts from the sorted names of the class folders' files.
func fromFolders(s *catalog.Set, dir string, r *pyrand.Rand) (data.Splits, error) {
	home := dir
	for _, l := range []catalog.Layout{s.CoOp, s.TPT} {
		if at := filepath.Join(dir, filepath.FromSlash(l.Images)); l.Images != "" && isDir(at) {
			home = at
			break
		}
	}
	var classes [][]data.SplitEntry
	for label, c := range s.ClassList() {
		entries, err := os.ReadDir(filepath.Join(home, filepath.FromSlash(c.Folder)))
		if err != nil {
			return nil, err
		}
		var class []data.SplitEntry
		for _, e := range entries { // sorted
			if !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
				class = append(class, data.SplitEntry{Path: c.Folder + "/" + e.Name(), Label: label, Class: c.Name})
			}
		}
		if len(class) == 0 {
			return nil, fmt.Errorf("%s holds no picture", filepath.Join(home, c.Folder))
		}
		classes = append(classes, class)
	}
	return halves(classes, r)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
