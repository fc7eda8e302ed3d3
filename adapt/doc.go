// Package adapt fits CLIP to a task with a few labelled images, working on
// image features that were computed once.
//
// Three axes compose freely. A [Method] says what is trained: [ZeroShot],
// [ZSLP], [CLIPAdapter], [TipAdapter], [TipAdapterF], [TaskRes] or [CLAP]. A
// [Remedy] says how the adapted logits are kept in the range the zero-shot
// logits have: [None], [ZSNorm], [Penalty] or [SaLS] ("Robust Calibration of
// Large Vision-Language Adapters", ECCV 2024). A [Loss] is the classification
// loss under both: [CrossEntropy] or one of the calibration baselines.
//
//	adapter, err := adapt.Train(ctx, adapt.TaskRes{}, adapt.Penalty{}, data, adapt.Options{})
//	logits, err := adapter.Logits(features)
//
// The axes are open. A program writes a remedy, a loss or an adapter of its own
// as a struct whose hooks build nodes of gorgonia, of its own operations and
// those of adapt/nn; [RegisterRemedy], [RegisterLoss] and [RegisterMethod] make
// it known by name, so that what was trained with it is read again. Constants
// are fields whose tags declare them; see [Setting].
//
// Training is deterministic: the same data, options and machine give the same
// bytes, also when a run was interrupted and resumed from its checkpoint.
package adapt
