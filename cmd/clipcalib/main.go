// Command clipcalib adapts CLIP to a task with a few labelled images and keeps
// its confidence honest where the test images drift. Run "clipcalib demo"
// first, "clipcalib help" for the rest.
package main

import (
	"os"

	"clipcalib/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
