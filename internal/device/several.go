package device

import (
	"fmt"
	"strings"

	"clipcalib/internal/engine"
)

// Several reports whether a device's name is of several GPUs: "cuda:all", or
// places among those that CUDA_VISIBLE_DEVICES leaves, as in "cuda:0,2".
func Several(kind string) bool {
	name, places, _ := strings.Cut(strings.ToLower(kind), ":")
	return name == "cuda" && (places == "all" || strings.Contains(places, ","))
}

// OpenSeveral opens the GPUs that o.Kind names, which must be alike, for what
// does not depend on the GPU that computes it. The caller closes each.
func OpenSeveral(o Options) ([]*Device, error) {
	places, err := o.places()
	if err != nil {
		return nil, err
	}
	var out []*Device
	fail := func(err error) ([]*Device, error) {
		for _, d := range out {
			d.Close()
		}
		return nil, err
	}
	var first engine.GPU
	for i, place := range places {
		one := o
		one.Kind = "cuda:" + place
		d, err := Open(one)
		if err != nil {
			return fail(fmt.Errorf("%s: %w", one.Kind, err))
		}
		out = append(out, d)
		on, ok := d.engine.(engine.OnGPU)
		if !ok {
			return fail(fmt.Errorf("device %s: %s is no GPU", one.Kind, d.Name()))
		}
		card, err := on.GPU()
		if err != nil {
			return fail(fmt.Errorf("%s: %w", one.Kind, err))
		}
		if i == 0 {
			first = card
		}
		if card.Name != first.Name || card.Capability != first.Capability {
			return fail(fmt.Errorf("device %s: cuda:%s is %s and cuda:%s is %s: results would depend on the GPU that a picture "+
				"comes to; name GPUs of one kind", o.Kind, places[0], first.Name, place, card.Name))
		}
	}
	return out, nil
}

// places are the numbers of the GPUs that o.Kind names, each once.
func (o Options) places() (out []string, err error) {
	_, list, _ := strings.Cut(strings.ToLower(o.Kind), ":")
	if list == "all" {
		cards, err := Cards()
		if err != nil {
			return nil, fmt.Errorf("device %s: %w", o.Kind, err)
		}
		if len(cards) == 0 {
			return nil, fmt.Errorf("device %s: this process sees no GPU", o.Kind)
		}
		for i := range cards {
			out = append(out, fmt.Sprint(i))
		}
		return out, nil
	}
	seen := map[int]bool{}
	for place := range strings.SplitSeq(list, ",") {
		place = strings.TrimPrefix(strings.TrimSpace(place), "cuda:")
		_, n, err := parseKind("cuda:" + place)
		if err != nil {
			return nil, err
		}
		if seen[n] {
			return nil, fmt.Errorf("device %q names GPU %d twice", o.Kind, n)
		}
		seen[n] = true
		out = append(out, fmt.Sprint(n))
	}
	return out, nil
}
