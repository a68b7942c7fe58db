// Package syntax reads configuration texts into what is written there, with the
// place of every name: HCL and its JSON twin into bodies of attributes and
// blocks, and objects of plain JSON into their members. It knows no meaning
// beyond which properties of the twin are blocks. Nothing is kept.
package syntax
