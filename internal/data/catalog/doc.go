// Package catalog is what is known of the fifteen data sets of the paper: where
// they come from and under which licence, how they lie on disk, how many pictures
// each part has, the names of their classes, and which of their files are odd.
package catalog
