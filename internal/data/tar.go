package data

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/imageio"
	"clipcalib/internal/regular"
)

const (
	maxMembers = 10_000_000 // of one archive
	maxAside   = 1 << 16    // bytes of a label beside a picture
)

// Member is a picture's place in an archive, and the texts that lie beside it
// under the same name, by what follows the first dot: cls, json, txt.
type Member struct {
	Name       string
	At, Length int64
	Beside     map[string]string
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
		pictures, ignored, err := indexTarFile(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, cause(err))
		}
		for _, m := range ignored {
			s.Ignored = append(s.Ignored, LeftOut{File: Item{Path: file + "#" + m.File}.Key(s.Root), Reason: m.Reason})
		}
		for _, m := range pictures {
			label, err := tarLabel(m.Beside)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", file, m.Name, err)
			}
			entries = append(entries, listEntry{path: file + "#" + m.Name, label: label})
			s.Items = append(s.Items, m.item(file))
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

// item is the picture in its archive.
func (m Member) item(file string) Item {
	return Item{Path: file + "#" + m.Name, Container: file, Bytes: func() ([]byte, error) {
		f, err := regular.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return m.Read(f)
	}}
}

// Read reads the member from its archive.
func (m Member) Read(archive io.ReaderAt) ([]byte, error) {
	if m.Length > imageio.DefaultLimits.Bytes {
		return nil, fmt.Errorf("%d bytes, more than the limit of %d", m.Length, imageio.DefaultLimits.Bytes)
	}
	// The length is the archive's claim: only bytes that are there take memory.
	encoded, err := io.ReadAll(io.NewSectionReader(archive, m.At, m.Length))
	if err == nil && int64(len(encoded)) < m.Length {
		err = errors.New("archive is truncated")
	}
	return encoded, err
}

func indexTarFile(file string) ([]Member, []LeftOut, error) {
	f, err := regular.Open(file)
	if err != nil {
		return nil, nil, cause(err)
	}
	defer f.Close()
	return IndexTar(f)
}

// IndexTar lists the pictures of an archive with the texts beside them, members
// in any order, and the other members. Names are cut at the first dot of their
// last part, as webdataset does.
func IndexTar(r io.ReadSeeker) (pictures []Member, others []LeftOut, err error) {
	texts := map[string]map[string]string{} // by name
	var stems []string
	seen := map[string]bool{}
	members := tar.NewReader(r)
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
			others = append(others, LeftOut{File: h.Name, Reason: ruleMember})
		case imageio.IsPicture("." + suffix):
			if seen[h.Name] {
				return nil, nil, fmt.Errorf("member %s is there twice", h.Name)
			}
			seen[h.Name] = true
			// The archive is read without a buffer, so it stands where the member's
			// bytes start.
			at, err := r.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, nil, err
			}
			pictures, stems = append(pictures, Member{Name: h.Name, At: at, Length: h.Size}), append(stems, stem)
		case slices.Contains([]string{"cls", "json", "txt"}, suffix):
			if h.Size > maxAside {
				return nil, nil, fmt.Errorf("%s: a text of %d bytes beside a picture, want at most %d", h.Name, h.Size,
					maxAside)
			}
			text, err := io.ReadAll(members)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", h.Name, orTooMany(err))
			}
			if texts[stem] == nil {
				texts[stem] = map[string]string{}
			}
			texts[stem][suffix] = string(bytes.TrimSpace(text))
		default:
			others = append(others, LeftOut{File: h.Name, Reason: ruleMember})
		}
	}
	for i := range pictures {
		pictures[i].Beside = texts[stems[i]]
	}
	return pictures, others, nil
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
