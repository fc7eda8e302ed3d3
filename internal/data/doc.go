// Package data is the one way in for labelled pictures: folders with one
// folder per class, the roots of CoOp, TPT and ImageNet, split files, lists,
// parquet shards of Hugging Face, webdataset archives, and sets held in memory.
//
// A [Set] only names its pictures; they are read when [Item.Image] is called.
// Nothing found is dropped in silence: every file is a picture of the set,
// ignored by a rule and counted, or unreadable and named ([Account]). Classes
// have keys ([Class]), by which [Join] finds those of one set in another.
// [FewShot] draws subsets exactly as Dassl does.
package data
