// Package recipe holds the paper's experiments as recipes, one YAML file each in
// the form that adapt --recipe reads, and its tables as lists of them beside the
// published figures, which package referee keeps.
//
// A recipe names weights and data sets as the paper does ("RN50", "ImageNet");
// [Recipe.Resolve] puts the files of a machine in their place.
package recipe
