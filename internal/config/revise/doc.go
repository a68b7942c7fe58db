// Package revise changes one thing in the text of a configuration: it sets
// attributes of a block, adds a block or removes one, and leaves every other
// byte as it is. Whether the outcome is a good configuration is found out by
// whoever loads it. It is pure.
package revise
