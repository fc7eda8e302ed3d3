// Package calib measures how honest a classifier's confidence is and repairs
// it from logits alone. It knows nothing of models, graphs or devices: the
// input is a matrix of logits, [samples x classes], from any model written in
// any language, and the arithmetic is float64 throughout.
//
// Measuring: [Evaluate] returns every metric at once; [Predict] gives access
// to single ones and to the data of a reliability diagram.
//
// Repairing: [SaLS] rescales each sample's logits to the range its zero-shot
// logits have ("Robust Calibration of Large Vision-Language Adapters", ECCV
// 2024); [FitTemperature] fits one temperature on labelled data. [ZSNormLoss]
// and [Penalty] are the training-time remedies of that paper, and
// [LabelSmoothing], [ECP], [Focal], [MbLS], [LogitNorm] and [BrierLoss] the
// losses they are compared with, each as a value and an exact gradient.
//
// Every function rejects an empty set, NaN and infinite logits and labels out
// of range with an error that names the place. Metrics are fractions (0.05 is
// five per cent) and nats.
package calib
