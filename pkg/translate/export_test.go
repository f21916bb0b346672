package translate

// Updating says whether the tests write generated files instead of comparing them.
func Updating() bool { return *update }
