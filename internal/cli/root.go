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
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"clipcalib/internal/caught"
	"clipcalib/internal/device"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/lanes"
	"clipcalib/internal/named"
	"clipcalib/internal/printable"
	"clipcalib/vit"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// app is what the subcommands share: where output goes and the common flags.
type app struct {
	out, err io.Writer

	json      bool
	quiet     bool
	device    string
	threads   int
	jobs      int // trainings side by side; 0 leaves it to the program
	precision string
	opened    *device.Device   // by openDevice
	others    []*device.Device // by openDevices
	beside    []*vit.Encoder   // on others
	encoded   *encodedSets     // of a grid; nil keeps nothing
	seen      *sight
	lane      *lanes.Lane // that this app's work is done in; nil where nothing runs beside it
	noBars    bool        // another shows how far it is, by counts
	counts    *counts

	alwaysGrid bool // one run goes below --out too, as it would among others
}

// Main runs the command line and returns the exit code, one of package
// exitcode's.
func Main(args []string, stdout, stderr io.Writer) (code int) {
	// What reaches this point is a defect of ours; the user still gets one
	// line and a non-zero exit, and the trace on request.
	defer func() {
		if r := recover(); r != nil {
			code = internalError(stderr, caught.From(r))
		}
	}()
	ctx, signalled, stop := untilSignal(context.Background())
	defer stop()
	a := &app{out: stdout, err: stderr, seen: newSight()}
	root := a.root()
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	err = withFlag(misuse(root, err), command)
	if closed := a.closeDevice(); err == nil {
		err = closed
	}
	if signal := signalled(); signal != nil && (errors.Is(err, context.Canceled) || errors.Is(err, errSignalled)) {
		if !errors.Is(err, errSignalled) {
			line := "clipcalib: interrupted"
			if resumes(command) {
				line += "; the same command goes on where it stopped"
			}
			fmt.Fprintln(stderr, line)
		}
		if signal == syscall.SIGTERM {
			return exitcode.Terminated
		}
		return exitcode.Interrupted
	}
	var panicked *caught.Panic
	if errors.As(err, &panicked) {
		return internalError(stderr, panicked)
	}
	code = exitcode.Of(err)
	switch line := ""; code {
	case exitcode.Done:
	case exitcode.Misuse:
		line = oneLine(err)
		if !strings.Contains(line, "--help") {
			line += " (clipcalib help lists commands and flags)"
		}
		fmt.Fprintf(stderr, "clipcalib: %s\n", line)
	default:
		fmt.Fprintf(stderr, "clipcalib: %s\n", oneLine(err))
	}
	return code
}

// internalError says that the program is at fault, and where on request.
func internalError(stderr io.Writer, p *caught.Panic) int {
	fmt.Fprintf(stderr, "clipcalib: internal error: %s (please report it; CLIPCALIB_TRACE=1 prints where)\n",
		oneLine(fmt.Errorf("%v", p.Value)))
	if os.Getenv("CLIPCALIB_TRACE") != "" {
		stderr.Write(p.Stack())
	}
	return exitcode.Failed
}

// resumes reports whether a command that is interrupted goes on where it
// stopped: those that keep checkpoints, or features in the bank.
func resumes(c *cobra.Command) bool {
	return c != nil && slices.Contains([]string{"adapt", "demo", "eval", "pretrain", "run", "table", "tta",
		"zeroshot"}, c.Name())
}

// errSignalled is the error of a command that a signal ends in good order.
var errSignalled = errors.New("ended by a signal")

// untilSignal returns a context that ends with SIGINT or SIGTERM, and what says
// which came.
func untilSignal(parent context.Context) (ctx context.Context, signalled func() os.Signal, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var came atomic.Value
	go func() {
		select {
		case s := <-signals:
			came.Store(s)
			signal.Stop(signals) // a second one ends the process at once
			cancel()
		case <-ctx.Done():
		}
	}()
	signalled = func() os.Signal { s, _ := came.Load().(os.Signal); return s }
	return ctx, signalled, func() { signal.Stop(signals); cancel() }
}

// until returns what do returns, or the error of ctx as soon as it ends, while
// do may go on.
func until[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// misuse marks cobra's own errors of usage, for two of which it has no type,
// and names what was probably meant.
func misuse(root *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	var name string
	switch text := err.Error(); {
	case strings.HasPrefix(text, "unknown command"):
		if _, scanErr := fmt.Sscanf(text, "unknown command %q", &name); scanErr != nil {
			return usageError{err}
		}
		var known []string
		for _, c := range root.Commands() {
			known = append(known, c.Name())
		}
		return usagef("unknown command %q%s", name, named.Suggestion(name, known))
	case strings.HasPrefix(text, "required flag"):
		return usageError{err}
	}
	return err
}

// flagMisuse is an error of flags, with the flag that was probably meant.
func flagMisuse(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || len(unknown.GetSpecifiedName()) < 2 {
		return usageError{err}
	}
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	c.InheritedFlags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	near := named.Nearest(unknown.GetSpecifiedName(), known)
	if near == "" {
		return usageError{err}
	}
	return usagef("%w; did you mean --%s?", err, near)
}

// usageError marks a wrong command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// ExitCode is that of misuse.
func (usageError) ExitCode() int { return exitcode.Misuse }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

func oneLine(err error) string {
	return printable.Escape(strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " "))
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	return (&app{out: stdout, err: stderr, seen: newSight()}).root()
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "clipcalib",
		Short: "Adapt CLIP with a few images and keep its confidence honest under drift",
		Long: `clipcalib adapts CLIP to a task with a few labelled images and keeps its
confidence honest where the test images drift from the training ones.

Start with:  clipcalib demo

Exit codes:
` + exitcode.Table,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.DisableAutoGenTag = true
	root.SetFlagErrorFunc(flagMisuse)
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print the result as JSON on standard output")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress")
	f.StringVar(&a.device, "device", "auto", "where to compute: auto, cpu, cuda, or cuda:N for the N-th visible "+
		"GPU, from 0; auto is the first GPU that can be used, else the cpu")
	f.IntVar(&a.threads, "threads", 0, "threads on the cpu; 0 is one a core")
	f.StringVar(&a.precision, "precision", "", "form of products, all with fp32 sums: fp32, bf16, on cuda tf32 and "+
		"fp16; default fp32, on cuda what doctor says")
	completes(root, "device", "auto", "cpu", "cuda", "cuda:all")
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
			return usagef("%s: %q is one argument too many; see: %s --help", cmd.Name(), args[len(names)],
				cmd.CommandPath())
		}
		return nil
	}
}
