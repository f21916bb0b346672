package view

// Forget drops what was kept from earlier requests.
func Forget(v *Views) { v.fleet.value, v.problems.value, v.hosts = nil, nil, nil }
