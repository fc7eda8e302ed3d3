package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// ClassNames maps class folders to class names, in the order of their file.
type ClassNames struct {
	Folders []string // such as WordNet ids
	Names   []string
	byName  map[string]int
}

// maxLine bounds one line of a list or names file.
const maxLine = 1 << 16

// ReadClassNames reads a file with one class per line: the folder's name,
// white space, the class name, as CoOp's classnames.txt has them.
func ReadClassNames(path string) (*ClassNames, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("class names %s: %w", path, cause(err))
	}
	defer f.Close()
	names, err := parseClassNames(f)
	if err != nil {
		return nil, fmt.Errorf("class names %s: %w", path, err)
	}
	return names, nil
}

func parseClassNames(r io.Reader) (*ClassNames, error) {
	names := &ClassNames{byName: map[string]int{}}
	err := eachLine(r, func(_ int, line string) error {
		folder, name, ok := cutSpace(line)
		if !ok {
			return fmt.Errorf("%q: want a folder name, white space and a class name", line)
		}
		if _, twice := names.byName[folder]; twice {
			return fmt.Errorf("folder %q is named twice", folder)
		}
		names.byName[folder] = len(names.Names)
		names.Folders = append(names.Folders, folder)
		names.Names = append(names.Names, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(names.Names) == 0 {
		return nil, errors.New("no class names in it")
	}
	return names, nil
}

// name looks a folder up: by its name, or by position where folders are
// numbered and the file is keyed by something else.
func (c *ClassNames) name(folder string) (string, bool) {
	if i, ok := c.byName[folder]; ok {
		return c.Names[i], true
	}
	if i, err := strconv.Atoi(folder); err == nil && i >= 0 && i < len(c.Names) {
		return c.Names[i], true
	}
	return "", false
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
