// Package dataset lists labelled pictures: folders with one folder per class,
// CoOp's split files, plain lists, and sets held in memory. It also draws
// few-shot subsets exactly as Dassl does.
//
// A set only names its pictures; they are read when [Item.Image] is called.
package dataset
