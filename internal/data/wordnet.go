package data

import (
	"path/filepath"
	"strconv"
	"strings"

	"clipcalib/internal/imagenet"
)

// imageNetNames names folders that are WordNet ids of ImageNet's classes, or its
// labels in a set that is called ImageNet-V2; nil for other folders.
func imageNetNames(root string, folders []string) []string {
	all := imagenet.Names()
	numbers, top := numbered(folders)
	if numbers && (top >= len(all) || !isImageNetV2(root)) {
		return nil
	}
	names := make([]string, len(folders))
	for i, f := range folders {
		label, ok := imagenet.Label(f)
		if numbers {
			k, err := strconv.Atoi(f)
			label, ok = k, err == nil
		}
		if !ok {
			return nil
		}
		names[i] = all[label]
	}
	return names
}

// isImageNetV2 tells that set by the name of its folder or of the one above.
func isImageNetV2(root string) bool {
	path, _ := tellingFolder(root)
	for _, dir := range []string{path, filepath.Dir(path)} {
		plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(filepath.Base(dir)))
		if strings.HasPrefix(plain, "imagenetv2") {
			return true
		}
	}
	return false
}
