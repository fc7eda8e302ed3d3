package verify

import (
	"bufio"
	"path/filepath"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/data/catalog"
	"clipcalib/internal/regular"
)

// variants checks FGVC-Aircraft, whose parts are lists of numbers and variants.
func (c *checker) variants() error {
	home := c.Path
	for _, dir := range []string{c.Path, filepath.Join(c.Path, "data")} { // as its archive has them
		if isFile(filepath.Join(dir, "variants.txt")) {
			home = dir
		}
	}
	c.Form = "FGVC-Aircraft's own layout"
	names, err := data.ReadClassNames(filepath.Join(home, "variants.txt"))
	if err != nil {
		c.find(Finding{Level: Wrong, Kind: KindSplit, What: err.Error(),
			Do: "unpack the archive of the set: its folder data has variants.txt, images_variant_*.txt and images"})
		return nil
	}
	c.names(names.Lines)
	lists := map[string][]listed{}
	for _, part := range catalog.Parts() {
		list, err := variantList(filepath.Join(home, "images_variant_"+part+".txt"))
		if err != nil {
			c.find(Finding{Level: Wrong, Kind: KindSplit, What: err.Error(), Do: "unpack the archive of the set again"})
			continue
		}
		lists[part] = list
	}
	if len(lists) == 0 {
		return nil
	}
	return c.listed(lists, []string{filepath.Join(home, "images")})
}

func variantList(file string) ([]listed, error) {
	f, err := regular.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []listed
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if number, variant, ok := strings.Cut(strings.TrimSpace(lines.Text()), " "); ok {
			out = append(out, listed{number + ".jpg", variant})
		}
	}
	return out, lines.Err()
}
