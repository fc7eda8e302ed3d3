package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/regular"
)

// ClassNames are the lines of a file of class names, in its order: a folder (or
// id), white space and the name, or a name alone. Which of the two it is shows
// only beside a data set.
type ClassNames struct {
	Path  string
	Lines []string
}

// maxLine bounds one line of a list or names file.
const maxLine = 1 << 16

// ReadClassNames reads a file with one class per line: the folder's name, white
// space and the class name, as CoOp's classnames.txt has them, or names alone.
func ReadClassNames(path string) (*ClassNames, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("class names %s: %w", path, cause(err))
	}
	defer f.Close()
	lines, err := parseClassNames(f)
	if err != nil {
		return nil, fmt.Errorf("class names %s: %w", path, err)
	}
	return &ClassNames{Path: path, Lines: lines}, nil
}

func parseClassNames(r io.Reader) ([]string, error) {
	var lines []string
	err := eachLine(r, func(_ int, line string) error {
		lines = append(lines, strings.TrimSpace(line))
		return nil
	})
	if err == nil && len(lines) == 0 {
		err = errors.New("no class names in it")
	}
	return lines, err
}

// Classes are the classes of the file, with folders if the lines have them.
func (c *ClassNames) Classes(keyed bool) ([]Class, error) {
	out := make([]Class, len(c.Lines))
	seen := map[string]bool{}
	for i, line := range c.Lines {
		out[i].Name = line
		if !keyed {
			continue
		}
		folder, name, ok := cutSpace(line)
		if !ok {
			return nil, fmt.Errorf("class names %s: %q: want a folder name, white space and a class name", c.Path, line)
		}
		if seen[folder] {
			return nil, fmt.Errorf("class names %s: folder %q is named twice", c.Path, folder)
		}
		seen[folder] = true
		out[i] = Class{Folder: folder, Name: name}
	}
	return out, nil
}

// looksKeyed reports whether the first word of every line can only be an id: a
// tab stands behind it, or it is a WordNet id, or they count from 0 or 1.
func (c *ClassNames) looksKeyed() bool {
	tabs, ids, counted := true, true, true
	start := 0
	for i, line := range c.Lines {
		first, _, ok := cutSpace(line)
		n, err := strconv.Atoi(first)
		if i == 0 {
			start = n
		}
		tabs = tabs && ok && strings.HasPrefix(line[len(first):], "\t")
		ids = ids && ok && idLike.MatchString(first)
		counted = counted && ok && err == nil && start <= 1 && n == i+start
	}
	return tabs || ids || counted
}

var idLike = regexp.MustCompile(`^n\d{4,}$`)

// firstWords are the words that would be folders.
func (c *ClassNames) firstWords() map[string]int {
	at := map[string]int{}
	for i, line := range c.Lines {
		first, _, ok := cutSpace(line)
		if !ok {
			return nil
		}
		at[first] = i
	}
	return at
}

// ofFolders names folders: by the first words if all are there, by whole lines
// that are the folders' own names, or by place if there are as many and the file
// was asked for, not found beside the classes.
func (c *ClassNames) ofFolders(folders []string, asked bool) (names []string, note string, err error) {
	if first := c.firstWords(); first != nil && len(first) == len(c.Lines) && containsAll(first, folders) {
		for _, f := range folders {
			_, name, _ := cutSpace(c.Lines[first[f]])
			names = append(names, name)
		}
		return names, "", nil
	}
	whole := map[string]int{}
	for i, line := range c.Lines {
		whole[line] = i
	}
	numbers, top := numbered(folders)
	switch {
	case containsAll(whole, folders):
		return slices.Clone(folders), "", nil
	case numbers && top < len(c.Lines) && slices.Contains(folders, "0"):
		// Folders that are numbers from 0, as ImageNet-V2's, are places in the file.
		classes, err := c.Classes(c.looksKeyed())
		if err != nil {
			return nil, "", err
		}
		for _, f := range folders {
			k, _ := strconv.Atoi(f)
			names = append(names, classes[k].Name)
		}
		return names, "", nil
	case asked && len(c.Lines) == len(folders) && !c.looksKeyed() && !containsAny(c.firstWords(), folders) &&
		!containsAny(whole,
			folders):
		return slices.Clone(c.Lines), fmt.Sprintf("class names %s: its %d lines name the sorted folders in order: %s is "+
			"%q, ...",
			c.Path, len(folders), folders[0], c.Lines[0]), nil
	}
	first := c.firstWords()
	for _, f := range folders {
		if _, ok := first[f]; !ok {
			return nil, "", fmt.Errorf("class names %s: no name for folder %q among its %d lines (want a folder, white space "+
				"and a name on a line, or a name for each of the %d folders in order)",
				c.Path, f, len(c.Lines), len(folders))
		}
	}
	return nil, "", fmt.Errorf("class names %s: a folder is named twice", c.Path)
}

// ofLabels are the classes of numbered labels, and a note of how the lines were
// taken where they leave it open.
func (c *ClassNames) ofLabels() (classes []Class, note string, err error) {
	keyed := c.looksKeyed()
	if !keyed && c.shuffled() {
		return nil, "", fmt.Errorf("class names %s: its lines begin with the numbers of the labels, out of order (%q is the "+
			"first): sort them by that number", c.Path, c.Lines[0])
	}
	classes, err = c.Classes(keyed)
	if err == nil && !keyed {
		note = fmt.Sprintf("class names %s: whole lines are names, such as %q for label 0", c.Path, c.Lines[0])
	}
	return classes, note, err
}

// shuffled says that the first words are all labels from 0 or 1, each once.
func (c *ClassNames) shuffled() bool {
	first := c.firstWords()
	if len(first) != len(c.Lines) || len(first) < 2 {
		return false
	}
	all, top := numbered(slices.Collect(maps.Keys(first)))
	_, zero := first["0"]
	return all && (zero && top == len(first)-1 || !zero && top == len(first))
}

// numbered reports whether all names are plain numbers, and the largest.
func numbered(names []string) (all bool, top int) {
	for _, name := range names {
		n, err := strconv.ParseUint(name, 10, 31)
		if err != nil {
			return false, 0
		}
		top = max(top, int(n))
	}
	return true, top
}

func containsAny(in map[string]int, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := in[name]; return ok })
}

func containsAll(in map[string]int, names []string) bool {
	for _, name := range names {
		if _, ok := in[name]; !ok {
			return false
		}
	}
	return true
}

func cutSpace(line string) (first, rest string, ok bool) {
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, "", false
	}
	first, rest = line[:i], strings.TrimSpace(line[i:])
	return first, rest, first != "" && rest != ""
}

// eachLine calls f for every line that is neither blank nor a # comment. Errors
// name the line's number.
func eachLine(r io.Reader, f func(number int, line string) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	number := 0
	for lines.Scan() {
		number++
		line := strings.TrimRight(strings.TrimPrefix(lines.Text(), "\ufeff"), "\r")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := f(number, line); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes", number+1, maxLine)
	}
	return lines.Err()
}
