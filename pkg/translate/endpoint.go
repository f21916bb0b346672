package translate

// Endpoints translates the endpoints of one host.
func Endpoints(in EndpointInput) *Bundle {
	return &Bundle{}
}
