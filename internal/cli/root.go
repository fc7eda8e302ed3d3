// Package cli is the clipcalib command: one file a subcommand, each of them
// flags, one call into the library, and output.
//
// Results go to standard output, as text for people or, with --json, for
// machines; everything else goes to standard error. The exit code is 0 only
// when the work was done.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"clipcalib/internal/device"

	"github.com/spf13/cobra"
)

// app is what the subcommands share: where output goes and the common flags.
type app struct {
	out, err io.Writer

	json      bool
	quiet     bool
	device    string
	threads   int
	precision string
	opened    *device.Device // by openDevice
}

// Main runs the command line and returns the exit code: 0 done, 1 failed,
// 2 wrong usage, 130 interrupted.
func Main(args []string, stdout, stderr io.Writer) (code int) {
	// What reaches this point is a defect of ours; the user still gets one
	// line and a non-zero exit, and the trace on request.
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "clipcalib: internal error: %v (please report it; CLIPCALIB_TRACE=1 prints where)\n", r)
			if os.Getenv("CLIPCALIB_TRACE") != "" {
				stderr.Write(debug.Stack())
			}
			code = 1
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{out: stdout, err: stderr}
	root := a.root()
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	err = withFlag(err, command)
	if closed := a.closeDevice(); err == nil {
		err = closed
	}
	var usage usageError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "clipcalib: interrupted; the same command goes on where it stopped")
		return 130
	// Cobra has no type for these two.
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown command"), strings.HasPrefix(err.Error(), "required flag"):
		line := oneLine(err)
		if !strings.Contains(line, "--help") {
			line += " (clipcalib help lists commands and flags)"
		}
		fmt.Fprintf(stderr, "clipcalib: %s\n", line)
		return 2
	default:
		fmt.Fprintf(stderr, "clipcalib: %s\n", oneLine(err))
		return 1
	}
}

// usageError marks a wrong command line.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	return (&app{out: stdout, err: stderr}).root()
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "clipcalib",
		Short: "Adapt CLIP with a few images and keep its confidence honest under drift",
		Long: `clipcalib adapts CLIP to a task with a few labelled images and keeps its
confidence honest where the test images drift from the training ones.

Start with:  clipcalib demo`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print the result as JSON on standard output")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress")
	f.StringVar(&a.device, "device", "cpu", "where to compute: cpu or cuda")
	f.IntVar(&a.threads, "threads", 0, "threads on the cpu; 0 is one a core")
	f.StringVar(&a.precision, "precision", "", "form of products, all with fp32 sums: fp32, bf16, on cuda tf32 and fp16; default fp32, on cuda what doctor says")
	completes(root, "device", "cpu", "cuda")
	completes(root, "precision", "fp32", "bf16", "tf32", "fp16")
	root.AddCommand(commands(a)...)
	return root
}

// exactly is cobra.ExactArgs with an error that says what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef("%s: %s is missing; see: %s --help", cmd.Name(), names[len(args)], cmd.CommandPath())
		}
		if len(args) > len(names) {
			return usagef("%s: %q is one argument too many; see: %s --help", cmd.Name(), args[len(names)], cmd.CommandPath())
		}
		return nil
	}
}
