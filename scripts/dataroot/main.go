// Dataroot writes the fifteen data sets of the paper with as many pictures as the
// real ones have, 1.5 million small ones, most of them hard links, and plants some
// faults if asked; then "clipcalib data verify DIR" can be timed and must find them.
// It takes minutes, and some hundred megabytes for folders.
//
//	go run ./scripts/dataroot [-faults] DIR
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"clipcalib/internal/data/miniature"
)

func main() {
	faults := flag.Bool("faults", false, "plant faults")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: dataroot [-faults] DIR")
		os.Exit(2)
	}
	if err := write(flag.Arg(0), *faults); err != nil {
		fmt.Fprintln(os.Stderr, "dataroot:", err)
		os.Exit(1)
	}
}

func write(dir string, faults bool) error {
	begun := time.Now()
	tree, err := miniature.Write(dir, miniature.Options{Real: true, Bad: true, Size: 12})
	if err != nil {
		return err
	}
	n := 0
	for _, s := range tree.Sets {
		for _, k := range s.Pictures {
			n += k
		}
	}
	fmt.Printf("%d pictures of %d sets in %.0f s\n", n, len(tree.Sets), time.Since(begun).Seconds())
	if !faults {
		return nil
	}
	in := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	return errors.Join(
		os.RemoveAll(in("imagenet", "images", "val", "n01440764")),                                        // a class folder gone
		os.Rename(in("imagenet", "images", "train", "n01443537"), in("imagenet", "images", "train", "x")), // and one renamed
		os.Rename(in("oxford_pets", "images", "pug_1003.jpg"), in("oxford_pets", "images", "pug_1003.JPG")),
		os.Remove(in("fgvc_aircraft", "images", "0000001.jpg")),
		os.Remove(in("sun397", "split_zhou_SUN397.json")),
		os.Rename(in("eurosat", "2750", "River"), in("eurosat", "2750", "Rivers")),
	)
}
