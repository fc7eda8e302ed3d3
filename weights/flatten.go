package weights

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"clipcalib/internal/picklescan"

	"github.com/nlpodyssey/gopickle/types"
)

const (
	maxTreeDepth = 64
	maxTreeNodes = 1 << 20
)

// stateKeys are the keys training scripts nest a state dict under, in order
// of preference.
var stateKeys = []string{"state_dict", "model_state_dict", "model_state", "model", "module", "network", "net",
	"params", "weights"}

// pickledItem is a key and its value in any of the pickled containers.
type pickledItem struct {
	key   string
	value any
}

// itemsOf lists what a container holds. A repeated key counts once, with its
// last value, as in Python.
func itemsOf(v any) []pickledItem {
	var out []pickledItem
	add := func(k, v any) {
		switch k := k.(type) {
		case string:
			out = append(out, pickledItem{k, v})
		case int:
			out = append(out, pickledItem{strconv.Itoa(k), v})
		}
	}
	switch v := v.(type) {
	case *types.Dict:
		for _, e := range *v {
			add(e.Key, e.Value)
		}
	case *types.OrderedDict:
		for e := v.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			add(entry.Key, entry.Value)
		}
	case *scriptObject:
		if v.attrs != nil {
			return itemsOf(v.attrs)
		}
	case *types.List:
		for i, item := range *v {
			add(i, item)
		}
	case *types.Tuple:
		for i, item := range *v {
			add(i, item)
		}
	}
	return out
}

func asItems(v any) ([]any, error) {
	switch v := v.(type) {
	case *types.Tuple:
		return *v, nil
	case *types.List:
		return *v, nil
	}
	return nil, fmt.Errorf("want a tuple, got %T", v)
}

// flatten names every tensor under root by its dotted path.
func flatten(root any) (map[string]*strided, error) {
	out := map[string]*strided{}
	nodes := 0
	var walk func(path string, v any, depth int) error
	walk = func(path string, v any, depth int) error {
		if nodes++; nodes > maxTreeNodes {
			return fmt.Errorf("pickle holds more than %d values", maxTreeNodes)
		}
		if depth > maxTreeDepth {
			return fmt.Errorf("pickle nests more than %d levels at %.80q", maxTreeDepth, path)
		}
		if t, ok := v.(*strided); ok {
			if path == "" {
				path = "tensor"
			}
			out[path] = t
			return nil
		}
		for _, item := range itemsOf(v) {
			name := item.key
			if path != "" {
				name = path + "." + name
			}
			if len(name) > picklescan.MaxLine {
				return fmt.Errorf("tensor name %.40q... is longer than %d bytes", name, picklescan.MaxLine)
			}
			if err := walk(name, item.value, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	err := walk("", root, 0)
	return out, err
}

// state is the tensors of a pickle and what was said of them.
type state struct {
	tensors  map[string]*strided
	key      string            // the key the state dict was under, or ""
	metadata map[string]string // kept beside it or on it
	suspects []string          // prefixes, if there are several models to choose from
}

// stateDict finds the state dict in a pickle's root: under one of stateKeys
// if there is one that holds tensors, else the root itself. Where other keys
// hold a model too, such as averaged weights, the root is taken whole and
// they are listed.
func stateDict(root any) (s state, err error) {
	if _, script := root.(*scriptObject); !script {
		items := itemsOf(root)
		values := map[string]any{}
		for _, item := range items {
			values[item.key] = item.value
		}
		for _, key := range stateKeys {
			v, ok := values[key]
			if !ok {
				continue
			}
			tensors, err := flatten(v)
			if err != nil {
				return s, err
			}
			if len(tensors) == 0 || tensors["tensor"] == v {
				continue
			}
			if s.suspects = modelsUnder(items); len(s.suspects) > 1 {
				s.tensors, err = flatten(root)
				s.metadata = attributes(root)
				return s, err
			}
			s.metadata = stringsOf(values["metadata"])
			maps.Copy(s.metadata, attributes(v))
			s.tensors, s.key, s.suspects = stripPrefixes(tensors), key, nil
			return s, nil
		}
	}
	s.tensors, err = flatten(root)
	s.tensors = stripPrefixes(s.tensors)
	s.metadata = attributes(root)
	return s, err
}

// modelsUnder lists the keys that hold a CLIP model each, as prefixes.
func modelsUnder(items []pickledItem) []string {
	var out []string
	for _, item := range items {
		tensors, err := flatten(item.value)
		if err != nil {
			continue
		}
		for _, a := range anchors {
			if !a.image {
				continue
			}
			at := slices.IndexFunc(sortedKeys(tensors), func(name string) bool {
				return name == a.name || strings.HasSuffix(name, "."+a.name)
			})
			if at >= 0 {
				prefix, _ := strings.CutSuffix(sortedKeys(tensors)[at], a.name)
				out = append(out, item.key+"."+prefix)
				break
			}
		}
	}
	return out
}

// attributes is the metadata kept as an attribute of the state dict itself, as
// WritePyTorch does.
func attributes(v any) map[string]string {
	if d, ok := v.(*types.OrderedDict); ok {
		return stringsOf(d.PyDict["metadata"])
	}
	return nil
}

func stringsOf(v any) map[string]string {
	out := map[string]string{}
	for _, item := range itemsOf(v) {
		if s, ok := item.value.(string); ok {
			out[item.key] = s
		}
	}
	return out
}

// stripPrefixes removes what wrappers put before every name:
// DataParallel's "module." and torch.compile's "_orig_mod.".
func stripPrefixes[T any](tensors map[string]T) map[string]T {
	for _, prefix := range []string{"module.", "_orig_mod.", "module."} {
		all := len(tensors) > 0
		for name := range tensors {
			all = all && strings.HasPrefix(name, prefix) && len(name) > len(prefix)
		}
		if !all {
			continue
		}
		stripped := make(map[string]T, len(tensors))
		for name, t := range tensors {
			stripped[name[len(prefix):]] = t
		}
		tensors = stripped
	}
	return tensors
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
