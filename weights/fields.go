package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"clipcalib/internal/printable"
	"clipcalib/internal/regular"
)

// maxConfig bounds a configuration file; those of released models have a few
// kilobytes.
const maxConfig = 1 << 20

// fields reads one JSON object of a configuration file field by field. Every
// field must be asked for or be known to have no effect on features: rest
// refuses what is left, by name.
type fields struct {
	where string // file and path of the object, for errors
	m     map[string]json.RawMessage
	idle  *[]string // names of fields without effect, for inspect
	errs  *[]error
}

// readConfig reads a configuration file; ok is false if there is none.
func readConfig(path, name string) (f fields, ok bool, err error) {
	file, err := regular.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return f, false, nil
	}
	if err != nil {
		return f, false, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return f, false, err
	}
	if len(data) > maxConfig {
		return f, false, fmt.Errorf("%s is larger than %d bytes: no model's configuration", path, maxConfig)
	}
	f = fields{where: name, idle: new([]string), errs: new([]error)}
	if err := json.Unmarshal(data, &f.m); err != nil || f.m == nil {
		return f, false, fmt.Errorf("%s is not a JSON object (%v): mend it or take it away", path, err)
	}
	return f, true, nil
}

func (f fields) failf(key, format string, args ...any) {
	*f.errs = append(*f.errs, fmt.Errorf("%s: %s %s", f.where, key, fmt.Sprintf(format, args...)))
}

// err says what was wrong: the first few fields, and how many more.
func (f fields) err() error {
	const most = 3
	errs := *f.errs
	if len(errs) == 0 {
		return nil
	}
	var text []string
	for _, err := range errs[:min(len(errs), most)] {
		text = append(text, err.Error())
	}
	if n := len(errs) - most; n > 0 {
		text = append(text, fmt.Sprintf("and %d more fields", n))
	}
	return errors.New(strings.Join(text, "; "))
}

// has reports whether a field is there and not null.
func (f fields) has(key string) bool {
	raw, ok := f.m[key]
	return ok && string(raw) != "null"
}

// take removes a field and decodes it into v; false if it is absent or null.
func (f fields) take(key string, v any) bool {
	raw, ok := f.m[key]
	delete(f.m, key)
	if !ok || string(raw) == "null" {
		return false
	}
	if err := json.Unmarshal(raw, v); err != nil {
		f.failf(key, "is %.60s: not understood", raw)
		return false
	}
	return true
}

func (f fields) int(key string, absent int) int {
	v := float64(absent)
	if f.take(key, &v) && (v != float64(int(v)) || v < 0) {
		f.failf(key, "is %v, want a whole number", v)
	}
	return int(v)
}

func (f fields) float(key string, absent float64) float64 {
	f.take(key, &absent)
	return absent
}

func (f fields) bool(key string, absent bool) bool {
	f.take(key, &absent)
	return absent
}

func (f fields) string(key, absent string) string {
	f.take(key, &absent)
	return absent
}

// square is a number, or two equal ones.
func (f fields) square(key string, absent int) int {
	raw, ok := f.m[key]
	if !ok || len(raw) == 0 || raw[0] != '[' {
		return f.int(key, absent)
	}
	var pair []int
	f.take(key, &pair)
	if len(pair) == 0 || len(pair) > 2 || pair[0] != pair[len(pair)-1] {
		f.failf(key, "is %v: only squares are supported", pair)
		return absent
	}
	return pair[0]
}

// object descends into an object; it has no fields if it is absent.
func (f fields) object(key string) (sub fields, ok bool) {
	sub = fields{where: f.where + ": " + key, idle: f.idle, errs: f.errs}
	ok = f.take(key, &sub.m)
	return sub, ok
}

// same notes a field whose value must agree with what the tensors show.
func (f fields) same(key string, said, found int) {
	if said != found {
		f.failf(key, "is %d, the tensors show %d: the configuration is another model's", said, found)
	}
}

// none refuses a field that is anything but null, false, 0 or empty.
func (f fields) none(keys ...string) {
	for _, key := range keys {
		raw, ok := f.m[key]
		delete(f.m, key)
		if ok && !slices.Contains([]string{"null", "false", "0", "0.0", `""`, "[]", "{}"}, string(raw)) {
			f.failf(key, "is %.60s, which is not supported", raw)
		}
	}
}

// ignore takes away fields that have no effect on features.
func (f fields) ignore(keys ...string) {
	for _, key := range keys {
		if _, ok := f.m[key]; ok {
			delete(f.m, key)
			*f.idle = append(*f.idle, f.where+": "+key)
		}
	}
}

// rest refuses the fields nobody asked for.
func (f fields) rest() {
	for _, key := range sortedKeys(f.m) {
		if len(key) > 0 && key[0] == '_' { // comments, and where a file was copied from
			f.ignore(key)
			continue
		}
		f.failf(printable.Escape(key), "is not understood (%.60s): what it changes is unknown",
			printable.Escape(string(f.m[key])))
	}
}
