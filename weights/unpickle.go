package weights

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"

	"clipcalib/internal/picklescan"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// unpickler interprets one checked pickle. Objects exist only as the inert
// values below: whatever a pickle asks to be called, no code of its choosing
// runs.
type unpickler struct {
	// storage resolves the persistent id of a tensor's storage.
	storage func(class storageClass, key string, numel int64, rest []any) (*storage, error)
	// script admits the module classes of a TorchScript archive.
	script bool
}

// load interprets the pickle at the start of data and returns its value and
// its length.
func (u *unpickler) load(data []byte) (value any, n int, err error) {
	if n, err = picklescan.Scan(data); err != nil {
		return nil, 0, err
	}
	err = guard("pickle", func() error {
		p := pickle.NewUnpickler(bytes.NewReader(data[:n]))
		p.FindClass = u.findClass
		p.PersistentLoad = u.persistentLoad
		value, err = p.Load()
		return err
	})
	if err != nil {
		return nil, 0, shorten(err)
	}
	return value, n, nil
}

// shorten cuts the text of a decoder's error, which can quote a whole object.
func shorten(err error) error {
	const limit = 300
	if text := err.Error(); len(text) > limit {
		return fmt.Errorf("%s (cut)", strings.ToValidUTF8(text[:limit], ""))
	}
	return err
}

func (u *unpickler) findClass(module, name string) (any, error) {
	switch module {
	case "torch", "torch.storage", "torch.cuda":
		if name == "UntypedStorage" {
			return storageClass{U8}, nil
		}
		if d, ok := dtypeByStorage(name); ok {
			return storageClass{d}, nil
		}
	case "torch._utils", "torch._tensor":
		if f, ok := rebuildFuncs[name]; ok {
			return f, nil
		}
	case "torch.jit._pickle":
		if strings.HasPrefix(name, "build_") && strings.HasSuffix(name, "list") || name == "restore_type_tag" {
			return function(firstArg), nil
		}
	}
	if module == "torch" {
		if d, ok := dtypeByTorch(name); ok {
			return d, nil
		}
		if name == "Size" {
			return function(firstArg), nil
		}
	}
	if u.script && (module == "__torch__" || strings.HasPrefix(module, "__torch__.")) {
		return scriptClass{}, nil
	}
	if inertGlobals[module+"."+name] || inertModule(module) {
		return inert{}, nil
	}
	return nil, fmt.Errorf("refused: the pickle refers to %.100q, which is not on the list of names a checkpoint needs%s",
		module+"."+name, refusedHint(name))
}

// refusedHint guesses why a name that looks like a class is there.
func refusedHint(name string) string {
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return ""
	}
	return "; if the file holds a whole model, save its state_dict() instead"
}

// inertGlobals are names that occur beside the tensors of training
// checkpoints. They are accepted and stand for nothing.
var inertGlobals = map[string]bool{
	"torch.device":                        true,
	"torch.Tensor":                        true,
	"torch.nn.parameter.Parameter":        true,
	"torch.nn.parameter.Buffer":           true,
	"torch.serialization._get_layout":     true,
	"argparse.Namespace":                  true,
	"collections.defaultdict":             true,
	"collections.Counter":                 true,
	"__builtin__.set":                     true,
	"builtins.set":                        true,
	"__builtin__.dict":                    true,
	"builtins.dict":                       true,
	"builtins.int":                        true,
	"builtins.float":                      true,
	"numpy.dtype":                         true,
	"numpy.ndarray":                       true,
	"numpy.core.multiarray.scalar":        true,
	"numpy.core.multiarray._reconstruct":  true,
	"numpy._core.multiarray.scalar":       true,
	"numpy._core.multiarray._reconstruct": true,
	"_codecs.encode":                      true,
	"torch.torch_version.TorchVersion":    true,
}

// inertModule reports modules all of whose classes stand for nothing: Dassl's
// checkpoints hold their learning rate schedule as an object, the optimiser
// within it.
func inertModule(module string) bool {
	return strings.HasPrefix(module, "torch.optim.") || strings.HasPrefix(module, "dassl.")
}

// inert stands for any value that is neither a tensor nor a container of one.
type inert struct{}

func (inert) Call(...any) (any, error)    { return inert{}, nil }
func (inert) PyNew(...any) (any, error)   { return inert{}, nil }
func (inert) PySetState(any) error        { return nil }
func (inert) PyDictSet(any, any) error    { return nil }
func (inert) Set(any, any)                {}
func (inert) Append(any)                  {}
func (inert) Add(any)                     {}
func (inert) PySetAttr(string, any) error { return nil }

// function is a callable of the allow-list.
type function func(args []any) (any, error)

func (f function) Call(args ...any) (any, error) { return f(args) }

// firstArg serves torch.Size, the typed lists of TorchScript and type tags:
// the value is the first argument.
func firstArg(args []any) (any, error) {
	if len(args) == 0 {
		return inert{}, nil
	}
	return args[0], nil
}

// scriptClass is the class of a TorchScript module, scriptObject an instance:
// a bag of attributes.
type scriptClass struct{}

func (scriptClass) PyNew(...any) (any, error) { return &scriptObject{}, nil }

type scriptObject struct{ attrs *types.Dict }

func (o *scriptObject) PySetState(state any) error {
	// A class with its own __getstate__ has a state of another type; it holds
	// no parameters of CLIP.
	o.attrs, _ = state.(*types.Dict)
	return nil
}

// storageClass is the class in a storage's persistent id.
type storageClass struct{ dtype DType }

// persistentLoad resolves ("storage", class, key, location, numel, ...).
// The location, such as "cuda:0", does not matter here.
func (u *unpickler) persistentLoad(id any) (any, error) {
	tuple, ok := id.(*types.Tuple)
	if !ok || tuple.Len() < 5 {
		return nil, fmt.Errorf("unknown persistent id of type %T", id)
	}
	args := *tuple
	if kind, _ := args[0].(string); kind == "module" {
		return nil, fmt.Errorf("the file holds a whole pickled module, not a state dict: save model.state_dict() instead")
	} else if kind != "storage" {
		return nil, fmt.Errorf("unknown persistent id %.40q", kind)
	}
	class, ok := args[1].(storageClass)
	if !ok {
		return nil, fmt.Errorf("storage of unknown class %T", args[1])
	}
	key, ok := args[2].(string)
	if !ok {
		return nil, fmt.Errorf("storage key of type %T", args[2])
	}
	numel, err := asInt(args[4])
	if err != nil {
		return nil, fmt.Errorf("storage %.40q: element count: %w", key, err)
	}
	if numel < 0 || numel > maxElements {
		return nil, fmt.Errorf("storage %.40q: element count %d is out of range", key, numel)
	}
	if u.storage == nil {
		return nil, fmt.Errorf("storage %.40q where none can be", key)
	}
	return u.storage(class, key, numel, args[5:])
}

func asInt(v any) (int64, error) {
	switch v := v.(type) {
	case int:
		return int64(v), nil
	case *big.Int:
		if v.IsInt64() {
			return v.Int64(), nil
		}
		return 0, fmt.Errorf("integer does not fit 64 bits")
	}
	return 0, fmt.Errorf("want an integer, got %T", v)
}

func asInts(v any) ([]int64, error) {
	var items []any
	switch v := v.(type) {
	case *types.Tuple:
		items = *v
	case *types.List:
		items = *v
	default:
		return nil, fmt.Errorf("want a tuple of integers, got %T", v)
	}
	out := make([]int64, len(items))
	for i, item := range items {
		n, err := asInt(item)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}
