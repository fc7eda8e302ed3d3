// Package clipcalib adapts CLIP to a task with a few labelled pictures and keeps
// its confidence honest where the test pictures drift from the training ones
// (Murugesan et al., "Robust Calibration of Large Vision-Language Adapters",
// ECCV 2024).
//
// It is the front door: a device is opened once, a checkpoint gives both towers
// on it, and the packages below take them.
//
//	model, err := clipcalib.Open("ViT-B-16.pt", clipcalib.Options{})
//	data, err := clipcalib.TrainingData(ctx, model, paths, labels, classes)
//	adapter, err := adapt.Train(ctx, adapt.TaskRes{}, adapt.Penalty{}, data, adapt.Options{Device: model.Device})
//	features, err := model.Images.EncodeFiles(ctx, pictures)
//	logits, err := adapter.Logits(adapt.FromRows(features))
//
// # Packages
//
//   - [clipcalib/vit] reads, preprocesses, augments and encodes pictures;
//   - [clipcalib/text] tokenizes and encodes prompts, over a trie of what they share;
//   - [clipcalib/adapt] trains adapters on features, with a remedy for their
//     confidence and a loss; its subpackages learn prompts (prompt), tune one on
//     every test picture (testtime), and hold the operations that remedies, losses
//     and adapters of one's own are built of (nn);
//   - [clipcalib/calib] measures calibration and maps logits, knowing no model;
//   - [clipcalib/weights] reads and writes checkpoints.
//
// # Devices and contexts
//
// A nil device opens the processor. To share one, or to use a GPU, open it with
// [OpenDevice] and hand it to all: calls on it take turns, batch by batch and
// step by step. A call whose context ends returns at once while it waits for its
// turn, and behind the operation that runs otherwise.
package clipcalib
