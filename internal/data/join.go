package data

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"clipcalib/internal/named"
)

// Class is the key of a class beside its place in the list: the folder or id it
// has on disk, where it has one, and its name.
type Class struct {
	Folder string
	Name   string
}

// Key is the folder, or the name of a class without one.
func (c Class) Key() string {
	if c.Folder != "" {
		return c.Folder
	}
	return c.Name
}

func (c Class) String() string {
	if c.Folder != "" && c.Folder != c.Name {
		return fmt.Sprintf("%q (folder %s)", c.Name, c.Folder)
	}
	return fmt.Sprintf("%q", c.Name)
}

// wordNetID is the id of a synset as ImageNet's folders are named: such a key
// is the same in every set, and two of them are two classes whatever the names.
var wordNetID = regexp.MustCompile(`^n\d{8}$`)

// agree reports whether the ids of two classes let them be one.
func (c Class) agree(other Class) bool {
	return c.Folder == other.Folder || !wordNetID.MatchString(c.Folder) || !wordNetID.MatchString(other.Folder)
}

// Join finds each class of a target among a run's. Two lists that are the same,
// names and places, are joined place by place. Otherwise a class is joined by
// the first of these that finds it:
//
//  1. folder and name, or a WordNet id alone;
//  2. the name, exact, if it is the only one on either side, or occurs equally
//     often on both: then in order;
//  3. the name in Unicode's form NFC, if it is the only such name on either side;
//  4. that without case, likewise.
//
// What none of them finds with certainty, and two classes that would be joined
// with one, are an error that names both sides.
func Join(run, target []Class) ([]int, error) {
	j := joint{run: run, target: target, out: make([]int, len(target))}
	if j.same() {
		return j.out, nil
	}
	for i := range j.out {
		j.out[i] = -1
	}
	j.by(func(c Class) string {
		if c.Folder == "" {
			return ""
		}
		return c.Folder + "\x00" + c.Name
	}, false)
	j.by(func(c Class) string {
		if !wordNetID.MatchString(c.Folder) {
			return ""
		}
		return c.Folder
	}, false)
	fold := cases.Fold()
	j.by(func(c Class) string { return c.Name }, true)
	j.by(func(c Class) string { return norm.NFC.String(c.Name) }, false)
	j.by(func(c Class) string { return norm.NFC.String(fold.String(norm.NFC.String(c.Name))) }, false)
	return j.out, j.check()
}

// joint is a join under way: out has the run's class of each of the target's,
// -1 where none is found.
type joint struct {
	run, target []Class
	out         []int
}

// same reports whether both lists are one, and joins them.
func (j joint) same() bool {
	if len(j.run) != len(j.target) {
		return false
	}
	for i, t := range j.target {
		if r := j.run[i]; r.Name != t.Name || !r.agree(t) || r.Folder != "" && t.Folder != "" && r.Folder != t.Folder &&
			j.crossed(i) {
			return false
		}
		j.out[i] = i
	}
	return true
}

// crossed reports whether the folder of the run's class i is that of another
// class of the target, so that place and key contradict each other.
func (j joint) crossed(i int) bool {
	for k, t := range j.target {
		if k != i && t.Folder == j.run[i].Folder {
			return true
		}
	}
	return false
}

// by joins what is not joined by a key; classes without ("") are left. Where a
// key occurs several times, inOrder joins its classes in order if there are as
// many on either side and none is joined yet.
func (j joint) by(key func(Class) string, inOrder bool) {
	have, want := map[string][]int{}, map[string][]int{}
	for i, c := range j.run {
		have[key(c)] = append(have[key(c)], i)
	}
	for i, c := range j.target {
		want[key(c)] = append(want[key(c)], i)
	}
	for k, places := range want {
		from := have[k]
		if k == "" || len(from) != len(places) || len(places) > 1 && !inOrder {
			continue
		}
		free := true
		for i, at := range places {
			free = free && j.run[from[i]].agree(j.target[at]) && (j.out[at] < 0 || len(places) == 1)
		}
		for i, at := range places {
			if free && j.out[at] < 0 {
				j.out[at] = from[i]
			}
		}
	}
}

// check reports classes that were not joined, or two with one.
func (j joint) check() error {
	var lost []string
	first := -1
	for i, k := range j.out {
		if k < 0 {
			if first < 0 {
				first = i
			}
			lost = append(lost, j.target[i].String())
		}
	}
	if len(lost) > 0 {
		return fmt.Errorf("%d classes are not known for certain among the run's %d: %s%s", len(lost), len(j.run),
			listed(lost, 5), j.why(j.target[first]))
	}
	taken := map[int]int{}
	for i, k := range j.out {
		if other, twice := taken[k]; twice {
			return fmt.Errorf("%v and %v would both be the run's %v: give the target's classes the run's folders or names",
				j.target[other], j.target[i], j.run[k])
		}
		taken[k] = i
	}
	return nil
}

// why says what stands against joining a class: those of the run that might be
// meant, or the nearest name.
func (j joint) why(c Class) string {
	plain := func(s string) string { return strings.ToLower(norm.NFC.String(s)) }
	var like, names []string
	for _, r := range j.run {
		if plain(r.Name) == plain(c.Name) {
			like = append(like, r.String())
		}
		names = append(names, r.Name)
	}
	if len(like) > 0 {
		return fmt.Sprintf("; for %v the run has %s, and which is meant cannot be told: give the target's classes the "+
			"run's folders or exact names",
			c, listed(like, 5))
	}
	for _, r := range j.run {
		if how := unlike(c.Name, r.Name); how != "" {
			return fmt.Sprintf("; %v looks like the run's %v and is another name: %s: give it the run's letters", c, r, how)
		}
	}
	if near := named.Nearest(c.Name, names); near != "" {
		return fmt.Sprintf("; nearest to %v is the run's %q", c, near)
	}
	var some []string
	for _, r := range j.run {
		some = append(some, r.String())
	}
	return "; the run has " + listed(some, 5)
}
