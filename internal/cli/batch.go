package cli

import (
	"errors"
	"fmt"
	"strconv"

	"clipcalib/internal/engine"
	"clipcalib/vit"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// imageBatch is a flag for the pictures encoded at a time: a number, 0 for the
// device's default, or auto.
type imageBatch int

var _ pflag.Value = (*imageBatch)(nil)

// imageBatchUsage is the flag's line in the help.
const imageBatchUsage = "pictures encoded at a time: a number, or auto for the most that fit a GPU, up to 256; 0 is " +
	"32 on the cpu and auto on a GPU"

func (b *imageBatch) String() string {
	if *b == vit.AutoBatch {
		return "auto"
	}
	return strconv.Itoa(int(*b))
}

// Set reads the flag.
func (b *imageBatch) Set(s string) error {
	if s == "auto" {
		*b = vit.AutoBatch
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return errors.New("want a number of pictures, 0 or more, or auto")
	}
	*b = imageBatch(n)
	return nil
}

// Type names the flag's values in the help.
func (b *imageBatch) Type() string { return "number|auto" }

// smallerBy names the flags that make less be computed at once, by what there
// was too much of; the first that a command has is the one.
var smallerBy = map[string][]string{
	engine.Images:  {"batch-images", "batch"},
	engine.Samples: {"batch"},
}

// withFlag adds to an error of memory the flag of the command that makes do
// with less; other errors it returns as they are.
func withFlag(err error, c *cobra.Command) error {
	var oom *engine.OutOfMemory
	var many *engine.TooMany
	switch {
	case !errors.As(err, &oom) || c == nil:
		return err
	case !errors.As(err, &many):
		return fmt.Errorf("%w: use a smaller batch, or --device cpu", err)
	}
	for _, name := range smallerBy[many.Of] {
		if c.Flags().Lookup(name) == nil {
			continue
		}
		if many.Fit > 0 {
			return fmt.Errorf("%w: use --%s %d", err, name, many.Fit)
		}
		return fmt.Errorf("%w: use a smaller --%s", err, name)
	}
	if many.Of == engine.TrieNodes {
		return fmt.Errorf("%w: the prompts of all classes are computed together: take fewer classes, or --device cpu",
			err)
	}
	return err
}
