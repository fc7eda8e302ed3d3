package catalog

import (
	_ "embed"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed published.yaml
var publishedYAML []byte

// Published is a published zero-shot accuracy.
type Published struct {
	Model    string  // architecture and tag, as open_clip has them: "ViT-B-16 openai"
	Set      string  // by its name
	Part     string  // that it was measured on
	Template string  // of the prompts
	Percent  float64 // accuracy
	Decimals int     // that it was printed with
	Source   string
}

// publishedTable is an entry of the file.
type publishedTable struct {
	Model    string             `yaml:"model"`
	SHA256   string             `yaml:"sha256"`
	Template string             `yaml:"template"`
	Decimals int                `yaml:"decimals"`
	Source   string             `yaml:"source"`
	Accuracy map[string]float64 `yaml:"accuracy"`
}

var published = sync.OnceValue(func() (out []publishedTable) {
	if err := yaml.Unmarshal(publishedYAML, &out); err != nil {
		panic("catalog: published.yaml: " + err.Error()) // part of the program, read by every test
	}
	return out
})

// PublishedFor returns the published accuracy of a set for the weights of a file's
// SHA-256, or of a model by architecture and tag, where either is known.
func PublishedFor(sha256, model, set string) (p Published, ok bool) {
	for _, t := range published() {
		percent, has := t.Accuracy[set]
		if !has || sha256 != t.SHA256 && !strings.EqualFold(model, t.Model) {
			continue
		}
		part := Test
		if set == "ImageNet" {
			part = Val
		}
		return Published{t.Model, set, part, t.Template, percent, t.Decimals, t.Source}, true
	}
	return p, false
}
