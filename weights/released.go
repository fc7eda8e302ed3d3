package weights

import "strings"

// Released tells a published checkpoint by its file's SHA-256, or by the names of
// the file and of its folders: architecture and tag as open_clip has them, such as
// "ViT-B-16 openai". Both are empty if it is none, or if names leave it open.
func Released(sha256, path string, c Config) (name, why string) {
	for _, r := range releases() {
		for _, h := range r.hashes {
			if strings.HasPrefix(sha256, h) && r.fits(c) {
				return r.arch + " " + r.tag, "its SHA-256"
			}
		}
	}
	for _, r := range releasesNamed(path, c) {
		if full := r.arch + " " + r.tag; name == "" {
			name = full
		} else if name != full {
			return "", ""
		}
	}
	if name == "" {
		return "", ""
	}
	return name, "its name"
}
