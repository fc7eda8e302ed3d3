package data

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/imageio"
)

const (
	maxMembers = 10_000_000 // of one archive
	maxAside   = 1 << 16    // bytes of a label beside a picture
)

// tarSample is a picture's place in an archive and what lies beside it.
type tarSample struct {
	name       string
	at, length int64
	label      string // of .cls, .json or .txt
}

// tarFiles reads webdataset archives: in each, NAME.jpg beside NAME.cls (a
// label), NAME.json (with a field label or cls) or NAME.txt (a label or class
// name). Archives are of the part that their folder or the start of their name
// says.
func tarFiles(path string, files []string, opt Options) (layout, error) {
	return shards(path, files, func(set *Set, files []string) error { return set.readTars(files, path, opt) })
}

func (s *Set) readTars(files []string, from string, opt Options) error {
	var entries []listEntry
	for _, file := range files {
		samples, ignored, err := indexTar(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, cause(err))
		}
		for _, m := range ignored {
			s.Ignored = append(s.Ignored, LeftOut{File: Item{Path: file + "#" + m.File}.Key(s.Root), Reason: m.Reason})
		}
		for _, t := range samples {
			entries = append(entries, listEntry{path: file + "#" + t.name, label: t.label})
			s.Items = append(s.Items, Item{Path: file + "#" + t.name, Container: file, Bytes: t.bytes(file)})
		}
	}
	if len(entries) == 0 {
		return errors.New("no picture with a label in it: want NAME.jpg beside NAME.cls" + afterCount(s.Ignored))
	}
	names := opt.ClassNames
	if p := filepath.Join(filepath.Dir(files[0]), classNamesFile); names == "" && fileExists(p) {
		names = p
	} else if p := filepath.Join(from, classNamesFile); names == "" && fileExists(p) {
		names = p
	}
	var lines *ClassNames
	if names != "" {
		var err error
		if lines, err = ReadClassNames(names); err != nil {
			return err
		}
	}
	classes, labels, note, err := resolveLabels(entries, lines, opt.AllowEmptyClasses)
	if err != nil {
		return err
	}
	if note != "" {
		s.note("%s", note)
	}
	s.setClasses(classes)
	for i := range s.Items {
		s.Items[i].Label = labels[i]
	}
	return nil
}

// bytes returns the function that reads the picture.
func (t tarSample) bytes(file string) func() ([]byte, error) {
	return func() ([]byte, error) {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if t.length > imageio.DefaultLimits.Bytes {
			return nil, fmt.Errorf("%d bytes, more than the limit of %d", t.length, imageio.DefaultLimits.Bytes)
		}
		// The member's length is the archive's claim: only bytes that are there
		// take memory.
		encoded, err := io.ReadAll(io.NewSectionReader(f, t.at, t.length))
		if err == nil && int64(len(encoded)) < t.length {
			err = errors.New("archive is truncated")
		}
		return encoded, err
	}
}

// indexTar lists the pictures of an archive with their labels, members in any
// order. Names are cut at the first dot of their last part, as webdataset does.
func indexTar(file string) (samples []tarSample, others []LeftOut, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	labels := map[string]map[string]string{} // by name and suffix
	var stems []string
	seen := map[string]bool{}
	members := tar.NewReader(f)
	for n := 0; ; n++ {
		h, err := members.Next()
		if err == io.EOF {
			break
		}
		if err != nil || n >= maxMembers {
			return nil, nil, fmt.Errorf("member %d: %w", n+1, orTooMany(err))
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		stem, suffix := cutMember(h.Name)
		sparse := h.PAXRecords["GNU.sparse.major"] != "" || h.PAXRecords["GNU.sparse.map"] != ""
		switch rule := ignoredMember(h.Name); {
		case rule != "":
			others = append(others, LeftOut{File: h.Name, Reason: rule})
		case h.Typeflag != tar.TypeReg || sparse:
			others = append(others, LeftOut{File: h.Name, Reason: ruleNoLabel})
		case imageio.IsPicture("." + suffix):
			if seen[h.Name] {
				return nil, nil, fmt.Errorf("member %s is there twice", h.Name)
			}
			seen[h.Name] = true
			// The archive is read without a buffer, so the file stands where the
			// member's bytes start.
			at, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, nil, err
			}
			samples, stems = append(samples, tarSample{name: h.Name, at: at, length: h.Size}), append(stems, stem)
		case slices.Contains([]string{"cls", "json", "txt"}, suffix) && h.Size <= maxAside:
			text, err := io.ReadAll(members)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", h.Name, err)
			}
			if labels[stem] == nil {
				labels[stem] = map[string]string{}
			}
			labels[stem][suffix] = string(bytes.TrimSpace(text))
		default:
			others = append(others, LeftOut{File: h.Name, Reason: ruleNoLabel})
		}
	}
	for i := range samples {
		if samples[i].label, err = tarLabel(labels[stems[i]]); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", samples[i].name, err)
		}
	}
	return samples, others, nil
}

func orTooMany(err error) error {
	if err == nil {
		return fmt.Errorf("more than %d members", maxMembers)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("archive is truncated")
	}
	return err
}

// ignoredMember is the rule that leaves out a member by any part of its name.
func ignoredMember(name string) string {
	for part := range strings.SplitSeq(path.Clean(name), "/") {
		if rule := ignored(part); rule != "" && part != "." && part != ".." {
			return rule
		}
	}
	return ""
}

// tarLabel is the label beside a picture.
func tarLabel(beside map[string]string) (string, error) {
	if cls := beside["cls"]; cls != "" {
		return cls, nil
	}
	if text := beside["json"]; text != "" {
		var fields map[string]any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&fields); err != nil {
			return "", fmt.Errorf("the .json beside it: %w", err)
		}
		for _, key := range []string{"cls", "label", "class", "class_name"} {
			switch v := fields[key].(type) {
			case json.Number:
				if _, err := strconv.Atoi(v.String()); err == nil {
					return v.String(), nil
				}
			case string:
				return v, nil
			}
		}
	}
	if text := beside["txt"]; text != "" && !strings.Contains(text, "\n") {
		return text, nil
	}
	return "", errors.New("no label beside it: want a .cls, a .json with a field label, or a .txt of the same name")
}

// cutMember cuts a member's name at the first dot of its last part.
func cutMember(name string) (stem, suffix string) {
	dir, base := path.Split(name)
	stem, suffix, _ = strings.Cut(base, ".")
	return dir + stem, strings.ToLower(suffix)
}
