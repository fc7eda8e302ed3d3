package study

import (
	_ "embed"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed claims.yaml
var claimsFile []byte

// Claim is what a paper says of its method, with where that was read.
type Claim struct {
	Method string `yaml:"method"`
	Claims string `yaml:"claims"`
	Source string `yaml:"source"`
	Here   string `yaml:"here"` // what is run of it
}

// Claims are those of the paper and of its rivals.
var Claims = sync.OnceValue(func() []Claim {
	var all []Claim
	if err := yaml.Unmarshal(claimsFile, &all); err != nil {
		panic("study: claims.yaml: " + err.Error()) // part of the program
	}
	return all
})
