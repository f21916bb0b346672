// Package translatetest has what the tests of package translate and the packages below it share.
package translatetest
