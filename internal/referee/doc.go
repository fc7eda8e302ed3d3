// Package referee recomputes what can be recomputed of a published table:
// averages over rows and columns, changes in brackets, cells that repeat
// another row's, accuracies that no count of samples gives, bounds between
// metrics, and standard deviations that so few runs cannot have.
//
// Every figure is taken with the rounding it is printed with: a figure is found
// to differ only where no true values behind the printed ones could agree.
package referee
