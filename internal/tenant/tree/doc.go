// Package tree reads documents for guests: values of JSON and texts of XML by
// paths, and whether a document is well-formed.
//
// It knows no machine and charges nothing but by the Work that it is given.
// Documents are anybody's: how deep they nest is looked at before anything
// recurses, entities that a document declares are not known, and nothing that a
// document says makes a result larger than the document. Results are appended to
// the caller's memory; nothing of a document is kept.
package tree
