package translate

// Host translates the routes and clusters of one host.
func Host(in HostInput) *Bundle {
	return &Bundle{}
}
