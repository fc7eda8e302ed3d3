package data

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"clipcalib/internal/picklescan"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// datumClass is the only class that a pickle of picks may name: Dassl's Datum,
// wherever Dassl keeps it.
type datumClass struct{}

// datum is an instance: its attributes, as yet unchecked.
type datum struct{ attrs *types.Dict }

// PyNew makes an instance.
func (datumClass) PyNew(...any) (any, error) { return &datum{}, nil }

// PySetState takes the attributes.
func (d *datum) PySetState(state any) error {
	attrs, ok := state.(*types.Dict)
	if !ok {
		return fmt.Errorf("a Datum's state is %T, want a dictionary", state)
	}
	d.attrs = attrs
	return nil
}

// datumModules are where Dassl has the class, now and in older versions.
var datumModules = map[string]bool{"dassl.data.datasets.base_dataset": true, "dassl.data.datasets": true,
	"dassl.data.datasets.build": true}

// readDatums reads CoOp's cache of a draw, a pickle of {"train": [Datum, ...],
// "val": [...]}. Nothing that it asks to be called is called.
func readDatums(r io.Reader) (p Picks, err error) {
	raw, err := io.ReadAll(io.LimitReader(r, picklescan.MaxBytes+1))
	if err != nil {
		return p, err
	}
	n, err := picklescan.Scan(raw)
	if err != nil {
		return p, err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed pickle (%.100v)", r)
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(raw[:n]))
	u.FindClass = func(module, name string) (any, error) {
		if datumModules[module] && name == "Datum" {
			return datumClass{}, nil
		}
		return nil, fmt.Errorf("refused: it refers to %.100q; CoOp's draws hold Dassl's Datum alone", module+"."+name)
	}
	u.PersistentLoad = func(any) (any, error) { return nil, errors.New("a persistent id, which no draw has") }
	value, err := u.Load()
	if err != nil {
		return p, err
	}
	dict, ok := value.(*types.Dict)
	if !ok {
		return p, fmt.Errorf(`it holds %T, want {"train": [...], "val": [...]}`, value)
	}
	for part, into := range map[string]*[]SplitEntry{"train": &p.Train, "val": &p.Val} {
		list, ok := dict.Get(part)
		if !ok {
			continue
		}
		if *into, err = entriesOf(list); err != nil {
			return p, fmt.Errorf("%q: %w", part, err)
		}
	}
	return p, nil
}

func entriesOf(v any) ([]SplitEntry, error) {
	list, ok := v.(*types.List)
	if !ok {
		return nil, fmt.Errorf("%T, want a list", v)
	}
	var out []SplitEntry
	for i := range list.Len() {
		d, ok := list.Get(i).(*datum)
		if !ok || d.attrs == nil {
			return nil, fmt.Errorf("entry %d is no Datum", i)
		}
		e, err := d.entry()
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func (d *datum) entry() (e SplitEntry, err error) {
	get := func(name string) any {
		v, _ := d.attrs.Get(name)
		return v
	}
	var ok [3]bool
	e.Path, ok[0] = get("_impath").(string)
	e.Label, ok[1] = get("_label").(int)
	e.Class, ok[2] = get("_classname").(string)
	if ok != [3]bool{true, true, true} || e.Path == "" || e.Label < 0 || e.Label > maxLabel {
		return e, errors.New("want _impath, _label and _classname")
	}
	e.Path = slashed(e.Path)
	return e, nil
}
