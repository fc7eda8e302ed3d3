package weights

import "fmt"

// WriteTorchCheckpoint writes tensors as the checkpoint of a training script: a
// dictionary with the state dict under "state_dict" and the number of epochs
// under "epoch", as Dassl's load_checkpoint wants it. torch.load reads it with
// weights_only=True.
func WriteTorchCheckpoint(path string, tensors []NamedTensor, epoch int) error {
	rs, err := records(tensors)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	p := &pickler{}
	p.op("\x80\x02}(")
	p.text("state_dict")
	if err := p.stateDict(rs, nil); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	p.text("epoch")
	p.int(int64(epoch))
	p.op("u.")
	return writeArchive(path, p.out, rs, false)
}

// WriteTorchTensor writes one tensor as torch.save(tensor) does, or as a
// torch.nn.Parameter.
func WriteTorchTensor(path string, t NamedTensor, parameter bool) error {
	if t.Name == "" {
		t.Name = "tensor"
	}
	rs, err := records([]NamedTensor{t})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	p := &pickler{}
	p.op("\x80\x02")
	if parameter {
		p.global("torch._utils", "_rebuild_parameter")
		p.op("(")
	}
	if err := p.tensor(0, rs[0]); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if parameter {
		p.op("\x88") // requires_grad
		p.emptyOrderedDict()
		p.op("tR")
	}
	p.op(".")
	return writeArchive(path, p.out, rs, false)
}
