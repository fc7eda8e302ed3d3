// Package study holds one protocol for the paper's remedies and their rivals: which
// runs it takes, the figures of every cell, the differences with their intervals,
// how well a choice of the remedy without test labels does, and the page that says
// so. What is on the page follows from three CSV files alone.
package study
