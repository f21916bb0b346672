package mesh

// VirtualServices is an immutable, comparable list of VirtualServices. The zero VirtualServices is empty.
type VirtualServices struct{ List[*VirtualService] }

// MakeVirtualServices makes a list.
func MakeVirtualServices(list ...*VirtualService) VirtualServices {
	return VirtualServices{MakeList(list...)}
}
